//! `TimestampedHmac`: an HMAC of a time and the body in one header, `t=…,v1=…`: Point, and others.

use core::fmt::Write as _;

use http::{HeaderMap, HeaderName};
use time::UtcDateTime;

use super::{fit_for_hmac, insert_sensitive, mismatch, preferred_key};
use crate::header::{exactly_once, printable_text};
use crate::mac::{Tags, find_key, hmac_sha256};
use crate::{
    Assurance, BodyAssurance, Encoding, Keyring, KeyringError, Malformed, Proof, SenderAssurance, SignError,
    SignatureScheme, SignedTime, TimeAssurance, TimeUnit, Tolerance, VerifyError,
};

/// `t=<time>,v1=<HMAC-SHA256 of "<time>.<body>">`, what Point sends
/// ([Webhooks signing secret](https://www.areyouonpoint.co/docs/webhooks-signing-secret)).
///
/// It proves sender, body and time. Parts may be in any order, with spaces around them; unknown parts are ignored; several
/// `v1` are allowed, as in a rotation, but exactly one `t`. The digits of `t` are signed as written.
///
/// ```
/// use gymhook_signature::{Keyring, Secret, TimestampedHmac, Verifier};
/// use http::{HeaderMap, HeaderName, HeaderValue};
/// use time::macros::utc_datetime;
///
/// let scheme = TimestampedHmac::new(HeaderName::from_static("point-signature"));
/// let verifier = Verifier::new(scheme, Keyring::single("main", Secret::new("point-signing-secret")?)?)?;
/// let body = br#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#;
/// let mut headers = HeaderMap::new();
/// // Computed with Python's hmac module.
/// let value = "t=1669056240352,v1=86ef67da2c076056a41e2819b209b1a2885288765ead387b07728c2991ec736a";
/// headers.insert("point-signature", HeaderValue::from_static(value));
/// let proof = verifier.verify(&headers, body, utc_datetime!(2022-11-21 18:45))?;
/// assert_eq!(proof.assurance().proved().collect::<Vec<_>>(), ["sender", "body", "time"]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimestampedHmac {
    header: HeaderName,
    unit: TimeUnit,
    encoding: Encoding,
    tolerance: Tolerance,
}

const TIME: &str = "t";
const SIGNATURE: &str = "v1";

impl TimestampedHmac {
    /// Longer values are refused: 16 signatures in hexadecimal take 1,104 bytes.
    pub const MAX_BYTES: usize = 4096;

    /// A scheme with the signature in this header; times in milliseconds, lower-case hexadecimal, five minutes of tolerance.
    #[must_use]
    pub fn new(header: HeaderName) -> Self {
        Self {
            header,
            unit: TimeUnit::Milliseconds,
            encoding: Encoding::Hex,
            tolerance: Tolerance::default(),
        }
    }

    /// With the signature in another header.
    #[must_use]
    pub fn with_header(self, header: HeaderName) -> Self {
        Self { header, ..self }
    }

    /// With the time in another unit.
    #[must_use]
    pub fn with_unit(self, unit: TimeUnit) -> Self {
        Self { unit, ..self }
    }

    /// With the signature in another encoding.
    #[must_use]
    pub fn with_encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    /// With another tolerance.
    #[must_use]
    pub fn with_tolerance(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    /// The time as text and as a value; the signatures go into `tags`.
    fn read<'v>(&self, value: &'v str, tags: &mut Tags) -> Result<(&'v str, SignedTime), Malformed> {
        let mut time = None;
        for part in value.split(',') {
            let part = part.trim_ascii();
            if let Some(text) = part.strip_prefix("v1=") {
                tags.add(self.encoding.decode(text.as_bytes()))?;
            } else if let Some(digits) = part.strip_prefix("t=")
                && time.replace(digits).is_some()
            {
                return Err(Malformed::RepeatedPart { name: TIME });
            }
        }
        let digits = time.ok_or(Malformed::MissingPart { name: TIME })?;
        Ok((digits, SignedTime::parse(digits.as_bytes(), self.unit)?))
    }
}

