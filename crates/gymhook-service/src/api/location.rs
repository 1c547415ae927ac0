//! `location`: the header `Location` of an answer 201, for whatever a request created.

use http::{HeaderName, HeaderValue, header};

/// Where it is that was created: relative, since the router may be mounted under a path.
pub(super) fn location(collection: &'static str, name: &str) -> [(HeaderName, HeaderValue); 1] {
    let location = HeaderValue::from_str(&format!("{collection}/{name}"));
    [(header::LOCATION, location.unwrap_or_else(|_| HeaderValue::from_static(collection)))]
}
