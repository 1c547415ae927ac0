//! `RequestIdMd5`: an MD5 of the request's id and the secret: PerfectGym.

use constant_time_eq::constant_time_eq_16;
use http::{HeaderMap, HeaderName};
use md5::{Digest as _, Md5};
use time::UtcDateTime;

use super::{at_most_tried, id_claimed_in, insert_sensitive, mismatch, preferred_key};
use crate::header::exactly_once;
use crate::{
    Assurance, Encoding, IdAssurance, Keyring, KeyringError, Proof, RequestId, Secret, SenderAssurance,
    SignError, SignatureScheme, VerifyError,
};

/// `MD5(id ":" secret)` beside the id: what PerfectGym sends
/// ([How to use and set webhooks](https://kb.perfectgym.com/article/how-use-and-set-webhooks)).
///
/// It proves that the sender knows the secret and once signed this id. **The body is not covered**: whoever has seen one id
/// with its signature can attach any body to it, forever. Use a secret of 128 random bits (short ones are guessed offline at
/// the speed of MD5), recognise duplicates by the id, and read what matters again through the API.
///
/// ```
/// use gymhook_signature::{Keyring, RequestIdMd5, Secret, Verifier};
/// use http::{HeaderMap, HeaderValue};
/// use time::macros::utc_datetime;
///
/// let verifier = Verifier::new(RequestIdMd5::new(), Keyring::single("main", Secret::new("pgm-secret-123")?)?)?;
/// let mut headers = HeaderMap::new();
/// headers.insert("x-perfectgym-request", HeaderValue::from_static("0f8fad5b-d9cb-469f-a165-70867728950e"));
/// // Computed with Python's hashlib.
/// headers.insert("x-perfectgym-signature", HeaderValue::from_static("fdf8a0e8b6b6a04b2577a81670917f21"));
/// let proof = verifier.verify(&headers, b"any body at all", utc_datetime!(2026-01-01 00:00))?;
/// assert_eq!(proof.assurance().proved().collect::<Vec<_>>(), ["sender", "id"]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestIdMd5 {
    id_header: HeaderName,
    signature_header: HeaderName,
    encoding: Encoding,
}

const DELIMITER: u8 = b':';

impl RequestIdMd5 {
    /// The header of the id, as PerfectGym's page names it.
    pub const ID_HEADER: HeaderName = HeaderName::from_static("x-perfectgym-request");

    /// The header of the signature, as PerfectGym's page names it.
    pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-perfectgym-signature");

    /// PerfectGym's headers; hexadecimal in either case, since the vendor does not publish the encoding.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            id_header: Self::ID_HEADER,
            signature_header: Self::SIGNATURE_HEADER,
            encoding: Encoding::HexAnyCase,
        }
    }

    /// With the id in another header.
    #[must_use]
    pub fn with_id_header(self, id_header: HeaderName) -> Self {
        Self { id_header, ..self }
    }

    /// With the signature in another header.
    #[must_use]
    pub fn with_signature_header(self, signature_header: HeaderName) -> Self {
        Self { signature_header, ..self }
    }

    /// With the signature in another encoding.
    #[must_use]
    pub fn with_encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }
}

impl Default for RequestIdMd5 {
    fn default() -> Self {
        Self::new()
    }
}

impl SignatureScheme for RequestIdMd5 {
    fn header_names(&self) -> Vec<HeaderName> {
        vec![self.id_header.clone(), self.signature_header.clone()]
    }

    fn assurance(&self) -> Assurance {
        Assurance { id: IdAssurance::Bound, ..Assurance::sender(SenderAssurance::KeyedDigest) }
    }

    fn check_keyring(&self, keyring: &Keyring) -> Result<(), KeyringError> {
        at_most_tried(keyring)
    }

    fn verify(
        &self,
        keyring: &Keyring,
        headers: &HeaderMap,
        _body: &[u8],
        now: UtcDateTime,
    ) -> Result<Proof, VerifyError> {
        let [id, signature] = exactly_once(headers, [&self.id_header, &self.signature_header])?;
        let id = RequestId::check(id.as_bytes(), DELIMITER)
            .map_err(|problem| problem.in_header(&self.id_header))?;
        let shown: [u8; 16] = self
            .encoding
            .decode(signature.as_bytes())
            .map_err(|problem| problem.in_header(&self.signature_header))?;
        let key = keyring
            .valid_at(now)
            .find(|key| constant_time_eq_16(&digest(id, key.secret()), &shown))
            .ok_or_else(|| mismatch(keyring, &self.signature_header, now))?;
        Ok(Proof::of_sender(key, SenderAssurance::KeyedDigest).with_bound_id(RequestId::of_checked(id)))
    }

    fn claimed_id(&self, headers: &HeaderMap) -> Result<Option<RequestId>, VerifyError> {
        id_claimed_in(headers, &self.id_header, DELIMITER)
    }

    /// The id alone. Anybody can compute an MD5 over the id and an empty secret, and it would look like a proof.
    fn unsigned_headers(&self, id: &str) -> Result<HeaderMap, SignError> {
        let id = RequestId::new(id.as_bytes(), DELIMITER).map_err(SignError::Id)?;
        let mut headers = HeaderMap::new();
        insert_sensitive(&mut headers, &self.id_header, id.as_str())?;
        Ok(headers)
    }

    fn sign(
        &self,
        keyring: &Keyring,
        id: &str,
        _body: &[u8],
        now: UtcDateTime,
    ) -> Result<HeaderMap, SignError> {
        let id = RequestId::new(id.as_bytes(), DELIMITER).map_err(SignError::Id)?;
        let digest = digest(id.as_bytes(), preferred_key(keyring, now)?.secret());
        let mut headers = HeaderMap::new();
        insert_sensitive(&mut headers, &self.id_header, id.as_str())?;
        insert_sensitive(&mut headers, &self.signature_header, &self.encoding.encode(&digest))?;
        Ok(headers)
    }
}

fn digest(id: &[u8], secret: &Secret) -> [u8; 16] {
    let mut md5 = Md5::new();
    md5.update(id);
    md5.update([DELIMITER]);
    md5.update(secret.expose_secret());
    let mut digest = [0; 16];
    // In place: `finalize` would move the state, with the secret in its buffer, and leave a copy that is never wiped. This one is
    // wiped when it is dropped (the feature `zeroize` of `md-5`).
    md5.finalize_into_reset((&mut digest).into());
    digest
}
