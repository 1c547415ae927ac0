//! `WebhookSource`: one platform's receiver over HTTP: what is read, for how long, and what is refused.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use gymhook::event::{AnyNotification, Notification, Vendor};
use gymhook::signature::{Proof, Verified};
use gymhook::{AdmitError, ReceiveError, Received, Receiver};
use http::{HeaderMap, Method, Request, header};
use http_body::Body;
use time::UtcDateTime;

use crate::body_memory::{BodyMemory, Share};
use crate::read_body::{BoxError, Unread, read};
use crate::telemetry::{self, Hook};
use crate::{Refusal, Refused, Strength};

/// Where webhooks of one platform arrive: its [`Receiver`] with the rules of HTTP. Cloning is cheap, and all clones share the
/// receiver.
///
/// A receiver converts into a source (`WebhookSource::from(receiver)`). The settings are our defaults, since platforms publish no
/// more than how long they wait for an answer.
///
/// ```
/// use core::time::Duration;
/// use gymhook::signature::{Keyring, Secret};
/// use gymhook::{Provider, Receiver};
/// use gymhook_tower::WebhookSource;
///
/// let keyring = Keyring::single("2026-05", Secret::new("point-signing-secret")?)?;
/// let source = WebhookSource::new(Receiver::new(&Provider::point(), keyring)?)
///     .with_read_deadline(Duration::from_secs(5))
///     .on_refusal(|refused| println!("{}: {}", refused.platform, refused.reason));
///
/// // Later, without a restart: another secret, in each clone that a server holds.
/// let keyring = Keyring::single("2026-06", Secret::new("the-next-signing-secret")?)?;
/// source.swap(Receiver::new(&Provider::point(), keyring)?);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct WebhookSource<N = AnyNotification> {
    inner: Arc<Inner<N>>,
}

struct Inner<N> {
    receiver: Arc<ArcSwap<Receiver<N>>>,
    memory: Arc<BodyMemory>,
    read_deadline: Duration,
    probes_allowed: bool,
    on_refusal: Option<Arc<Hook>>,
    clock: Arc<dyn Fn() -> UtcDateTime + Send + Sync>,
}

impl<N: Notification> WebhookSource<N> {
    /// The default deadline for reading a body (our default): 10 s. See [`WebhookSource::with_read_deadline`].
    pub const DEFAULT_READ_DEADLINE: Duration = Duration::from_secs(10);

    /// The default for the memory that long bodies share (our default): 16 MiB, or four times [`Receiver::max_body`] if that is
    /// more. See [`WebhookSource::with_body_memory`].
    pub const DEFAULT_BODY_MEMORY: usize = 16 * 1024 * 1024;

    /// The part of each body that is not counted: 16 KiB.
    pub const UNCOUNTED_BODY_MEMORY: usize = crate::body_memory::ALWAYS;

    /// A source with this receiver.
    #[must_use]
    pub fn new(receiver: Receiver<N>) -> Self {
        let memory = Self::DEFAULT_BODY_MEMORY.max(receiver.max_body().saturating_mul(4));
        let inner = Inner {
            receiver: Arc::new(ArcSwap::from_pointee(receiver)),
            memory: Arc::new(BodyMemory::new(memory)),
            read_deadline: Self::DEFAULT_READ_DEADLINE,
            probes_allowed: false,
            on_refusal: None,
            clock: Arc::new(system_time),
        };
        Self { inner: Arc::new(inner) }
    }

    /// With another deadline for a body, counted from its head; then the answer is 408. Choose less than the platform's
    /// timeout, after which nobody waits for the answer.
    ///
    /// The server limits how long the *head* may take: hyper's `header_read_timeout`, actix's `client_request_timeout`.
    #[must_use]
    pub fn with_read_deadline(self, deadline: Duration) -> Self {
        self.with(|inner| inner.read_deadline = deadline)
    }

