//! `RequestId`: the id of a request, short, printable, free of its scheme's delimiter.

use core::fmt;

use crate::Malformed;
use crate::header::all;

/// A request's id as the sender wrote it: 1 to 256 characters of visible ASCII, stored without allocating.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId {
    // Zero beyond `length`, so the derived comparisons are those of the text.
    bytes: [u8; Self::MAX_BYTES],
    length: u16,
}

impl RequestId {
    /// Longer ids are refused; a UUID has 36 bytes.
    pub const MAX_BYTES: usize = 256;

    /// An id with this text.
    ///
    /// `delimiter` is the byte that follows the id in the signed bytes: an id that contained it could share its signature with
    /// another id.
    ///
    /// # Errors
    /// [`Malformed::Empty`], [`Malformed::TooLong`], [`Malformed::NotPrintableAscii`] (a space counts as such), or
    /// [`Malformed::DelimiterInId`].
    pub fn new(text: &[u8], delimiter: u8) -> Result<Self, Malformed> {
        Self::check(text, delimiter).map(Self::of_checked)
    }

    /// The text, if an id may have it.
    pub(crate) fn check(text: &[u8], delimiter: u8) -> Result<&[u8], Malformed> {
        if text.is_empty() {
            return Err(Malformed::Empty);
        }
        if !all(text, u8::is_ascii_graphic) {
            return Err(Malformed::NotPrintableAscii);
        }
        if !all(text, |byte| *byte != delimiter) {
            return Err(Malformed::DelimiterInId { delimiter: delimiter.into() });
        }
        if text.len() > Self::MAX_BYTES {
            return Err(Malformed::TooLong { bytes: text.len(), max: Self::MAX_BYTES });
        }
        Ok(text)
    }

    /// An id with a text that passed [`RequestId::check`].
    pub(crate) fn of_checked(text: &[u8]) -> Self {
        let mut id = Self { bytes: [0; Self::MAX_BYTES], length: 0 };
        if let (Some(room), Ok(length)) = (id.bytes.get_mut(..text.len()), u16::try_from(text.len())) {
            room.copy_from_slice(text);
            id.length = length;
        }
        id
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({:?})", self.as_str())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_text_up_to_its_bound() {
        let longest = "x".repeat(256);
        assert_eq!(RequestId::new(longest.as_bytes(), b'.').unwrap().as_str(), longest);
        assert_eq!(
            RequestId::new("x".repeat(257).as_bytes(), b'.'),
            Err(Malformed::TooLong { bytes: 257, max: 256 })
        );
        assert!(RequestId::new(&[b'x'; 70_000], b'.').is_err());
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        assert_eq!(RequestId::new(b"", b'.'), Err(Malformed::Empty));
        assert_eq!(RequestId::new(b"a.b", b'.'), Err(Malformed::DelimiterInId { delimiter: '.' }));
        assert!(RequestId::new(b"a.b", b':').is_ok());
        for text in ["a b", "a\tb", "a\u{7f}", "\u{e9}"] {
            assert_eq!(RequestId::new(text.as_bytes(), b'.'), Err(Malformed::NotPrintableAscii), "{text:?}");
        }
    }
}
