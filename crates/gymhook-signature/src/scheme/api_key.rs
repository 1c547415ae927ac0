//! `ApiKey`: a bare key in a header: EGYM, PG Next.

use http::{HeaderMap, HeaderName};
use time::UtcDateTime;

use super::{insert_sensitive, preferred_key};
use crate::header::{exactly_once, fits_a_header, printable};
use crate::{
    Assurance, Keyring, KeyringError, Proof, SenderAssurance, SignError, SignatureScheme, VerifyError,
};

/// The sender sends the shared key itself, by default in `x-api-key`.
///
/// It proves the sender and nothing else: anybody who has seen one request can send any other. The key also identifies *which*
/// studio sent it, among ten thousand as fast as among one.
///
/// ```
/// use gymhook_signature::{ApiKey, Key, Keyring, Secret, Verifier};
/// use http::{HeaderMap, HeaderValue};
/// use time::macros::utc_datetime;
///
/// let keyring = Keyring::new([
///     Key::new("studio-berlin", Secret::new("8c1f6d9b-berlin")?),
///     Key::new("studio-poznan", Secret::new("47aa90e2-poznan")?),
/// ])?;
/// let verifier = Verifier::new(ApiKey::new(), keyring)?;
/// let mut headers = HeaderMap::new();
/// headers.insert("x-api-key", HeaderValue::from_static("47aa90e2-poznan"));
/// assert_eq!(verifier.verify(&headers, b"{}", utc_datetime!(2026-01-01 00:00))?.key(), &"studio-poznan");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ApiKey {
    header: HeaderName,
}

impl ApiKey {
    /// The header that EGYM ([webhooks](https://developer.egym.com/general/webhooks)) and PG Next
    /// ([general information](https://developer.sportalliance.com/apis/perfectgym/webhooks/general-information)) name.
    pub const HEADER: HeaderName = HeaderName::from_static("x-api-key");

    /// Longer keys are refused.
    pub const MAX_BYTES: usize = 1024;

    /// A scheme with the key in [`ApiKey::HEADER`].
    #[must_use]
    pub const fn new() -> Self {
        Self { header: Self::HEADER }
    }

    /// With the key in another header.
    #[must_use]
    pub fn with_header(self, header: HeaderName) -> Self {
        Self { header }
    }
}

impl Default for ApiKey {
    fn default() -> Self {
        Self::new()
    }
}

impl SignatureScheme for ApiKey {
    fn header_names(&self) -> Vec<HeaderName> {
        vec![self.header.clone()]
    }

    fn assurance(&self) -> Assurance {
        Assurance::sender(SenderAssurance::BearerSecret)
    }

    fn check_keyring(&self, keyring: &Keyring) -> Result<(), KeyringError> {
        let unsendable = keyring.keys().find(|key| {
            let secret = key.secret().expose_secret();
            secret.len() > Self::MAX_BYTES || !fits_a_header(secret)
        });
        unsendable.map_or(Ok(()), |key| {
            Err(KeyringError::NotAHeaderValue { id: key.id().clone(), max: Self::MAX_BYTES })
        })
    }

    fn verify(
        &self,
        keyring: &Keyring,
        headers: &HeaderMap,
        _body: &[u8],
        now: UtcDateTime,
    ) -> Result<Proof, VerifyError> {
        let [value] = exactly_once(headers, [&self.header])?;
        let presented =
            printable(value, Self::MAX_BYTES).map_err(|problem| problem.in_header(&self.header))?;
        let known = keyring.find_by_secret(presented).filter(|key| key.is_valid_at(now));
        let key = known.ok_or_else(|| VerifyError::UnknownKey {
            header: self.header.clone(),
            keys_known: keyring.len(),
            warning: keyring.edge_at(now),
        })?;
        Ok(Proof::of_sender(key, SenderAssurance::BearerSecret))
    }

    fn sign(
        &self,
        keyring: &Keyring,
        _id: &str,
        _body: &[u8],
        now: UtcDateTime,
    ) -> Result<HeaderMap, SignError> {
        let secret = preferred_key(keyring, now)?.secret().expose_secret();
        let text = core::str::from_utf8(secret).map_err(|_| SignError::Unsendable)?;
        let mut headers = HeaderMap::new();
        insert_sensitive(&mut headers, &self.header, text)?;
        Ok(headers)
    }
}
