//! `SecretHint` and `KeyWarning`: signs that a secret was pasted with extra characters, or used as text although it is
//! encoded.

use core::fmt;

use base64ct::{Base64, Encoding as _};

use crate::KeyId;

const BYTE_ORDER_MARK: char = '\u{feff}';
const QUOTES: [char; 8] = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}'];

/// What looks odd about a [`Secret`](crate::Secret): a fact about its form, never a part of it.
///
/// The bytes are still used as given, since only the sender knows what they should be. `Display` completes a sentence that begins
/// with "the secret".
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum SecretHint {
    /// It begins with U+FEFF, which some editors write at the start of a file.
    ByteOrderMark,
    /// It begins with white space.
    LeadingWhiteSpace,
    /// It ends with `\n` or `\r`, as files written by an editor or by `echo` do.
    TrailingLineEnd,
    /// It ends with white space other than a line end.
    TrailingWhiteSpace,
    /// It begins or ends with a quotation mark, which a shell or a configuration file would have removed.
    Quotes,
    /// It begins with `whsec_`: the text of a secret that [`Secret::from_whsec`](crate::Secret::from_whsec) decodes.
    WhsecPrefix,
    /// It is text that [`Secret::from_hex`](crate::Secret::from_hex) would decode to at least 16 bytes. Often right as it is.
    LooksLikeHex,
    /// It is text that [`Secret::from_base64`](crate::Secret::from_base64) would decode to at least 16 bytes. Often right as it
    /// is.
    LooksLikeBase64,
}

impl SecretHint {
    /// Whether the secret begins or ends with something that hardly belongs to it: check this first if every signature is
    /// refused.
    #[must_use]
    pub const fn is_at_an_edge(self) -> bool {
        !matches!(self, Self::LooksLikeHex | Self::LooksLikeBase64)
    }
}

impl fmt::Display for SecretHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteOrderMark => {
                "begins with a byte order mark: was it read from a file that an editor wrote?"
            }
            Self::LeadingWhiteSpace => "begins with white space: was it pasted with it?",
            Self::TrailingLineEnd => "ends with a line end: was it pasted with one?",
            Self::TrailingWhiteSpace => "ends with white space: was it pasted with it?",
            Self::Quotes => "begins or ends with a quotation mark: was it pasted with its quotes?",
            Self::WhsecPrefix => "begins with whsec_: should Secret::from_whsec decode it?",
            Self::LooksLikeHex => "looks like hexadecimal: should Secret::from_hex decode it?",
            Self::LooksLikeBase64 => "looks like base64: should Secret::from_base64 decode it?",
        })
    }
}

/// A [`SecretHint`] with its key; `Display` is a sentence for an operator.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyWarning {
    /// The key.
    pub key: KeyId,
    /// What looks odd about its secret.
    pub hint: SecretHint,
}

impl fmt::Display for KeyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret of key {:?} {}", self.key.as_str(), self.hint)
    }
}

/// Everything that looks odd about these bytes, if they are text; random bytes have no edges.
pub(crate) fn hints(secret: &[u8]) -> impl Iterator<Item = SecretHint> + use<> {
    let text = core::str::from_utf8(secret).ok().filter(|text| is_written(text)).unwrap_or_default();
    let inner = text.trim_start_matches(BYTE_ORDER_MARK);
    let bare = inner.trim().trim_matches(QUOTES);
    let looks_like_hex = is_hex(bare);
    let when = |holds: bool, hint: SecretHint| holds.then_some(hint);
    [
        when(inner.len() < text.len(), SecretHint::ByteOrderMark),
        when(inner.trim_start().len() < inner.len(), SecretHint::LeadingWhiteSpace),
        when(inner.ends_with(['\n', '\r']), SecretHint::TrailingLineEnd),
        when(
            inner.ends_with(|last: char| last.is_whitespace() && last != '\n' && last != '\r'),
            SecretHint::TrailingWhiteSpace,
        ),
        when(bare.len() < inner.trim().len(), SecretHint::Quotes),
        when(bare.starts_with("whsec_"), SecretHint::WhsecPrefix),
        when(looks_like_hex, SecretHint::LooksLikeHex),
        when(!looks_like_hex && is_base64(bare), SecretHint::LooksLikeBase64),
    ]
    .into_iter()
    .flatten()
}