    /// With another limit on the memory of all bodies that are being read, not counting each body's first
    /// [16 KiB](WebhookSource::UNCOUNTED_BODY_MEMORY). Beyond that, the answer is 503 with `Retry-After`.
    ///
    /// So short bodies are received even if others hold long ones open, and a thousand connections take at most 16 MiB plus
    /// this. The limit is shared by this source and its clones. A body that is longer than both together is never received.
    #[must_use]
    pub fn with_body_memory(self, bytes: usize) -> Self {
        self.with(|inner| inner.memory = Arc::new(BodyMemory::new(bytes)))
    }

    /// Answers GET and HEAD with 200, for a platform whose settings page tests the URL before it saves it. By default the
    /// answer is 405.
    #[must_use]
    pub fn with_probes_allowed(self) -> Self {
        self.with(|inner| inner.probes_allowed = true)
    }

    /// Calls this function for each refusal, after it was counted and logged, before it is answered. Keep it short.
    ///
    /// A panic in it is logged, and does not change the answer.
    #[must_use]
    pub fn on_refusal(self, tell: impl Fn(&Refused<'_>) + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.on_refusal = Some(Arc::new(tell)))
    }

    /// Checks signed times by this clock instead of the system's: for a test with a recorded request.
    #[must_use]
    pub fn with_clock(self, now: impl Fn() -> UtcDateTime + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.clock = Arc::new(now))
    }

