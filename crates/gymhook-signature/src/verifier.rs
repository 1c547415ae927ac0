//! `Verifier`: verifies a request against a keyring, and says precisely why it was refused (`VerifyError`).

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use time::UtcDateTime;

use crate::{Encoding, KeyWarning, Keyring, KeyringError, Proof, SignatureScheme, Signer, Verified};

/// One scheme with its keys. Cloning is cheap.
///
/// The scheme is fixed: a missing header never makes it fall back to a weaker one.
///
/// ```
/// use gymhook_signature::{Keyring, Secret, Verifier, vendor};
/// use http::{HeaderMap, HeaderValue};
/// use time::macros::utc_datetime;
///
/// let keyring = Keyring::single("studio-berlin", Secret::new("8c1f6d9b-berlin")?)?;
/// let verifier = Verifier::new(vendor::pg_next(), keyring)?;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-api-key", HeaderValue::from_static("8c1f6d9b-berlin"));
/// let proof = verifier.verify(&headers, b"{}", utc_datetime!(2026-01-01 00:00))?;
/// assert_eq!(proof.to_string(), r#"key "studio-berlin": sender by shared key, body not proved, time not proved, id not proved"#);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    scheme: Arc<dyn SignatureScheme>,
    keyring: Arc<Keyring>,
}

impl Verifier {
    /// A verifier for requests signed by `scheme` with one of the keys.
    ///
    /// # Errors
    /// Those of the scheme's [`check_keyring`](SignatureScheme::check_keyring): [`KeyringError::EqualToHmac`],
    /// [`KeyringError::TooManyKeys`] or [`KeyringError::NotAHeaderValue`].
    pub fn new(
        scheme: impl SignatureScheme + 'static,
        keyring: impl Into<Arc<Keyring>>,
    ) -> Result<Self, KeyringError> {
        Self::with_shared(Arc::new(scheme), keyring)
    }

    /// As [`Verifier::new`], for a scheme chosen at run time.
    ///
    /// # Errors
    /// As [`Verifier::new`].
    pub fn with_shared(
        scheme: Arc<dyn SignatureScheme>,
        keyring: impl Into<Arc<Keyring>>,
    ) -> Result<Self, KeyringError> {
        let keyring = keyring.into();
        scheme.check_keyring(&keyring)?;
        Ok(Self { scheme, keyring })
    }

    /// Verifies one request by its headers and the raw bytes of its body; `now` is the caller's clock.
    ///
    /// It checks presence, form, signature and time, in this order. Pass the bytes as they arrived, before any JSON parsing or
    /// decompression.
    ///
    /// # Errors
    /// [`VerifyError`] says why; tell the peer nothing but "401".
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: UtcDateTime) -> Result<Proof, VerifyError> {
        self.scheme.verify(&self.keyring, headers, body, now)
    }

    /// As [`Verifier::verify`], but returns the body with its proof.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn verified<B: AsRef<[u8]>>(
        &self,
        headers: &HeaderMap,
        body: B,
        now: UtcDateTime,
    ) -> Result<Verified<B>, VerifyError> {
        let proof = self.verify(headers, body.as_ref(), now)?;
        Ok(Verified::new(body, proof))
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> &dyn SignatureScheme {
        self.scheme.as_ref()
    }

    /// The keys.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// A signer with the same scheme and keys, for tests, or to send yourself a test event.
    #[must_use]
    pub fn signer(&self) -> Signer {
        Signer::checked(Arc::clone(&self.scheme), Arc::clone(&self.keyring))
    }
}

/// Why a request was refused. Each is caused by the peer; none shows a byte of the secret, the signature or the body.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A security header is repeated: an intermediary and this code might not read the same one.
    #[error("header {header} occurs {count} times: exactly one is allowed")]
    DuplicateHeader {
        /// The header.
        header: HeaderName,
        /// How often it occurs.
        count: usize,
    },
    /// A security header is present but has no usable value.
    #[error("header {header} is malformed: {problem}")]
    MalformedHeader {
        /// The header.
        header: HeaderName,
        /// What is wrong with it.
        problem: Malformed,
    },
    /// A security header is missing: the request is not signed.
    #[error("header {header} is missing: is a secret configured on the sender's side?")]
    MissingHeader {
        /// The header.
        header: HeaderName,
    },
    /// The signature is well-formed, but no valid key made it.
    #[error(
        "no valid key made the signature in {header} (keys tried: {keys_tried}, outside their validity window: {keys_outside_window}): \
         wrong secret, or the body was changed on its way{}",
        And(warning.as_ref())
    )]
    SignatureMismatch {
        /// The signature's header.
        header: HeaderName,
        /// How many keys were valid and tried.
        keys_tried: usize,
        /// How many keys were not tried because of their validity windows.
        keys_outside_window: usize,
        /// A valid key whose secret has something at an edge: look there first.
        warning: Option<KeyWarning>,
    },
    /// The request was signed too far in the future.
    #[error("the request was signed {ahead:?} in the future; {tolerance:?} is allowed: compare the clocks")]
    TimestampTooNew {
        /// How far ahead of `now`, to the millisecond.
        ahead: Duration,
        /// How far is allowed.
        tolerance: Duration,
    },
    /// The request was signed too long ago.
    #[error(
        "the request was signed {age:?} ago; {tolerance:?} is allowed: a replay, a late retry that was not signed again, or a wrong clock"
    )]
    TimestampTooOld {
        /// How long before `now`, to the millisecond.
        age: Duration,
        /// How long is allowed.
        tolerance: Duration,
    },
    /// The API key is none of the valid ones.
    #[error("the key in {header} is unknown or outside its validity window (known keys: {keys_known}){}", And(warning.as_ref()))]
    UnknownKey {
        /// The key's header.
        header: HeaderName,
        /// How many keys there are.
        keys_known: usize,
        /// A valid key whose secret has something at an edge: look there first.
        warning: Option<KeyWarning>,
    },
}

