//! `Receiver`: it takes headers, a body and the time, and returns a typed notification with its proof, or
//! `ReceiveError`.

use core::fmt;

use bytes::Bytes;
use gymhook_event::{AnyNotification, Notification, Vendor};
use gymhook_signature::{Keyring, KeyringError, Proof, Verified, Verifier, VerifyError};
use http::{HeaderMap, Request, StatusCode};
use time::UtcDateTime;

use crate::reader::Reader;
use crate::{AdmitError, Identity, Provider, ReadError, Received, UnsignedReceiver, Unverified};

/// Receives one platform's requests for one set of keys. Cloning is cheap; it holds no state, so share it freely.
///
/// ```
/// use gymhook::{Provider, Receiver};
/// use gymhook::event::{Kind, point};
/// use gymhook::signature::{Keyring, Secret};
/// use http::{HeaderMap, HeaderValue};
/// use time::macros::utc_datetime;
///
/// let keyring = Keyring::single("main", Secret::new("point-signing-secret")?)?;
/// let receiver = Receiver::new(&Provider::point(), keyring)?;
///
/// let body = br#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#;
/// let mut headers = HeaderMap::new();
/// headers.insert("point-signature", HeaderValue::from_static(
///     "t=1669056240352,v1=86ef67da2c076056a41e2819b209b1a2885288765ead387b07728c2991ec736a",
/// ));
/// let verified = receiver.receive(&headers, &body[..], utc_datetime!(2022-11-21 18:45))?;
///
/// let event = verified.value().events().next().ok_or("one event")?;
/// assert_eq!((event.event_type, event.kind), ("workout.created", Kind::WorkoutRecorded));
/// assert_eq!(verified.to_string(), r#"key "main": sender by HMAC, body signed, time signed, id not proved"#);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Receiver<N = AnyNotification> {
    verifier: Verifier,
    reader: Reader<N>,
}

impl<N: Notification> Receiver<N> {
    /// The default limit for bodies, 256 KiB; [`Receiver::with_max_body`] changes it.
    pub const DEFAULT_MAX_BODY: usize = crate::reader::DEFAULT_MAX_BODY;

    /// A receiver for requests that `provider` signs with one of these keys.
    ///
    /// # Errors
    /// [`KeyringError`] if the keys cannot be used with the provider's scheme.
    pub fn new(provider: &Provider<N>, keyring: Keyring) -> Result<Self, KeyringError> {
        let verifier = Verifier::with_shared(provider.scheme().clone(), keyring)?;
        Ok(Self { verifier, reader: Reader::new(provider) })
    }

    /// A receiver that requires no proof, for a sender that cannot sign. It is a separate type, so that it is not used by
    /// accident.
    #[must_use]
    pub fn dangerous_unsigned(provider: &Provider<N>) -> UnsignedReceiver<N> {
        UnsignedReceiver::new(Reader::new(provider), provider.scheme().clone())
    }

    /// Refuses bodies of more bytes than this. A server should stop reading there as well.
    #[must_use]
    pub fn with_max_body(mut self, bytes: usize) -> Self {
        self.reader = self.reader.with_max_body(bytes);
        self
    }

    /// Accepts JSON in which a key is repeated, outside of the fields that this library reads; which value counts is then up
    /// to the reader of the raw JSON.
    ///
    /// The strict default refuses such bodies: two readers of one signed body could see two different amounts.
    #[must_use]
    pub fn with_duplicate_keys_allowed(mut self) -> Self {
        self.reader = self.reader.with_duplicate_keys_allowed();
        self
    }

    /// Verifies and reads one request.
    ///
    /// `body` is the bytes as they arrived, and `now` the caller's clock. The order is: size, encoding, proof, then the JSON.
    ///
    /// # Errors
    /// [`ReceiveError`] says why, for the operator; the peer only needs [`ReceiveError::status`].
    pub fn receive(
        &self,
        headers: &HeaderMap,
        body: impl Into<Bytes>,
        now: UtcDateTime,
    ) -> Result<Verified<Received<N>>, ReceiveError> {
        let body = body.into();
        self.reader.admit(headers, body.len())?;
        let verified = self.verifier.verified(headers, body, now)?;
        let notification = match self.reader.read(verified.value()) {
            Ok(notification) => notification,
            Err(problem) => return Err(ReceiveError::Unreadable(Box::new(Unreadable { verified, problem }))),
        };
        let identity = Identity::from(verified.proof());
        Ok(verified.map(|body| Received::new(body, notification, identity, &self.reader)))
    }

