//! Which headers a subscription may add to its requests.

use http::{HeaderMap, HeaderName};

use crate::header_rules::{self, CheckHeadersError, HeaderLimits};

/// Checks a subscription's custom headers; `signature` are the names that the platform's scheme sets.
///
/// ```
/// use gymhook_engine::http::check_headers;
/// use http::{HeaderMap, HeaderValue, header};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer receiver-token"));
/// assert!(check_headers(&headers, &[]).is_ok());
/// headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
/// assert!(check_headers(&headers, &[]).is_err());
/// ```
///
/// # Errors
/// - [`CheckHeadersError::Reserved`]: a name that the transport or the signature sets.
/// - [`CheckHeadersError::NotPrintable`]: a value with anything but printable ASCII.
/// - [`CheckHeadersError::TooMany`], [`CheckHeadersError::TooLarge`]: more than the limits of this crate.
pub fn check_headers(headers: &HeaderMap, signature: &[HeaderName]) -> Result<(), CheckHeadersError> {
    header_rules::check(headers, signature, LIMITS)
}

/// Our limits: many servers take 100 headers in all, and the scheme and the transport need some; and 6 KiB of the
/// 8 KiB for all headers that widespread servers take, which leaves one for a delivery's headers and one for the rest.
const LIMITS: HeaderLimits = HeaderLimits { headers: 32, bytes: 6 * 1024 };