/// Text without control characters, except white space at its ends.
fn is_written(text: &str) -> bool {
    !text.trim().chars().any(char::is_control)
}

/// At least 16 bytes in hexadecimal: 32 digits, an even number of them.
fn is_hex(text: &str) -> bool {
    text.len() >= 32 && text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// At least 16 bytes in padded base64, in the mix of characters that random bytes give.
fn is_base64(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(&kind);
    text.len() >= 24
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(|byte| !byte.is_ascii_alphabetic())
        && Base64::decode_vec(text).map(zeroize::Zeroizing::new).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(secret: &str) -> Vec<SecretHint> {
        hints(secret.as_bytes()).collect()
    }

    #[test]
    fn names_what_stands_at_an_edge() {
        use SecretHint::{
            ByteOrderMark, LeadingWhiteSpace, Quotes, TrailingLineEnd, TrailingWhiteSpace, WhsecPrefix,
        };
        for (secret, expected) in [
            ("abc", vec![]),
            ("a b\tc", vec![]),
            ("abc\n", vec![TrailingLineEnd]),
            ("abc\r\n", vec![TrailingLineEnd]),
            ("abc\r", vec![TrailingLineEnd]),
            ("abc ", vec![TrailingWhiteSpace]),
            ("abc\u{a0}", vec![TrailingWhiteSpace]),
            ("\tabc", vec![LeadingWhiteSpace]),
            ("\u{feff}abc", vec![ByteOrderMark]),
            ("\"abc\"", vec![Quotes]),
            ("'abc", vec![Quotes]),
            ("\u{201c}abc\u{201d}", vec![Quotes]),
            ("it's", vec![]),
            ("whsec_abc", vec![WhsecPrefix]),
            (
                "\u{feff} 'whsec_abc' \n",
                vec![ByteOrderMark, LeadingWhiteSpace, TrailingLineEnd, Quotes, WhsecPrefix],
            ),
            (" ", vec![LeadingWhiteSpace, TrailingWhiteSpace]),
        ] {
            assert_eq!(of(secret), expected, "{secret:?}");
            assert!(of(secret).into_iter().all(SecretHint::is_at_an_edge));
        }
    }

    #[test]
    fn names_an_encoding_by_its_look() {
        use SecretHint::{LooksLikeBase64, LooksLikeHex, TrailingLineEnd};
        for (secret, expected) in [
            ("00112233445566778899aabbccddeeff", vec![LooksLikeHex]),
            ("00112233445566778899AABBCCDDEEFF\n", vec![TrailingLineEnd, LooksLikeHex]),
            ("00112233445566778899aabbccddee", vec![]),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", vec![LooksLikeBase64]),
            ("AAECAwQFBgcICQoLDA0ODw==", vec![LooksLikeBase64]),
            ("0f8fad5b-d9cb-469f-a165-70867728950e", vec![]),
            ("correct horse battery staple", vec![]),
            ("correcthorsebatterystaple", vec![]),
        ] {
            assert_eq!(of(secret), expected, "{secret:?}");
            assert!(
                of(secret)
                    .into_iter()
                    .filter(|hint| *hint != TrailingLineEnd)
                    .all(|hint| !hint.is_at_an_edge())
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_have_no_edges() {
        for secret in [b"\x00\x01\x02\n".as_slice(), b"\xff\xfe \n", b" \x80 ", b"\x1b[2J "] {
            assert_eq!(hints(secret).count(), 0, "{secret:?}");
        }
    }
}
