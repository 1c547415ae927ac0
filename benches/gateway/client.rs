//! A connection that is kept alive and sends one request after the other.

use core::net::SocketAddr;

use gymhook_benches::wire::Sent;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection to a gateway on this machine.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was read and belongs to no answer yet.
    read: Vec<u8>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Sent<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(65_536) })
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Sent<Answer> {
        self.stream.write_all(request).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Sent<Answer> {
        let end = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        let head = String::from_utf8(head)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
        let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if header(&head, "transfer-encoding").is_some() {
            return Err("an answer in chunks".into());
        }
        while self.read.len() < length {
            self.more().await?;
        }
        let body = self.read.drain(..length).collect();
        Ok(Answer { status, head, body })
    }

    async fn more(&mut self) -> Sent<()> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err("the gateway closed".into());
        }
        Ok(())
    }

    /// Sends a request whose answer does not end, and reads of it what has come.
    pub(crate) async fn listen(mut self, request: &[u8]) -> Sent<TcpStream> {
        self.stream.write_all(request).await?;
        while find(&self.read, b"\r\n\r\n").is_none() {
            self.more().await?;
        }
        if !self.read.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&self.read).into_owned().into());
        }
        Ok(self.stream)
    }
}

/// The value of a header, whose name is written in lower case.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The bytes of a request with an API key.
pub(crate) fn asking(method: &str, path: &str, key: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
