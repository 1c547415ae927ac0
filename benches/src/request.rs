//! What the requests of all measurements have in common.

use http::{HeaderMap, HeaderValue};

use crate::Outcome;

/// 32 bytes, as dashboards hand them out.
pub(crate) const SECRET: &str = "0d3f7c1a95b84e62a7f0c3d8e1b64925";

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
