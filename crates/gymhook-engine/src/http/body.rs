//! `BodyRead`: reads the beginning of a response's body, and says how it ended.

use core::fmt;

use bytes::Bytes;
use gymhook::ResponseCapture;
use gymhook::send;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

/// The maximum that is read of a body; with a longer one the connection is closed.
pub(super) const MOST_READ: usize = 16 * 1024;

/// What was read of a body, and why no more.
#[derive(Debug)]
pub(super) struct BodyRead {
    /// What the rule keeps of it; `None` for an empty body.
    pub(super) captured: Option<String>,
    pub(super) end: BodyEnd,
    bytes: usize,
}

/// How the reading of a body ended.
#[derive(Debug)]
pub(super) enum BodyEnd {
    /// It was read to its end.
    Complete,
    /// The connection broke, or the body broke the rules of HTTP.
    Cut(hyper::Error),
    /// It was not complete in its time.
    TimedOut,
    /// It is longer than what is read.
    Capped,
}

/// Reads the body to its end or to [`MOST_READ`], until this moment at most.
pub(super) async fn read(mut body: Incoming, rule: ResponseCapture, until: Instant) -> BodyRead {
    let wanted = rule.max_characters.saturating_mul(4).min(MOST_READ);
    let mut kept = Vec::new();
    let mut bytes = 0_usize;
    // One that announces more than is read will not be reused either way.
    let announced = body.size_hint().lower();
    let most = if announced > MOST_READ as u64 { wanted } else { MOST_READ };
    let end = loop {
        if bytes >= most {
            break if body.is_end_stream() { BodyEnd::Complete } else { BodyEnd::Capped };
        }
        let data = match timeout_at(until, body.frame()).await {
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(error))) => break BodyEnd::Cut(error),
            Ok(None) => break BodyEnd::Complete,
            Err(_) => break BodyEnd::TimedOut,
        };
        bytes = bytes.saturating_add(data.len());
        keep(&mut kept, &data, wanted);
    };
    // Dropping what is left of the body closes its connection.
    if kept.len() == wanted {
        drop_torn_character(&mut kept);
    }
    let captured = (!kept.is_empty()).then(|| send::capture(rule, &kept));
    BodyRead { captured, end, bytes }
}

impl BodyRead {
    pub(super) const fn is_complete(&self) -> bool {
        matches!(self.end, BodyEnd::Complete)
    }
}

/// How it ended, for the operator.
impl fmt::Display for BodyRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, .. } = self;
        match &self.end {
            BodyEnd::Complete => write!(f, "the answer's body is complete, {bytes} bytes"),
            BodyEnd::Cut(error) => {
                let why = super::request_error::innermost(error);
                write!(f, "the answer's body was cut after {bytes} bytes: {why}")
            }
            BodyEnd::TimedOut => write!(f, "the answer's body timed out after {bytes} bytes"),
            BodyEnd::Capped => write!(f, "the answer's body was capped at {bytes} bytes"),
        }
    }
}

fn keep(kept: &mut Vec<u8>, data: &Bytes, wanted: usize) {
    let room = wanted.saturating_sub(kept.len());
    kept.extend_from_slice(data.get(..room).unwrap_or(data));
}

/// The cut may lie within a character; what is left of it is not the endpoint's doing.
fn drop_torn_character(kept: &mut Vec<u8>) {
    if let Err(error) = core::str::from_utf8(kept)
        && error.error_len().is_none()
    {
        kept.truncate(error.valid_up_to());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_wanted_of_any_number_of_frames() {
        let mut kept = Vec::new();
        for frame in ["abc", "", "defg", "h"] {
            keep(&mut kept, &Bytes::from(frame), 5);
        }
        assert_eq!(kept, b"abcde");
    }

    #[test]
    fn drops_half_a_character_and_nothing_else() {
        let cut = |bytes: &[u8]| {
            let mut kept = bytes.to_vec();
            drop_torn_character(&mut kept);
            kept
        };
        assert_eq!(cut("aé".as_bytes()), "aé".as_bytes());
        assert_eq!(cut(&"a€".as_bytes()[..3]), b"a");
        assert_eq!(cut(b"a\xFFb"), b"a\xFFb", "what the endpoint got wrong stays to be seen");
    }
}
