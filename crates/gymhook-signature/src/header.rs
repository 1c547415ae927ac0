//! `exactly_once`, `printable` and `all`: security headers, each exactly once, printable, bounded. The presence of all
//! of them is checked before their form.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Malformed, VerifyError};

/// The one value of each named header.
///
/// A missing header is reported before a repeated one, whatever their names.
///
/// One pass over all headers: a request has a dozen, and hashing the names of the wanted ones would cost more.
pub(crate) fn exactly_once<'h, const N: usize>(
    headers: &'h HeaderMap,
    names: [&HeaderName; N],
) -> Result<[&'h HeaderValue; N], VerifyError> {
    static ABSENT: HeaderValue = HeaderValue::from_static("");
    let mut values = [&ABSENT; N];
    let mut counts = [0_usize; N];
    for (name, value) in headers {
        for ((slot, count), wanted) in values.iter_mut().zip(&mut counts).zip(names) {
            if name == wanted {
                *slot = value;
                *count += 1;
            }
        }
    }
    let counted = || names.into_iter().zip(counts);
    if let Some((name, _)) = counted().find(|(_, count)| *count == 0) {
        return Err(VerifyError::MissingHeader { header: name.clone() });
    }
    if let Some((name, count)) = counted().find(|(_, count)| *count > 1) {
        return Err(VerifyError::DuplicateHeader { header: name.clone(), count });
    }
    Ok(values)
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

/// As [`printable`], as text, which is the faster one to search.
pub(crate) fn printable_text(value: &HeaderValue, max: usize) -> Result<&str, Malformed> {
    let bytes = printable(value, max)?;
    core::str::from_utf8(bytes).map_err(|_| Malformed::NotPrintableAscii)
}

/// Printable ASCII without a space at either end: what survives a header unchanged.
pub(crate) fn fits_a_header(bytes: &[u8]) -> bool {
    is_printable(bytes) && bytes.trim_ascii().len() == bytes.len()
}

fn is_printable(bytes: &[u8]) -> bool {
    all(bytes, |byte| matches!(byte, b' '..=b'~'))
}

/// Whether it holds for all bytes; without an early exit, so that the compiler can judge many of them at once.
pub(crate) fn all(bytes: &[u8], holds: impl Fn(&u8) -> bool) -> bool {
    bytes.iter().fold(true, |so_far, byte| so_far & holds(byte))
}
