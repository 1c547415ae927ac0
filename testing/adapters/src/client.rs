//! A client that sends exactly the bytes it is told to, when it is told to.

use core::net::SocketAddr;
use core::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// How long anything may take before a test gives up: no measure of speed.
const PATIENCE: Duration = Duration::from_secs(60);

/// One thing that the client does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Does nothing for a while.
    Wait(Duration),
    /// Says that no more comes.
    Finish,
    /// Sends chunks of 1 KiB until the server is gone.
    ChunksForEver,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// All headers but `date` and those of the framing (`connection`, `content-length`), in the order of their names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// HTTP/1.1: all of it, byte for byte, with the value of `date` cut out.
    pub raw: Vec<u8>,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(header, _)| header == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// What has to be the same whatever the server and the version of HTTP.
    pub fn essence(&self) -> (u16, &[(String, String)], &[u8]) {
        (self.status, &self.headers, &self.body)
    }
}

/// A chunk of HTTP/1.1.
pub fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

/// An HTTP/1.1 POST with its length.
pub fn request(path: &str, headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("POST {path} HTTP/1.1\r\nhost: gym\r\ncontent-length: {}\r\n", body.len()).into_bytes();
    for (name, value) in headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    [&bytes, &b"\r\n"[..], body].concat()
}

/// Posts a body, and returns the answer.
pub async fn post(address: SocketAddr, path: &str, headers: &HeaderMap, body: &[u8]) -> Reply {
    let reply = exchange(address, vec![Step::Send(request(path, headers, body))]).await;
    reply.expect("an answer")
}

/// A connection to the server.
pub async fn open(address: SocketAddr) -> TcpStream {
    let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(address));
    connecting.await.expect("in time").expect("a connection")
}

/// Opens a connection, does all that, and reads the answer meanwhile; `None` if the server closes without one. Informational
/// answers are passed over.
pub async fn exchange(address: SocketAddr, steps: Vec<Step>) -> Option<Reply> {
    let (mut answers, mut requests) = open(address).await.into_split();
    let writing = tokio::spawn(async move {
        for step in steps {
            if take(&mut requests, step).await.is_none() {
                break;
            }
        }
        requests
    });
    let mut received = Vec::new();
    let reply = loop {
        if let Some(reply) = parse(&received) {
            break Some(reply);
        }
        let reading = tokio::time::timeout(PATIENCE, answers.read_buf(&mut received)).await;
        match reading.expect("an answer in time") {
            Ok(0) | Err(_) => break None,
            Ok(_) => {}
        }
    };
    writing.abort();
    reply
}

async fn take(requests: &mut OwnedWriteHalf, step: Step) -> Option<()> {
    match step {
        Step::Send(bytes) => requests.write_all(&bytes).await.ok(),
        Step::Wait(time) => {
            tokio::time::sleep(time).await;
            Some(())
        }
        Step::Finish => requests.shutdown().await.ok(),
        Step::ChunksForEver => loop {
            requests.write_all(&chunk(&[b' '; 1_024])).await.ok()?;
        },
    }
}

/// The answer, if all of it is there.
fn parse(received: &[u8]) -> Option<Reply> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let (head, rest) = received.split_at(end);
    let head = core::str::from_utf8(head).expect("an ASCII head");
    let mut lines = head.trim_end().split("\r\n");
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().expect("a status");
    if status < 200 {
        return parse(rest);
    }
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().expect("a length"));
    let body = rest.get(..length)?.to_vec();
    let date = headers.iter().find(|(name, _)| name == "date").map(|(_, value)| value.clone());
    let raw = head.replace(&date.unwrap_or_default(), "");
    Some(Reply { status, headers: comparable(headers), raw: [raw.as_bytes(), &body].concat(), body })
}

fn comparable(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    headers.retain(|(name, _)| !["connection", "content-length", "date"].contains(&name.as_str()));
    headers.sort();
    headers
}

/// Sends a request over HTTP/2 in these frames, with a pause between them; `None` if the server resets it without an answer.
pub async fn exchange_h2(
    address: SocketAddr,
    request: Request<()>,
    frames: Vec<Bytes>,
    pause: Duration,
) -> Option<Reply> {
    let (mut client, connection) = h2::client::handshake(open(address).await).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let (answer, mut body) = client.send_request(request, frames.is_empty()).expect("a request");
    let last = frames.len().saturating_sub(1);
    let sending = tokio::spawn(async move {
        for (number, frame) in frames.into_iter().enumerate() {
            // A server that has answered already resets the rest.
            if body.send_data(frame, number == last).is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    });
    let answer = tokio::time::timeout(PATIENCE, answer).await.expect("an answer in time").ok();
    let reply = match answer {
        None => None,
        Some(answer) => {
            let (head, mut stream) = answer.into_parts();
            let mut body = Vec::new();
            while let Some(data) = stream.data().await {
                body.extend(data.expect("the rest of the answer"));
            }
            let headers = head.headers.iter();
            let headers = headers
                .map(|(name, value)| (name.as_str().to_owned(), value.to_str().expect("ASCII").to_owned()));
            let headers = comparable(headers.collect());
            Some(Reply { status: head.status.as_u16(), headers, body, raw: Vec::new() })
        }
    };
    sending.abort();
    connection.abort();
    reply
}
