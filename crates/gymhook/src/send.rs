//! The sending half: from a body to a signed request, and from the response to an outcome.
//!
//! One attempt of a delivery is [`request`], any HTTP client, and [`outcome`]. [`gymhook_retry`] then decides what to do
//! next, and [`gymhook_delivery`] which delivery is next. Sign each attempt afresh: its time is part of what is signed, and a
//! rotated secret takes effect with the next attempt.
//!
//! ```
//! use bytes::Bytes;
//! use gymhook::send::{self, EndpointUrl};
//! use gymhook::signature::{Keyring, Secret};
//! use gymhook::{Provider, retry::Outcome};
//! use http::{Response, StatusCode};
//! use time::macros::utc_datetime;
//!
//! let provider = Provider::point();
//! let signer = provider.signer(Keyring::single("2026-05", Secret::new("point-signing-secret")?)?)?;
//! let url = EndpointUrl::new("https://receiver.example/hooks", provider.profile().url_rule.value)?;
//!
//! let body = Bytes::from_static(br#"{"eventType":"workout.created"}"#);
//! let request = send::request(&signer, &url, "delivery-1", body, utc_datetime!(2026-01-01 12:00))?;
//! assert_eq!(request.method(), "POST");
//! assert!(request.headers().contains_key("point-signature"));
//!
//! // Your client sends it, redirects off, within the attempt timeout; then:
//! let mut response = Response::new("Service Unavailable");
//! *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
//! let outcome = send::outcome(&response, utc_datetime!(2026-01-01 12:00:01));
//! assert_eq!(outcome, Outcome::response(StatusCode::SERVICE_UNAVAILABLE));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod endpoint_url;
mod filter;

use bytes::Bytes;
use gymhook_retry::{Outcome, RetryAfter};
use gymhook_signature::{SignError, Signer};
use http::{HeaderValue, Method, Request, Response, header};
use time::UtcDateTime;

pub use self::endpoint_url::{EndpointUrl, UrlError};
pub use self::filter::{EventFilter, FilterError};
use crate::ResponseCapture;

/// The content type of all platforms: EGYM's page names it, and the others' bodies are JSON.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/json");

/// The request of one attempt: `POST`, JSON, with a fresh signature.
///
/// `id` is the delivery's id, equal in every attempt; the body is sent byte for byte as it was signed. `Content-Length` is
/// set even if it is zero: many clients omit it then, and some servers require it with 411 (RFC 9110, section 8.6).
///
/// # Errors
/// [`SignError`]: the id cannot be signed, no key is valid at `now`, or `now` is before 1970.
pub fn request(
    signer: &Signer,
    url: &EndpointUrl,
    id: &str,
    body: Bytes,
    now: UtcDateTime,
) -> Result<Request<Bytes>, SignError> {
    let headers = signer.sign(id, &body, now)?;
    let length = HeaderValue::from(body.len());
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.to_uri();
    *request.headers_mut() = headers;
    request.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
    request.headers_mut().insert(header::CONTENT_LENGTH, length);
    Ok(request)
}

/// The outcome of an attempt whose response arrived in time; `now` is when it arrived.
///
/// A repeated or invalid `Retry-After` is ignored. If there was no response (a timeout, a refused connection), the caller
/// creates an [`Outcome::Failure`] from its client's error.
pub fn outcome<B>(response: &Response<B>, now: UtcDateTime) -> Outcome {
    let mut wishes = response.headers().get_all(header::RETRY_AFTER).iter();
    let retry_after = match (wishes.next(), wishes.next()) {
        (Some(only), None) => RetryAfter::parse(only.as_bytes(), now),
        _ => None,
    };
    Outcome::Response { status: response.status(), retry_after }
}

/// The part of a response's body that the log keeps: its first characters, with invalid UTF-8 replaced by U+FFFD.
///
/// It reads at most four bytes for each character, so stop reading the body there as well.
#[must_use]
pub fn capture(rule: ResponseCapture, body: &[u8]) -> String {
    let looked_at = body.get(..rule.max_characters.saturating_mul(4)).unwrap_or(body);
    String::from_utf8_lossy(looked_at).chars().take(rule.max_characters).collect()
}
