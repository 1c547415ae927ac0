//! `Secret`: shared secrets, created from text or encoded bytes, wiped on drop, never printed.

use core::fmt;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{SecretHint, SecretTextProblem, secret_hint};

/// A secret shared with the sender: at least one byte, wiped from memory on drop, `[REDACTED]` in `Debug`.
///
/// There is no `Display`, `Clone`, `PartialEq` or `Serialize`: a secret is moved into a [`Key`](crate::Key) and stays there.
/// Its HMAC-SHA256 state is computed once, here, so that no verification pays for it again.
///
/// What is wiped: these bytes, the states of the hashes that process them, and intermediate digests. What cannot be wiped: the
/// copies that the compiler keeps in registers and spills while a block is hashed, and those of the caller.
///
/// ```
/// use gymhook_signature::Secret;
///
/// let secret = Secret::new("point-signing-secret")?;
/// assert_eq!(format!("{secret:?}"), "Secret([REDACTED])");
/// assert!(!secret.is_weak());
/// # Ok::<(), gymhook_signature::SecretError>(())
/// ```
pub struct Secret {
    bytes: Zeroizing<Box<[u8]>>,
    // Boxed, so that moving a secret leaves no copy of its state behind and ten thousand keys are compact.
    hmac_sha256: Box<Hmac<Sha256>>,
}

impl Secret {
    /// Secrets with fewer bytes are reported as weak: 128 bits, the minimum of NIST SP 800-107 for an HMAC key.
    pub const WEAK_BELOW_BYTES: usize = 16;

    /// A secret with these bytes. Text from a dashboard is used as its UTF-8 bytes.
    ///
    /// # Errors
    /// [`SecretError::Empty`] if there are no bytes: with an empty key anybody could sign.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let bytes: Zeroizing<Box<[u8]>> = Zeroizing::new(bytes.as_ref().into());
        if bytes.is_empty() {
            return Err(SecretError::Empty);
        }
        let hmac_sha256 =
            Hmac::new_from_slice(&bytes).map_err(|_| SecretError::UnusableLength(bytes.len()))?;
        Ok(Self { bytes, hmac_sha256: Box::new(hmac_sha256) })
    }

    /// Decodes hexadecimal text, upper or lower case, in constant time.
    ///
    /// # Errors
    /// [`SecretError::NotHex`] if the text is not an even number of hexadecimal digits, [`SecretError::Empty`] if it is empty.
    pub fn from_hex(text: &str) -> Result<Self, SecretError> {
        let bytes = Zeroizing::new(
            base16ct::mixed::decode_vec(text)
                .map_err(|_| SecretError::NotHex { problem: SecretTextProblem::in_hex(text) })?,
        );
        Self::new(bytes.as_slice())
    }

    /// Decodes padded standard base64 (RFC 4648, section 4) in constant time.
    ///
    /// # Errors
    /// [`SecretError::NotBase64`] if the text is anything else, [`SecretError::Empty`] if it is empty.
    pub fn from_base64(text: &str) -> Result<Self, SecretError> {
        Self::decode_base64(text, || SecretTextProblem::in_base64(text, false))
    }

    /// Decodes a Standard Webhooks secret: base64, with or without the prefix `whsec_` ([specification, "Signature
    /// scheme"](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)).
    ///
    /// # Errors
    /// As [`Secret::from_base64`].
    pub fn from_whsec(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        Self::decode_base64(encoded, || SecretTextProblem::in_base64(text, true))
    }

    fn decode_base64(text: &str, problem: impl FnOnce() -> SecretTextProblem) -> Result<Self, SecretError> {
        let decoded = Base64::decode_vec(text).map_err(|_| SecretError::NotBase64 { problem: problem() })?;
        Self::new(Zeroizing::new(decoded).as_slice())
    }

    /// Whether this secret could be guessed: it is shorter than [`Secret::WEAK_BELOW_BYTES`], or repeats a single byte.
    ///
    /// A weak secret works, since the platform or the integrator chose it; report it to the operator.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        let one_byte_repeated = self.bytes.windows(2).all(|pair| pair.first() == pair.last());
        self.bytes.len() < Self::WEAK_BELOW_BYTES || one_byte_repeated
    }

    /// What looks odd about this secret: white space or quotes at its ends, a byte order mark, a `whsec_` prefix, text that looks
    /// encoded. Log it for the operator; no hint contains a part of the secret.
    ///
    /// ```
    /// use gymhook_signature::{Secret, SecretHint};
    ///
    /// let pasted = Secret::new("point-signing-secret\n")?;
    /// assert_eq!(pasted.hints().collect::<Vec<_>>(), [SecretHint::TrailingLineEnd]);
    /// # Ok::<(), gymhook_signature::SecretError>(())
    /// ```
    pub fn hints(&self) -> impl Iterator<Item = SecretHint> + use<> {
        secret_hint::hints(&self.bytes)
    }

    /// The secret bytes, for your own scheme. Never log, compare with `==` or serialise them.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8] {
        &self.bytes
    }

    /// A fresh HMAC-SHA256 under this secret, cloned from the state that was set up once.
    #[must_use]
    pub fn hmac_sha256(&self) -> Hmac<Sha256> {
        Hmac::clone(&self.hmac_sha256)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([REDACTED])")
    }
}

