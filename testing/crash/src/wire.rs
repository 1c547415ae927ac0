//! Requests and answers as datagrams on a Unix socket, and what the receiver writes down of them.
//!
//! A request is a line of words and then the body; an answer is a line of words.

use core::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::check::{Seen, is_accepted};

/// No datagram is longer.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Where the receiver listens.
#[must_use]
pub fn receiver_socket(folder: &Path) -> PathBuf {
    folder.join("receiver.sock")
}

/// Where the receiver writes down what it got.
#[must_use]
pub fn wire_log(folder: &Path) -> PathBuf {
    folder.join("wire.log")
}

/// What tells bodies apart: the first eight bytes of the SHA-256.
#[must_use]
pub fn digest(body: &[u8]) -> u64 {
    let digest: [u8; 32] = Sha256::digest(body).into();
    digest.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// One thing that the receiver saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request.
    Request(Request),
    /// The driver says: this process is dead.
    Killed {
        /// Its id.
        pid: u32,
    },
    /// The driver says: this process is stopped, and may go on some time.
    Paused {
        /// Its id.
        pid: u32,
    },
    /// The driver says: from here on the database may be down.
    OutageBegan,
    /// The driver says: it is up again.
    OutageEnded,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The process that sent it.
    pub pid: u32,
    /// The delivery's id.
    pub delivery: u128,
    /// The endpoint's number.
    pub endpoint: u32,
    /// Its number among the delivery's requests.
    pub send: u32,
    /// The body's.
    pub digest: u64,
    /// The status that it was answered with; `None` if it was not.
    pub status: Option<u16>,
}

impl Request {
    /// Whether the endpoint took it.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        is_accepted(self.status)
    }

    /// What its endpoint saw of it.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        let Self { endpoint, send, digest, status, .. } = *self;
        Seen { endpoint, send, digest, status }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(Request { pid, delivery, endpoint, send, digest, status }) => {
                let status = status.unwrap_or(0);
                write!(f, "request {pid} {delivery:032x} {endpoint} {send} {digest:016x} {status}")
            }
            Self::Killed { pid } => write!(f, "killed {pid}"),
            Self::Paused { pid } => write!(f, "paused {pid}"),
            Self::OutageBegan => f.write_str("outage-began"),
            Self::OutageEnded => f.write_str("outage-ended"),
        }
    }
}

impl Event {
    /// What a line of the log says; `None` if it says nothing.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        Some(match words.as_slice() {
            ["request", pid, delivery, endpoint, send, digest, status] => Self::Request(Request {
                pid: pid.parse().ok()?,
                delivery: u128::from_str_radix(delivery, 16).ok()?,
                endpoint: endpoint.parse().ok()?,
                send: send.parse().ok()?,
                digest: u64::from_str_radix(digest, 16).ok()?,
                status: Some(status.parse().ok()?).filter(|status| *status != 0),
            }),
            ["killed", pid] => Self::Killed { pid: pid.parse().ok()? },
            ["paused", pid] => Self::Paused { pid: pid.parse().ok()? },
            ["outage-began"] => Self::OutageBegan,
            ["outage-ended"] => Self::OutageEnded,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_written() {
        let request =
            Request { pid: 7, delivery: u128::MAX, endpoint: 3, send: 2, digest: 9, status: Some(503) };
        let unanswered = Request { status: None, ..request };
        let events = [
            Event::Request(request),
            Event::Request(unanswered),
            Event::Killed { pid: 7 },
            Event::OutageBegan,
        ];
        for event in events {
            assert_eq!(Event::parse(&event.to_string()), Some(event));
        }
        assert_eq!(Event::parse("request 7"), None);
    }
}
