//! `check`: which headers a subscription or a delivery may add to a request, with the reserved names and
//! `CheckHeadersError`.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The most headers, and the most bytes of all their names and values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderLimits {
    pub(crate) headers: usize,
    pub(crate) bytes: usize,
}

pub(crate) fn check(
    headers: &HeaderMap,
    signature: &[HeaderName],
    limits: HeaderLimits,
) -> Result<(), CheckHeadersError> {
    let HeaderLimits { headers: max, bytes: max_bytes } = limits;
    if headers.len() > max {
        return Err(CheckHeadersError::TooMany { headers: headers.len(), max });
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
    if bytes > max_bytes {
        return Err(CheckHeadersError::TooLarge { bytes, max: max_bytes });
    }
    Ok(())
}

/// Why the headers of a subscription or of a delivery are refused. Caused by the input; no value is repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckHeadersError {
    /// A value has characters other than printable ASCII.
    #[error("the value of header {name} has characters other than printable ASCII: remove them")]
    NotPrintable {
        /// The header's name.
        name: HeaderName,
    },
    /// Nobody but the transport sets this header.
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