    fn with(self, set: impl FnOnce(&mut Inner<N>)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        set(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Replaces the receiver, in all clones: new keys without a restart.
    ///
    /// Requests whose body is still being read are verified by the new one.
    pub fn swap(&self, receiver: Receiver<N>) {
        self.inner.receiver.store(Arc::new(receiver));
    }

    /// The current receiver.
    #[must_use]
    pub fn receiver(&self) -> Arc<Receiver<N>> {
        self.inner.receiver.load_full()
    }

    /// The platform.
    #[must_use]
    pub fn vendor(&self) -> Vendor {
        self.inner.receiver.load().vendor()
    }

    /// Reads and verifies a request.
    ///
    /// It checks method, declared length and encoding; then reads the body, up to the limit and within the deadline; then
    /// checks proof and JSON, as [`Receiver::receive`] does.
    ///
    /// # Errors
    /// [`Refusal`], which has been counted and logged; [`Refusal::answer`] is what to answer.
    pub async fn receive<B>(&self, request: Request<B>) -> Result<Verified<Received<N>>, Refusal>
    where
        B: Body<Error: Into<BoxError>>,
    {
        let (head, body) = request.into_parts();
        self.receive_parts(&head.method, &head.headers, body).await
    }

    /// As [`WebhookSource::receive`], from the parts of a request, and requiring this strength of proof:
    /// [`AsProved`](gymhook::signature::AsProved), whatever the platform proves, or
    /// [`BodySigned`](gymhook::signature::BodySigned).
    ///
    /// # Errors
    /// As [`WebhookSource::receive`].
    pub async fn receive_parts<P: Strength, B>(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: B,
    ) -> Result<Verified<Received<N>, P>, Refusal>
    where
        B: Body<Error: Into<BoxError>>,
    {
        let mut share = self.share();
        let verified =
            self.judge(method, headers, body, &mut share).await.and_then(|verified| Ok(P::of(verified)?));
        match &verified {
            Ok(verified) => telemetry::received(self.vendor(), verified.proof()),
            Err(refusal) => self.note(refusal),
        }
        verified
    }

    /// Reads the body of a request by the rules of [`WebhookSource::receive`], and judges no more than these: for a tool that
    /// looks into what the receiver refuses, too. It is counted, logged and told only by [`WebhookSource::note`].
    ///
    /// # Errors
    /// As [`WebhookSource::receive`], except for a proof that fails and a body that is not understood.
    pub async fn read_parts<B>(&self, method: &Method, headers: &HeaderMap, body: B) -> Result<Bytes, Refusal>
    where
        B: Body<Error: Into<BoxError>>,
    {
        self.admit_and_read(method, headers, body, &mut self.share()).await
    }

    pub(crate) fn share(&self) -> Share {
        Share::of(Arc::clone(&self.inner.memory))
    }

    /// Reads and verifies, without logging. The memory of the body is released with `share`.
    pub(crate) async fn judge<B>(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: B,
        share: &mut Share,
    ) -> Result<Verified<Received<N>>, Refusal>
    where
        B: Body<Error: Into<BoxError>>,
    {
        let body = self.admit_and_read(method, headers, body, share).await?;
        // The current receiver, not that of the head: a key that was withdrawn in the meantime is no longer valid.
        let receiver = self.receiver();
        Ok(receiver.receive(headers, body, (self.inner.clock)())?)
    }

    async fn admit_and_read<B>(
        &self,
        method: &Method,
        headers: &HeaderMap,
        body: B,
        share: &mut Share,
    ) -> Result<Bytes, Refusal>
    where
        B: Body<Error: Into<BoxError>>,
    {
        self.judge_method(method)?;
        let max = self.judge_head(headers, declared_length(headers, &body))?;
        self.read(body, max, share).await
    }

    fn judge_method(&self, method: &Method) -> Result<(), Refusal> {
        let probes_allowed = self.inner.probes_allowed;
        match *method {
            Method::POST => Ok(()),
            Method::GET | Method::HEAD if probes_allowed => Err(Refusal::Probe),
            _ => Err(Refusal::MethodNotAllowed { probes_allowed }),
        }
    }

    /// Checks what is known before anything is read. Returns how much may be read.
    fn judge_head(&self, headers: &HeaderMap, declared: usize) -> Result<usize, ReceiveError> {
        let receiver = self.inner.receiver.load();
        receiver.admit(headers, declared)?;
        Ok(receiver.max_body())
    }

    async fn read<B>(&self, body: B, max: usize, share: &mut Share) -> Result<Bytes, Refusal>
    where
        B: Body<Error: Into<BoxError>>,
    {
        let deadline = self.inner.read_deadline;
        let Ok(read) = tokio::time::timeout(deadline, read(body, max, share)).await else {
            return Err(Refusal::TimedOut { deadline });
        };
        read.map_err(|unread| match unread {
            Unread::TooLong { bytes } => {
                Refusal::Receive(ReceiveError::NotAdmitted(AdmitError::BodyTooLarge { bytes, max }))
            }
            Unread::LimitedOutside => Refusal::TooLongForOuterLayer,
            Unread::NoMemory => Refusal::Busy,
            Unread::Broken(problem) => Refusal::Malformed { problem },
        })
    }

    /// Counts and logs a refusal, and calls the observer: for an adapter that refuses a request before
    /// [`WebhookSource::receive_parts`].
    pub fn note(&self, refusal: &Refusal) {
        if let Some(reason) = refusal.reason() {
            let key = refusal.proof().map(Proof::key);
            let status = refusal.answer().status();
            self.tell(&Refused { platform: self.vendor(), reason, status, key, error: refusal });
        }
    }

    pub(crate) fn tell(&self, refused: &Refused<'_>) {
        telemetry::refused(refused, self.inner.on_refusal.as_deref());
    }
}

/// The declared length of the body, 0 if there is none. The server refuses a length that is not a number; what is read is counted
/// anyway.
fn declared_length(headers: &HeaderMap, body: &impl Body) -> usize {
    let header = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let header = header.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    usize::try_from(header.max(body.size_hint().lower())).unwrap_or(usize::MAX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an adapter is at the rim: it reads the clock that the pure crates are given"
)]
fn system_time() -> UtcDateTime {
    UtcDateTime::now()
}

impl<N: Notification> From<Receiver<N>> for WebhookSource<N> {
    fn from(receiver: Receiver<N>) -> Self {
        Self::new(receiver)
    }
}

impl<N> Clone for WebhookSource<N> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<N> Clone for Inner<N> {
    fn clone(&self) -> Self {
        Self {
            receiver: Arc::clone(&self.receiver),
            memory: Arc::clone(&self.memory),
            read_deadline: self.read_deadline,
            probes_allowed: self.probes_allowed,
            on_refusal: self.on_refusal.clone(),
            clock: Arc::clone(&self.clock),
        }
    }
}

impl<N> fmt::Debug for WebhookSource<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSource")
            .field("receiver", &self.inner.receiver.load())
            .field("read_deadline", &self.inner.read_deadline)
            .field("probes_allowed", &self.inner.probes_allowed)
            .finish_non_exhaustive()
    }
}
