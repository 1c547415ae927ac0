//! `BodyHmac`: an HMAC of the body in one header, after a prefix such as `sha256=` if the sender has one: GymPoint, and
//! many others.

use http::{HeaderMap, HeaderName};
use time::UtcDateTime;

use super::{fit_for_hmac, insert_sensitive, mismatch, preferred_key};
use crate::header::exactly_once;
use crate::mac::{find_key, hmac_sha256};
use crate::{
    Assurance, BodyAssurance, Encoding, Keyring, KeyringError, Malformed, Proof, SenderAssurance, SignError,
    SignatureScheme, VerifyError,
};

/// HMAC-SHA256 over the raw body, in one header, with an encoding and a prefix of the sender's choice.
///
/// It proves sender and body. There is no time and no id, so a captured request can be replayed forever: store the body's digest
/// to recognise it.
///
/// ```
/// use gymhook_signature::{BodyHmac, Keyring, Secret, Verifier};
/// use http::{HeaderMap, HeaderName, HeaderValue};
/// use time::macros::utc_datetime;
///
/// let scheme = BodyHmac::new(HeaderName::from_static("x-hub-signature-256")).with_prefix("sha256=");
/// let verifier = Verifier::new(scheme, Keyring::single("main", Secret::new("It's a Secret to Everybody")?)?)?;
/// let mut headers = HeaderMap::new();
/// // The example on GitHub's page "Validating webhook deliveries".
/// let value = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// headers.insert("x-hub-signature-256", HeaderValue::from_static(value));
/// let proof = verifier.verify(&headers, b"Hello, World!", utc_datetime!(2026-01-01 00:00))?;
/// assert_eq!(proof.assurance().proved().collect::<Vec<_>>(), ["sender", "body"]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyHmac {
    header: HeaderName,
    encoding: Encoding,
    prefix: String,
    prefix_required: bool,
}

impl BodyHmac {
    /// A scheme with the signature in this header, in lower-case hexadecimal, without a prefix.
    #[must_use]
    pub fn new(header: HeaderName) -> Self {
        Self { header, encoding: Encoding::Hex, prefix: String::new(), prefix_required: true }
    }

    /// With the signature in another header.
    #[must_use]
    pub fn with_header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// With the signature in another encoding.
    #[must_use]
    pub fn with_encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// With this prefix, such as `sha256=`; values without it are refused.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), prefix_required: true, ..self }
    }

    /// With this prefix allowed but not required; it is not written when signing.
    #[must_use]
    pub fn with_optional_prefix(self, prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), prefix_required: false, ..self }
    }

    fn tag(&self, value: &[u8]) -> Result<[u8; 32], Malformed> {
        if value.is_empty() {
            return Err(Malformed::Empty);
        }
        let encoded = match value.strip_prefix(self.prefix.as_bytes()) {
            Some(rest) => rest,
            None if self.prefix_required => return Err(Malformed::MissingPrefix),
            None => value,
        };
        self.encoding.decode(encoded)
    }
}

impl SignatureScheme for BodyHmac {
    fn header_names(&self) -> Vec<HeaderName> {
        vec![self.header.clone()]
    }

    fn assurance(&self) -> Assurance {
        Assurance { body: BodyAssurance::Signed, ..Assurance::sender(SenderAssurance::Hmac) }
    }

    fn check_keyring(&self, keyring: &Keyring) -> Result<(), KeyringError> {
        fit_for_hmac(keyring)
    }

    fn verify(
        &self,
        keyring: &Keyring,
        headers: &HeaderMap,
        body: &[u8],
        now: UtcDateTime,
    ) -> Result<Proof, VerifyError> {
        let [value] = exactly_once(headers, [&self.header])?;
        let tag = self.tag(value.as_bytes()).map_err(|problem| problem.in_header(&self.header))?;
        let key =
            find_key(keyring, &[tag], &[body], now).ok_or_else(|| mismatch(keyring, &self.header, now))?;
        Ok(Proof::of_sender(key, SenderAssurance::Hmac).with_signed_body())
    }

    fn sign(
        &self,
        keyring: &Keyring,
        _id: &str,
        body: &[u8],
        now: UtcDateTime,
    ) -> Result<HeaderMap, SignError> {
        let tag = hmac_sha256(preferred_key(keyring, now)?.secret(), &[body]);
        let prefix = if self.prefix_required { self.prefix.as_str() } else { "" };
        let mut headers = HeaderMap::new();
        insert_sensitive(&mut headers, &self.header, &format!("{prefix}{}", self.encoding.encode(&tag)))?;
        Ok(headers)
    }
}