/// A warning as the last part of a sentence.
struct And<'w>(Option<&'w KeyWarning>);

impl fmt::Display for And<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |warning| write!(f, "; {warning}"))
    }
}

impl VerifyError {
    /// The closed set of reasons, for a metric's label or a conformance test.
    #[must_use]
    pub const fn reason(&self) -> RejectReason {
        match self {
            Self::DuplicateHeader { .. } => RejectReason::DuplicateHeader,
            Self::MalformedHeader { .. } => RejectReason::MalformedHeader,
            Self::MissingHeader { .. } => RejectReason::MissingHeader,
            Self::SignatureMismatch { .. } => RejectReason::SignatureMismatch,
            Self::TimestampTooNew { .. } => RejectReason::TimestampTooNew,
            Self::TimestampTooOld { .. } => RejectReason::TimestampTooOld,
            Self::UnknownKey { .. } => RejectReason::UnknownKey,
        }
    }
}

/// A [`VerifyError`] without its evidence.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum RejectReason {
    /// A security header is repeated.
    DuplicateHeader,
    /// A security header has no usable value.
    MalformedHeader,
    /// A security header is missing.
    MissingHeader,
    /// No valid key made the signature.
    SignatureMismatch,
    /// Signed too far in the future.
    TimestampTooNew,
    /// Signed too long ago.
    TimestampTooOld,
    /// The API key is none of the valid ones.
    UnknownKey,
}

impl RejectReason {
    /// The reason in kebab case, such as `signature-mismatch`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DuplicateHeader => "duplicate-header",
            Self::MalformedHeader => "malformed-header",
            Self::MissingHeader => "missing-header",
            Self::SignatureMismatch => "signature-mismatch",
            Self::TimestampTooNew => "timestamp-too-new",
            Self::TimestampTooOld => "timestamp-too-old",
            Self::UnknownKey => "unknown-key",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with the value of a security header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The id contains the byte that separates it from the rest of what is signed.
    #[error("the id contains {delimiter:?}, which separates the signed parts")]
    DelimiterInId {
        /// The delimiter.
        delimiter: char,
    },
    /// The value is empty.
    #[error("it is empty")]
    Empty,
    /// A required part of the value is missing.
    #[error("it has no part {name:?}")]
    MissingPart {
        /// The part's name.
        name: &'static str,
    },
    /// The value does not begin with the configured prefix.
    #[error("it does not begin with the configured prefix")]
    MissingPrefix,
    /// The value has bytes that are not printable ASCII.
    #[error("it has bytes outside printable ASCII")]
    NotPrintableAscii,
    /// A part that must be unique is repeated.
    #[error("it has more than one part {name:?}")]
    RepeatedPart {
        /// The part's name.
        name: &'static str,
    },
    /// The signature is not text of the expected encoding.
    #[error("the signature is not canonical {}", encoding.as_str())]
    SignatureEncoding {
        /// What was expected.
        encoding: Encoding,
    },
    /// The signature is hexadecimal in upper case, but the scheme is configured for lower case.
    #[error("the signature is in upper case, lower case is expected; `Encoding::HexAnyCase` takes both")]
    SignatureCase,
    /// The signature's text has the wrong length.
    #[error("the signature has {characters} characters, not {expected}")]
    SignatureLength {
        /// How many there are.
        characters: usize,
        /// How many are expected.
        expected: usize,
    },
    /// The time is not written as 1 to 15 plain digits.
    #[error("the time is not 1 to 15 digits without sign or leading zero")]
    Timestamp,
    /// The value is too long.
    #[error("it has {bytes} bytes, more than {max}")]
    TooLong {
        /// How many there are.
        bytes: usize,
        /// How many are allowed.
        max: usize,
    },
    /// There are too many signatures.
    #[error("it has more than {max} signatures")]
    TooManySignatures {
        /// How many are allowed.
        max: usize,
    },
}

impl Malformed {
    /// The error for this problem in this header.
    pub(crate) fn in_header(self, header: &HeaderName) -> VerifyError {
        VerifyError::MalformedHeader { header: header.clone(), problem: self }
    }
}
