//! `StandardWebhooks`: id, time and body under one HMAC.

use core::fmt::Write as _;

use http::header::InvalidHeaderName;
use http::{HeaderMap, HeaderName};
use time::UtcDateTime;

use super::{fit_for_hmac, id_claimed_in, insert_sensitive, mismatch, preferred_key};
use crate::header::{exactly_once, printable_text};
use crate::mac::{Tags, find_key, hmac_sha256};
use crate::{
    Assurance, BodyAssurance, Encoding, IdAssurance, Keyring, KeyringError, Malformed, Proof, RequestId,
    SenderAssurance, SignError, SignatureScheme, SignedTime, TimeAssurance, TimeUnit, Tolerance, VerifyError,
};

/// The [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
/// symmetric signature (`v1`): `HMAC-SHA256("<id>.<time>.<body>")`. The scheme to choose for your own webhooks.
///
/// It proves sender, body, time and id. Several space-separated signatures are allowed, as in a rotation; versions other than
/// `v1` are ignored if there is a `v1`.
///
/// ```
/// use gymhook_signature::{Keyring, Secret, StandardWebhooks, Verifier};
/// use http::{HeaderMap, HeaderValue};
/// use time::macros::utc_datetime;
///
/// let secret = Secret::from_whsec("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let verifier = Verifier::new(StandardWebhooks::new(), Keyring::single("main", secret)?)?;
/// // The example in the tests of the specification's reference implementations.
/// let mut headers = HeaderMap::new();
/// headers.insert("webhook-id", HeaderValue::from_static("msg_p5jXN8AQM9LWM0D4loKWxJek"));
/// headers.insert("webhook-timestamp", HeaderValue::from_static("1614265330"));
/// headers.insert("webhook-signature", HeaderValue::from_static("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
/// let proof = verifier.verify(&headers, br#"{"test": 2432232314}"#, utc_datetime!(2021-02-25 15:02:10))?;
/// assert_eq!(proof.assurance().proved().collect::<Vec<_>>(), ["sender", "body", "time", "id"]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct StandardWebhooks {
    id_header: HeaderName,
    timestamp_header: HeaderName,
    signature_header: HeaderName,
    tolerance: Tolerance,
}

const DELIMITER: u8 = b'.';
const VERSION: &str = "v1";

impl StandardWebhooks {
    /// Longer values of the signature header are refused.
    pub const MAX_BYTES: usize = 4096;

    /// The header of the id, from the specification.
    pub const ID_HEADER: HeaderName = HeaderName::from_static("webhook-id");

    /// The header of the time, in seconds, from the specification.
    pub const TIMESTAMP_HEADER: HeaderName = HeaderName::from_static("webhook-timestamp");

    /// The header of the signatures, from the specification.
    pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("webhook-signature");

    /// The specification's headers and five minutes of tolerance.
    #[must_use]
    pub fn new() -> Self {
        Self {
            id_header: Self::ID_HEADER,
            timestamp_header: Self::TIMESTAMP_HEADER,
            signature_header: Self::SIGNATURE_HEADER,
            tolerance: Tolerance::default(),
        }
    }

    /// With another prefix in the names of the three headers, as some senders use: `svix` for `svix-id` and so on.
    ///
    /// # Errors
    /// [`InvalidHeaderName`] if `prefix` has characters that no header name has.
    pub fn with_header_prefix(self, prefix: &str) -> Result<Self, InvalidHeaderName> {
        let named = |last: &str| HeaderName::try_from(format!("{prefix}-{last}"));
        Ok(Self {
            id_header: named("id")?,
            timestamp_header: named("timestamp")?,
            signature_header: named("signature")?,
            tolerance: self.tolerance,
        })
    }

    /// With another tolerance.
    #[must_use]
    pub fn with_tolerance(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    fn read_signatures(value: &str, tags: &mut Tags) -> Result<(), Malformed> {
        for signature in value.split(' ') {
            if let Some(text) = signature.strip_prefix("v1,") {
                tags.add(Encoding::Base64.decode(text.as_bytes()))?;
            }
        }
        Ok(())
    }
}

impl Default for StandardWebhooks {
    fn default() -> Self {
        Self::new()
    }
}

impl SignatureScheme for StandardWebhooks {
    fn header_names(&self) -> Vec<HeaderName> {
        vec![self.id_header.clone(), self.timestamp_header.clone(), self.signature_header.clone()]
    }

    fn assurance(&self) -> Assurance {
        Assurance {
            sender: SenderAssurance::Hmac,
            body: BodyAssurance::Signed,
            time: if self.tolerance.is_judged() { TimeAssurance::Signed } else { TimeAssurance::None },
            id: IdAssurance::Bound,
        }
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
        let [id, digits, signatures] =
            exactly_once(headers, [&self.id_header, &self.timestamp_header, &self.signature_header])?;
        let id = RequestId::check(id.as_bytes(), DELIMITER)
            .map_err(|problem| problem.in_header(&self.id_header))?;
        let digits = digits.as_bytes();
        let time = SignedTime::parse(digits, TimeUnit::Seconds)
            .map_err(|problem| problem.in_header(&self.timestamp_header))?;
        let mut tags = Tags::new();
        let tags = printable_text(signatures, Self::MAX_BYTES)
            .and_then(|value| Self::read_signatures(value, &mut tags))
            .and_then(|()| tags.decoded(Malformed::MissingPart { name: VERSION }))
            .map_err(|problem| problem.in_header(&self.signature_header))?;
        let parts: [&[u8]; 5] = [id, &[DELIMITER], digits, &[DELIMITER], body];
        let key = find_key(keyring, tags, &parts, now)
            .ok_or_else(|| mismatch(keyring, &self.signature_header, now))?;
        let judged = time.judge(self.tolerance, now)?;
        Ok(Proof::of_sender(key, SenderAssurance::Hmac)
            .with_signed_body()
            .with_signed_time(time, judged)
            .with_bound_id(RequestId::of_checked(id)))
    }

    fn claimed_id(&self, headers: &HeaderMap) -> Result<Option<RequestId>, VerifyError> {
        id_claimed_in(headers, &self.id_header, DELIMITER)
    }

    fn sign(
        &self,
        keyring: &Keyring,
        id: &str,
        body: &[u8],
        now: UtcDateTime,
    ) -> Result<HeaderMap, SignError> {
        let id = RequestId::new(id.as_bytes(), DELIMITER).map_err(SignError::Id)?;
        preferred_key(keyring, now)?;
        let digits = SignedTime::digits(now, TimeUnit::Seconds).ok_or(SignError::TimeBeforeEpoch { now })?;
        let parts: [&[u8]; 5] = [id.as_bytes(), &[DELIMITER], digits.as_bytes(), &[DELIMITER], body];
        let mut signatures = String::new();
        for key in keyring.valid_at(now) {
            let tag = Encoding::Base64.encode(&hmac_sha256(key.secret(), &parts));
            let space = if signatures.is_empty() { "" } else { " " };
            write!(signatures, "{space}{VERSION},{tag}").map_err(|_| SignError::Unsendable)?;
        }
        let mut headers = HeaderMap::new();
        insert_sensitive(&mut headers, &self.id_header, id.as_str())?;
        insert_sensitive(&mut headers, &self.timestamp_header, &digits)?;
        insert_sensitive(&mut headers, &self.signature_header, &signatures)?;
        Ok(headers)
    }
}
