//! `Signer`: signs a request: the headers for its body.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use time::UtcDateTime;

use crate::{Keyring, KeyringError, Malformed, SignatureScheme};

/// One scheme with the keys to sign with. Cloning is cheap.
///
/// ```
/// use gymhook_signature::{Keyring, Secret, Signer, vendor};
/// use time::macros::utc_datetime;
///
/// let signer = Signer::new(vendor::point(), Keyring::single("main", Secret::new("point-signing-secret")?)?)?;
/// let body = br#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#;
/// let headers = signer.sign("", body, utc_datetime!(2022-11-21 18:44:00.352))?;
/// // Computed with Python's hmac module.
/// assert_eq!(
///     headers["point-signature"],
///     "t=1669056240352,v1=86ef67da2c076056a41e2819b209b1a2885288765ead387b07728c2991ec736a"
/// );
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Signer {
    scheme: Arc<dyn SignatureScheme>,
    /// `None` if it signs nothing.
    keyring: Option<Arc<Keyring>>,
}

impl Signer {
    /// A signer for this scheme with these keys.
    ///
    /// # Errors
    /// As [`Verifier::new`](crate::Verifier::new).
    pub fn new(
        scheme: impl SignatureScheme + 'static,
        keyring: impl Into<Arc<Keyring>>,
    ) -> Result<Self, KeyringError> {
        Self::with_shared(Arc::new(scheme), keyring)
    }

    /// As [`Signer::new`], for a scheme chosen at run time.
    ///
    /// # Errors
    /// As [`Signer::new`].
    pub fn with_shared(
        scheme: Arc<dyn SignatureScheme>,
        keyring: impl Into<Arc<Keyring>>,
    ) -> Result<Self, KeyringError> {
        let keyring = keyring.into();
        scheme.check_keyring(&keyring)?;
        Ok(Self::checked(scheme, keyring))
    }

    /// A signer that signs nothing: its requests have the headers of a request without a secret, and receivers cannot tell
    /// who sent them.
    ///
    /// Only for a platform where the secret is optional. Keys that are missing by mistake never lead here: a [`Keyring`] is never
    /// empty.
    #[must_use]
    pub fn dangerous_unsigned(scheme: Arc<dyn SignatureScheme>) -> Self {
        Self { scheme, keyring: None }
    }

    pub(crate) fn checked(scheme: Arc<dyn SignatureScheme>, keyring: Arc<Keyring>) -> Self {
        Self { scheme, keyring: Some(keyring) }
    }

    /// Whether its requests prove anything.
    #[must_use]
    pub const fn is_signing(&self) -> bool {
        self.keyring.is_some()
    }

    /// The security headers of one attempt, each value marked sensitive.
    ///
    /// `id` is the delivery's id, equal in every attempt; schemes that sign no id ignore it. Sign each attempt anew: the
    /// time is part of what is signed.
    ///
    /// # Errors
    /// [`SignError`], caused by the caller's configuration, id or clock.
    pub fn sign(&self, id: &str, body: &[u8], now: UtcDateTime) -> Result<HeaderMap, SignError> {
        match &self.keyring {
            Some(keyring) => self.scheme.sign(keyring, id, body, now),
            None => self.scheme.unsigned_headers(id),
        }
    }

    /// The names of the headers that [`Signer::sign`] sets; a sender must not let anybody else set them.
    #[must_use]
    pub fn header_names(&self) -> Vec<HeaderName> {
        self.scheme.header_names()
    }
}

/// Why a request could not be signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The id cannot be signed by this scheme. The caller's mistake.
    #[error("the id cannot be signed: {0}")]
    Id(Malformed),
    /// No key is valid now. Caused by the configuration.
    #[error("none of the {keys} keys is valid at {now}: has a rotation left a gap?")]
    NoValidKey {
        /// How many keys there are.
        keys: usize,
        /// The time of signing.
        now: UtcDateTime,
    },
    /// The time is before 1970 and has no Unix timestamp to sign. Caused by the caller's clock.
    #[error("{now} is before 1970 and has no timestamp to sign: set the clock")]
    TimeBeforeEpoch {
        /// The time of signing.
        now: UtcDateTime,
    },
    /// The signature cannot be sent in a header. Caused by the configured prefix.
    #[error("the signature cannot be sent in a header: is the prefix printable ASCII?")]
    Unsendable,
}
