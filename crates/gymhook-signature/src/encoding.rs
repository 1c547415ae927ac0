//! `Encoding`: how signature bytes are encoded in a header, hexadecimal or Base64; decoded strictly and on the stack.
//!
//! A received signature is not secret, so decoding it need not take constant time; comparing it does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Malformed;
use crate::header::all;

/// The text form of a signature.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Encoding {
    /// Standard base64 with its padding (RFC 4648, section 4), canonical: no stray bits at the end.
    Base64,
    /// Lower-case hexadecimal; upper case is refused.
    Hex,
    /// Hexadecimal, written in lower case and accepted in either.
    HexAnyCase,
}

/// Room for the longest text, 32 bytes in hexadecimal.
const DECODE_ROOM: usize = 64;

impl Encoding {
    /// The name used in configuration: `base64`, `hex` or `hex-any-case`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::HexAnyCase => "hex-any-case",
        }
    }

    /// Decodes exactly `N` bytes, no shorter and no longer.
    pub(crate) fn decode<const N: usize>(self, text: &[u8]) -> Result<[u8; N], Malformed> {
        let expected = self.text_length(N);
        if text.len() != expected {
            return Err(Malformed::SignatureLength { characters: text.len(), expected });
        }
        let undecodable = Malformed::SignatureEncoding { encoding: self };
        match self {
            Self::Hex if !all(text, |byte| !byte.is_ascii_uppercase()) => {
                Err(if all(text, u8::is_ascii_hexdigit) { Malformed::SignatureCase } else { undecodable })
            }
            Self::Hex | Self::HexAnyCase => const_hex::decode_to_array(text).map_err(|_| undecodable),
            Self::Base64 => {
                let mut room = [0; DECODE_ROOM];
                let written = STANDARD.decode_slice_unchecked(text, &mut room).map_err(|_| undecodable)?;
                room.get(..written).and_then(|bytes| bytes.try_into().ok()).ok_or(undecodable)
            }
        }
    }

    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => STANDARD.encode(bytes),
            Self::Hex | Self::HexAnyCase => const_hex::encode(bytes),
        }
    }

    const fn text_length(self, bytes: usize) -> usize {
        match self {
            Self::Base64 => bytes.div_ceil(3) * 4,
            Self::Hex | Self::HexAnyCase => bytes * 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 4648, section 10: BASE64("foobar") and BASE16("foobar").
    #[test]
    fn reads_and_writes_the_published_examples() {
        assert_eq!(Encoding::Base64.decode::<6>(b"Zm9vYmFy"), Ok(*b"foobar"));
        assert_eq!(Encoding::Base64.decode::<4>(b"Zm9vYg=="), Ok(*b"foob"));
        assert_eq!(Encoding::Hex.decode::<6>(b"666f6f626172"), Ok(*b"foobar"));
        assert_eq!(Encoding::HexAnyCase.decode::<6>(b"666F6f626172"), Ok(*b"foobar"));
        assert_eq!(Encoding::Base64.encode(b"foob"), "Zm9vYg==");
        assert_eq!(Encoding::HexAnyCase.encode(b"foobar"), "666f6f626172");
    }

    #[test]
    fn refuses_every_other_spelling_of_the_same_bytes() {
        for text in
            ["Zm9vYg", "Zm9vYg=", "Zm9vYh==", "Zm9v Yg=", "Zm9vYg==\n", "Zm9vYg===", "Zm-vYg==", "", "===="]
        {
            assert!(Encoding::Base64.decode::<4>(text.as_bytes()).is_err(), "{text:?}");
        }
        for text in
            ["666F6f62", "0x666f6f62", "666f6f6", "666f6f6g", "666f6f6200", "", "0x666f6f", " 666f6f6"]
        {
            assert!(Encoding::Hex.decode::<4>(text.as_bytes()).is_err(), "{text:?}");
        }
        assert_eq!(Encoding::Hex.decode::<4>(b"666F6f62"), Err(Malformed::SignatureCase));
        let undecodable = Malformed::SignatureEncoding { encoding: Encoding::Hex };
        assert_eq!(Encoding::Hex.decode::<4>(b"666G6f62"), Err(undecodable));
    }
}