/// Why a [`Secret`] cannot be created. Caused by the configuration; no byte of the secret is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There are no bytes.
    #[error("the secret is empty: an empty key would let anybody sign; is the setting present?")]
    Empty,
    /// The text is not padded standard base64.
    #[error("the secret is not base64 (RFC 4648, standard alphabet, with padding): {problem}")]
    NotBase64 {
        /// What was found in it.
        problem: SecretTextProblem,
    },
    /// The text is not hexadecimal.
    #[error("the secret is not hexadecimal (an even number of digits 0-9, a-f): {problem}")]
    NotHex {
        /// What was found in it.
        problem: SecretTextProblem,
    },
    /// HMAC cannot take a key of this many bytes.
    #[error("a secret of {0} bytes cannot be used as an HMAC key")]
    UnusableLength(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_secret_is_refused_in_every_encoding() {
        for made in
            [Secret::new(""), Secret::from_hex(""), Secret::from_base64(""), Secret::from_whsec("whsec_")]
        {
            assert_eq!(made.map(|_| ()), Err(SecretError::Empty));
        }
    }

    #[test]
    fn encodings_agree_on_the_bytes() {
        let expected: &[u8] = b"\x00\x01secret\xff";
        for made in [
            Secret::from_hex("0001736563726574ff"),
            Secret::from_hex("0001736563726574FF"),
            Secret::from_base64("AAFzZWNyZXT/"),
            Secret::from_whsec("whsec_AAFzZWNyZXT/"),
            Secret::from_whsec("AAFzZWNyZXT/"),
        ] {
            assert_eq!(made.unwrap().expose_secret(), expected);
        }
    }

    #[test]
    fn undecodable_text_is_refused_by_what_was_found_in_it() {
        use SecretTextProblem as Found;
        let good = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let whsec = |text: &str| Secret::from_whsec(text).map(|_| ());
        for (text, problem) in [
            (format!("whsec_{good}\n"), Found::LineEnd),
            (format!("whsec_{good}\r\n"), Found::LineEnd),
            (format!("{good}\n"), Found::LineEnd),
            (format!(" whsec_{good}"), Found::WhiteSpace),
            (format!("whsec_ {good}"), Found::WhiteSpace),
            (format!("\u{feff}whsec_{good}"), Found::ByteOrderMark),
            (format!("\"whsec_{good}\""), Found::Quotes),
            (format!("'whsec_{good}'\n"), Found::Quotes),
            (format!("v1,whsec_{good}"), Found::VersionPrefix),
            (format!("whpk_{good}"), Found::PublicKey),
            (format!("whsk_{good}"), Found::PrivateKey),
            (format!("WHSEC_{good}"), Found::PrefixCase),
            (format!("Whsec_{good}"), Found::PrefixCase),
            (format!("whsec_{}-_", &good[..30]), Found::UrlSafeAlphabet),
            (format!("whsec_{}", &good[..31]), Found::Length { characters: 31 }),
            ("whsec_Zm9vYg".to_owned(), Found::Length { characters: 6 }),
            ("whsec_Zm9vYh==".to_owned(), Found::NotCanonical),
            (format!("whsec_{}!", &good[..31]), Found::ForeignCharacter),
            (format!("whsec_{}\u{fc}", &good[..30]), Found::ForeignCharacter),
        ] {
            assert_eq!(whsec(&text), Err(SecretError::NotBase64 { problem }), "{text:?}");
        }
        let base64 = Secret::from_base64(&format!("whsec_{good}")).map(|_| ());
        assert_eq!(base64, Err(SecretError::NotBase64 { problem: Found::WhsecPrefix }));
        for (text, problem) in [
            ("abc", Found::Length { characters: 3 }),
            ("zz", Found::ForeignCharacter),
            ("0xabcd", Found::HexPrefix),
            ("abcd\n", Found::LineEnd),
            ("ab cd", Found::WhiteSpace),
            ("'abcd'", Found::Quotes),
            ("whsec_abcd", Found::WhsecPrefix),
        ] {
            assert_eq!(Secret::from_hex(text).map(|_| ()), Err(SecretError::NotHex { problem }), "{text:?}");
        }
    }

    #[test]
    fn every_state_that_a_secret_goes_through_is_wiped_on_drop() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        // What an HMAC holds are two of these.
        wiped::<Sha256>();
        wiped::<md5::Md5>();
    }

    #[test]
    fn short_or_monotonous_secrets_are_weak_but_work() {
        assert!(Secret::new("123456789012345").unwrap().is_weak());
        assert!(!Secret::new("1234567890123456").unwrap().is_weak());
        assert!(Secret::new("aaaaaaaaaaaaaaaaaaaaaaaa").unwrap().is_weak());
        assert!(Secret::new("x").unwrap().is_weak());
    }
}
