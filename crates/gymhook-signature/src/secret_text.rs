//! `SecretTextProblem`: why a text cannot be decoded as a secret: what was found in it, never the text.

use core::fmt;

/// What is wrong with the text of an encoded secret; `Display` says what to do about it.
///
/// Determined after decoding has failed; if several apply, it is the first in this order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SecretTextProblem {
    /// It begins with U+FEFF, which some editors write at the start of a file.
    ByteOrderMark,
    /// It begins or ends with a quotation mark.
    Quotes,
    /// It ends with a line end.
    LineEnd,
    /// It has white space at an end or within.
    WhiteSpace,
    /// It begins with `v1,`, as signatures do, and as some platforms display their secrets.
    VersionPrefix,
    /// It begins with `whpk_`, the mark of a public key (Standard Webhooks, `v1a`).
    PublicKey,
    /// It begins with `whsk_`, the mark of a private key (Standard Webhooks, `v1a`).
    PrivateKey,
    /// It begins with `whsec_`, a prefix that is not part of the base64.
    WhsecPrefix,
    /// It begins with `whsec_` in another case, such as `WHSEC_`.
    PrefixCase,
    /// It begins with `0x`.
    HexPrefix,
    /// It contains `-` or `_`: the URL-safe alphabet (RFC 4648, section 5).
    UrlSafeAlphabet,
    /// It contains a character that the encoding does not have.
    ForeignCharacter,
    /// Its characters are valid but their number is not: some are missing, or the padding is.
    Length {
        /// How many characters there are, without a prefix.
        characters: usize,
    },
    /// Its characters and their number are valid, but its end is not canonical.
    NotCanonical,
}

impl SecretTextProblem {
    /// What keeps this text from being base64; `prefixed` if `whsec_` may come before it.
    pub(crate) fn in_base64(text: &str, prefixed: bool) -> Self {
        if let Some(problem) = Self::around(text) {
            return problem;
        }
        let encoded = match text.strip_prefix("whsec_") {
            Some(_) if !prefixed => return Self::WhsecPrefix,
            Some(rest) => rest,
            None => text,
        };
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        let characters = encoded.chars().count();
        match encoded {
            _ if encoded.bytes().all(in_alphabet) && !characters.is_multiple_of(4) => {
                Self::Length { characters }
            }
            _ if encoded.bytes().all(in_alphabet) => Self::NotCanonical,
            _ if encoded.bytes().all(|byte| in_alphabet(byte) || matches!(byte, b'-' | b'_')) => {
                Self::UrlSafeAlphabet
            }
            _ => Self::ForeignCharacter,
        }
    }

    /// What keeps this text from being hexadecimal.
    pub(crate) fn in_hex(text: &str) -> Self {
        match Self::around(text) {
            Some(problem) => problem,
            None if text.starts_with("whsec_") => Self::WhsecPrefix,
            None if text.starts_with("0x") || text.starts_with("0X") => Self::HexPrefix,
            None if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Self::Length { characters: text.len() }
            }
            None => Self::ForeignCharacter,
        }
    }

    /// What no encoding has, at an end of the text or within.
    fn around(text: &str) -> Option<Self> {
        let starts =
            |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if text.starts_with('\u{feff}') {
            return Some(Self::ByteOrderMark);
        }
        let quote = ['"', '\'', '`', '\u{201c}', '\u{201d}'];
        if text.trim().starts_with(quote) || text.trim().ends_with(quote) {
            return Some(Self::Quotes);
        }
        if text.ends_with(['\n', '\r']) {
            return Some(Self::LineEnd);
        }
        match text {
            _ if text.contains(char::is_whitespace) => Some(Self::WhiteSpace),
            _ if starts("v1,") => Some(Self::VersionPrefix),
            _ if starts("whpk_") => Some(Self::PublicKey),
            _ if starts("whsk_") => Some(Self::PrivateKey),
            _ if starts("whsec_") && !text.starts_with("whsec_") => Some(Self::PrefixCase),
            _ => None,
        }
    }
}

impl fmt::Display for SecretTextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteOrderMark => "it begins with a byte order mark; remove it",
            Self::Quotes => "it has a quotation mark at an end; remove the quotes",
            Self::LineEnd => "it ends with a line end; remove it",
            Self::WhiteSpace => "it has white space at an end or within; remove it",
            Self::VersionPrefix => "it begins with \"v1,\"; pass only what follows the comma",
            Self::PublicKey => "it begins with whpk_, the mark of a public key, which signs nothing here; ask for the whsec_ secret",
            Self::PrivateKey => "it begins with whsk_, the mark of a private key, which no receiver needs; ask for the whsec_ secret",
            Self::WhsecPrefix => "it begins with whsec_; decode it with Secret::from_whsec",
            Self::PrefixCase => "its prefix is not in lower case; write whsec_",
            Self::HexPrefix => "it begins with 0x; pass only the digits",
            Self::UrlSafeAlphabet => {
                "it holds - or _, the URL-safe alphabet; ask for the standard one, or put + for - and / for _"
            }
            Self::ForeignCharacter => "it holds a character that this encoding does not have; is it another encoding, or plain text?",
            Self::Length { characters } => {
                return write!(f, "it has {characters} characters, which no number of bytes has; was it cut when it was copied?");
            }
            Self::NotCanonical => "its padding or its last character is wrong; was it cut or changed when it was copied?",
        })
    }
}
