//! Which headers a subscription may add to its requests.

use http::{HeaderMap, HeaderName, HeaderValue, header};

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
    if headers.len() > MAX_HEADERS {
        return Err(CheckHeadersError::TooMany { headers: headers.len(), max: MAX_HEADERS });
    }
    for (name, value) in headers {
        if is_reserved(name) || signature.contains(name) {
            return Err(CheckHeadersError::Reserved { name: name.clone() });
        }
        if !is_printable(value) {
            return Err(CheckHeadersError::NotPrintable { name: name.clone() });
        }
    }
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MAX_BYTES {
        return Err(CheckHeadersError::TooLarge { bytes, max: MAX_BYTES });
    }
    Ok(())
}

/// Why a subscription's headers are refused. Caused by the input; no value is repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckHeadersError {
    /// A value has characters other than printable ASCII.
    #[error("the value of header {name} has characters other than printable ASCII: remove them")]
    NotPrintable {
        /// The header's name.
        name: HeaderName,
    },
    /// A subscription must not set this header.
    #[error("the header {name} is set by the transport or belongs to the signature: remove it")]
    Reserved {
        /// The header's name.
        name: HeaderName,
    },
    /// Names and values are too long together.
    #[error("the headers have {bytes} bytes: shorten them to at most {max}")]
    TooLarge {
        /// The bytes of all names and values.
        bytes: usize,
        /// The largest number of them.
        max: usize,
    },
    /// There are too many.
    #[error("there are {headers} headers: the maximum is {max}")]
    TooMany {
        /// How many there are.
        headers: usize,
        /// The largest number of them.
        max: usize,
    },
}

/// Our limit: many servers take 100 headers in all, and the scheme and the transport need some.
const MAX_HEADERS: usize = 32;
/// Our limit, a little under the 8 KiB for all headers that widespread servers take.
const MAX_BYTES: usize = 6 * 1024;

/// Names that decide where a message ends, where it goes or how it is read (RFC 9110, sections 6 to 8; RFC 9112, sections 6, 7
/// and 9), and those that the transport sets. Cookies are a browser's.
const RESERVED: [HeaderName; 16] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
    header::VIA,
];

fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name) || name.as_str().starts_with("proxy-")
}

/// Visible ASCII and the space.
fn is_printable(value: &HeaderValue) -> bool {
    value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte))
}
