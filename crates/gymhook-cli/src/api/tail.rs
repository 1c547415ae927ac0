//! `Tail` reads the live tail of a gateway: one server-sent event after the other.

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use crate::failure::Failure;

/// The longest event: a longer one is none of ours.
const MAX_EVENT: usize = 1 << 20;

/// A stream of what happens.
#[derive(Debug)]
pub(crate) struct Tail {
    body: Incoming,
    lines: Lines,
}

/// What has come, and what of it is an event.
#[derive(Debug, Default)]
struct Lines {
    unread: Vec<u8>,
    name: String,
    data: String,
}

impl Tail {
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body, lines: Lines::default() }
    }

    /// The next event's name and data; `None` when the server ends the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<(String, Value)>, Failure> {
        loop {
            if let Some(event) = self.lines.next() {
                return Ok(Some(event));
            }
            if self.lines.unread.len() > MAX_EVENT {
                return Err(Failure::failed("the server sends an event that does not end"));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let frame =
                frame.map_err(|error| Failure::failed(format!("the server ended the stream: {error}")))?;
            if let Ok(bytes) = frame.into_data() {
                self.lines.unread.extend_from_slice(&bytes);
            }
        }
    }
}

impl Lines {
    /// The next event that is whole.
    fn next(&mut self) -> Option<(String, Value)> {
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                let (name, data) = (core::mem::take(&mut self.name), core::mem::take(&mut self.data));
                if let Ok(data) = serde_json::from_str(&data) {
                    return Some((name, data));
                }
            } else if let Some(name) = line.strip_prefix("event:") {
                name.trim_start().clone_into(&mut self.name);
            } else if let Some(data) = line.strip_prefix("data:") {
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_in_pieces_and_comments_are_none() {
        let mut lines = Lines::default();
        lines.unread.extend_from_slice(b": heartbeat\n\nevent: attempt\nda");
        assert_eq!(lines.next(), None);
        lines.unread.extend_from_slice(b"ta: {\"status\":200}\r\n\r\nevent: missed\ndata: 3\n\n");
        assert_eq!(lines.next(), Some(("attempt".to_owned(), serde_json::json!({"status": 200}))));
        assert_eq!(lines.next(), Some(("missed".to_owned(), serde_json::json!(3))));
        assert_eq!(lines.next(), None);
    }
}