impl SignatureScheme for TimestampedHmac {
    fn header_names(&self) -> Vec<HeaderName> {
        vec![self.header.clone()]
    }

    fn assurance(&self) -> Assurance {
        let time = if self.tolerance.is_judged() { TimeAssurance::Signed } else { TimeAssurance::None };
        Assurance { body: BodyAssurance::Signed, time, ..Assurance::sender(SenderAssurance::Hmac) }
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
        let mut tags = Tags::new();
        let (digits, time) = printable_text(value, Self::MAX_BYTES)
            .and_then(|value| self.read(value, &mut tags))
            .map_err(|problem| problem.in_header(&self.header))?;
        let tags = tags
            .decoded(Malformed::MissingPart { name: SIGNATURE })
            .map_err(|problem| problem.in_header(&self.header))?;
        let key = find_key(keyring, tags, &[digits.as_bytes(), b".", body], now)
            .ok_or_else(|| mismatch(keyring, &self.header, now))?;
        let judged = time.judge(self.tolerance, now)?;
        Ok(Proof::of_sender(key, SenderAssurance::Hmac).with_signed_body().with_signed_time(time, judged))
    }

    fn sign(
        &self,
        keyring: &Keyring,
        _id: &str,
        body: &[u8],
        now: UtcDateTime,
    ) -> Result<HeaderMap, SignError> {
        preferred_key(keyring, now)?;
        let digits = SignedTime::digits(now, self.unit).ok_or(SignError::TimeBeforeEpoch { now })?;
        let mut value = format!("{TIME}={digits}");
        for key in keyring.valid_at(now) {
            let tag = hmac_sha256(key.secret(), &[digits.as_bytes(), b".", body]);
            write!(value, ",{SIGNATURE}={}", self.encoding.encode(&tag))
                .map_err(|_| SignError::Unsendable)?;
        }
        let mut headers = HeaderMap::new();
        insert_sensitive(&mut headers, &self.header, &value)?;
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "86ef67da2c076056a41e2819b209b1a2885288765ead387b07728c2991ec736a";

    fn read(value: &str) -> Result<(String, usize), Malformed> {
        let mut tags = Tags::new();
        let scheme = TimestampedHmac::new(HeaderName::from_static("s"));
        let (digits, _) = scheme.read(value, &mut tags)?;
        Ok((digits.to_owned(), tags.decoded(Malformed::MissingPart { name: SIGNATURE })?.len()))
    }

    #[test]
    fn takes_the_parts_in_any_order_and_ignores_what_it_does_not_know() {
        for value in [
            format!("t=7,v1={TAG}"),
            format!("v1={TAG},t=7"),
            format!(" t=7 , v1={TAG} "),
            format!("v0={TAG},t=7,v1=short,v1={TAG},tt=8,t,=,"),
        ] {
            assert_eq!(read(&value), Ok(("7".to_owned(), 1)), "{value}");
        }
        assert_eq!(read(&format!("t=7,v1={TAG},v1={TAG}")), Ok(("7".to_owned(), 2)));
    }

    #[test]
    fn refuses_what_is_missing_twofold_or_too_much() {
        let many = format!("t=7{}", format!(",v1={TAG}").repeat(Tags::MAX + 1));
        for (value, problem) in [
            (format!("v1={TAG}"), Malformed::MissingPart { name: TIME }),
            ("t=7".to_owned(), Malformed::MissingPart { name: SIGNATURE }),
            (format!("t=7,t=7,v1={TAG}"), Malformed::RepeatedPart { name: TIME }),
            (format!("t=07,v1={TAG}"), Malformed::Timestamp),
            ("t=7,v1=short".to_owned(), Malformed::SignatureLength { characters: 5, expected: 64 }),
            (many, Malformed::TooManySignatures { max: Tags::MAX }),
        ] {
            assert_eq!(read(&value), Err(problem), "{value}");
        }
    }
}
