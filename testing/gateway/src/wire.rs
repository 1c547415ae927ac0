//! Requests of platforms: one connection each, so that a kill is seen at once.

use core::time::Duration;

use http::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No gateway takes this long.
const LONGEST: Duration = Duration::from_secs(30);

/// What a platform got as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether there is a `Retry-After`.
    pub says_when: bool,
}

/// Posts a body to this machine; `None` if there is no whole answer.
pub async fn post(port: u16, path: &str, headers: &HeaderMap, body: &[u8]) -> Option<Answer> {
    tokio::time::timeout(LONGEST, exchange(port, path, headers, body)).await.ok()?.ok().flatten()
}

async fn exchange(
    port: u16,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> std::io::Result<Option<Answer>> {
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    )
    .into_bytes();
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head.extend_from_slice(body);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(&head).await?;
    let mut said = Vec::new();
    // A kill after the head cuts the rest off: what was said counts.
    let _cut = stream.read_to_end(&mut said).await;
    Ok(parse(&String::from_utf8_lossy(&said)))
}

fn parse(said: &str) -> Option<Answer> {
    let (head, _) = said.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let says_when = lines.any(|line| line.to_ascii_lowercase().starts_with("retry-after:"));
    Some(Answer { status, says_when })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_its_head_is_whole() {
        let whole = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\r\nlate";
        assert_eq!(parse(whole), Some(Answer { status: 503, says_when: true }));
        assert_eq!(parse("HTTP/1.1 200 OK\r\n\r\n"), Some(Answer { status: 200, says_when: false }));
        for torn in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 2"] {
            assert_eq!(parse(torn), None);
        }
    }
}
