//! What the requests of all measurements have in common.

use http::{HeaderMap, HeaderValue};

use crate::Outcome;

/// 32 bytes, as dashboards issue them. It is at no platform.
pub const SECRET: &str = "0d3f7c1a95b84e62a7f0c3d8e1b64925";

/// The length of what [`padded`] returns.
pub const BODY_BYTES: usize = 300;

/// JSON in 300 bytes: `head`, which ends within a text within an object within an array within an object, filled up with dashes
/// and closed. A head of more than 296 bytes is cut.
#[must_use]
pub fn padded(head: impl Into<Vec<u8>>) -> Vec<u8> {
    const TAIL: &[u8] = br#""}]}"#;
    let mut body = head.into();
    body.resize(BODY_BYTES - TAIL.len(), b'-');
    body.extend(TAIL);
    body
}

pub(crate) const REQUEST_ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// What a real request carries beside the signature.
pub(crate) fn usual_headers(body_bytes: usize) -> Outcome<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("hooks.example.com"));
    headers.insert("user-agent", HeaderValue::from_static("example-sender/1.0"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("content-length", HeaderValue::try_from(body_bytes.to_string())?);
    Ok(headers)
}