    /// Verifies and reads one request whose body is complete: in a function (a Lambda, a worker), or in a test.
    ///
    /// The method and the path are not checked. The runtime of a function has its own limit for bodies, and has read the body
    /// before this library sees it: [`Receiver::max_body`] then saves the hashing, not the reading.
    ///
    /// ```
    /// use gymhook::signature::{Keyring, Secret};
    /// use gymhook::{Provider, Receiver};
    /// use http::Request;
    /// use time::macros::utc_datetime;
    ///
    /// let receiver = Receiver::new(&Provider::egym(), Keyring::single("berlin", Secret::new("8c1f6d9b-berlin")?)?)?;
    /// let request = Request::post("/egym").header("x-api-key", "8c1f6d9b-berlin").body(br#"{"type":"TEST"}"#.to_vec())?;
    /// let verified = receiver.receive_request(&request, utc_datetime!(2026-01-01 00:00))?;
    /// assert_eq!(verified.proof().key(), &"berlin");
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    pub fn receive_request<B: AsRef<[u8]>>(
        &self,
        request: &Request<B>,
        now: UtcDateTime,
    ) -> Result<Verified<Received<N>>, ReceiveError> {
        let body = request.body().as_ref();
        // A body that is too long is not even copied.
        self.reader.admit(request.headers(), body.len())?;
        self.receive(request.headers(), Bytes::copy_from_slice(body), now)
    }

    /// Whether a body of this many bytes with these headers is acceptable: for a server to call before it reads a body, with the
    /// declared length, and while it reads.
    ///
    /// # Errors
    /// [`AdmitError`]: it is too long, or compressed.
    pub fn admit(&self, headers: &HeaderMap, bytes: usize) -> Result<(), AdmitError> {
        self.reader.admit(headers, bytes)
    }

    /// Reads a body that was kept because it could not be read when it arrived.
    ///
    /// This proves nothing: the caller must have stored the proof and the `identity` with the body.
    ///
    /// # Errors
    /// [`ReadError`]: it still cannot be read.
    pub fn read_again(
        &self,
        body: impl Into<Bytes>,
        identity: Identity,
    ) -> Result<Unverified<Received<N>>, ReadError> {
        self.reader.read_again(body.into(), identity)
    }

    /// The platform.
    #[must_use]
    pub fn vendor(&self) -> Vendor {
        self.reader.vendor()
    }

    /// The scheme with its keys.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The largest body accepted, in bytes.
    #[must_use]
    pub fn max_body(&self) -> usize {
        self.reader.max_body()
    }
}

impl<N> Clone for Receiver<N> {
    fn clone(&self) -> Self {
        Self { verifier: self.verifier.clone(), reader: self.reader.clone() }
    }
}

impl<N> fmt::Debug for Receiver<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("verifier", &self.verifier).field("reader", &self.reader).finish()
    }
}

/// Why a request was not received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The body was refused before it was hashed or parsed.
    #[error(transparent)]
    NotAdmitted(#[from] AdmitError),
    /// The proof failed.
    #[error(transparent)]
    NotVerified(#[from] VerifyError),
    /// The proof held, but the body could not be read; the error contains the bytes.
    #[error(transparent)]
    Unreadable(Box<Unreadable>),
}

impl ReceiveError {
    /// What to answer, and all that the peer needs to know: 413 or 415 for a body refused unread, 401 for every failed proof,
    /// 400 for a body that could not be read.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotAdmitted(refusal) => refusal.status(),
            Self::NotVerified(_) => StatusCode::UNAUTHORIZED,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// A body that was proved and could not be read, kept so that nothing is lost.
///
/// `Debug` shows its length, not its bytes.
pub struct Unreadable {
    verified: Verified<Bytes>,
    problem: ReadError,
}

impl Unreadable {
    /// The bytes with their proof.
    #[must_use]
    pub fn into_verified(self) -> Verified<Bytes> {
        self.verified
    }

    /// The bytes as they arrived.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.verified.value()
    }

    /// What was proved about the request.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        self.verified.proof()
    }

    /// Why the body could not be read.
    #[must_use]
    pub fn problem(&self) -> &ReadError {
        &self.problem
    }
}

impl fmt::Debug for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unreadable")
            .field("body_bytes", &self.verified.value().len())
            .field("proof", self.verified.proof())
            .field("problem", &self.problem)
            .finish()
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body was proved and cannot be read: {}", self.problem)
    }
}

impl core::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.problem.source()
    }
}
