//! One platform's receiver behind HTTP: what is read, for how long, and what is refused.

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

use crate::memory::{BodyMemory, Share};
use crate::read::{BoxError, Unread, read};
use crate::telemetry::{self, Hook};
use crate::{Refusal, Refused, Strength};

/// Where webhooks of one platform come in: its [`Receiver`] with the rules of HTTP around it. Cloning is cheap, and all clones
/// share the receiver.
///
/// A receiver is a source by itself (`WebhookSource::from(receiver)`); what is set here are our defaults, since no platform
/// publishes more than how long it waits for an answer.
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
    /// How long a body is waited for unless [`WebhookSource::with_read_deadline`] says otherwise (our default): 10 s.
    pub const DEFAULT_READ_DEADLINE: Duration = Duration::from_secs(10);

    /// How much memory long bodies may take together unless [`WebhookSource::with_body_memory`] says otherwise (our default):
    /// 16 MiB, or four times [`Receiver::max_body`] if that is more.
    pub const DEFAULT_BODY_MEMORY: usize = 16 * 1024 * 1024;

    /// What each body may take without counting: 16 KiB.
    pub const UNCOUNTED_BODY_MEMORY: usize = crate::memory::ALWAYS;

    /// Receives what this receiver accepts.
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

    /// Waits so long for a body, from its head on, and then answers 408. Less than the platform's own timeout is enough: nobody
    /// waits for the answer after that.
    ///
    /// How long the *head* may take is the server's to say: hyper's `header_read_timeout`, actix's `client_request_timeout`.
    #[must_use]
    pub fn with_read_deadline(self, deadline: Duration) -> Self {
        self.with(|inner| inner.read_deadline = deadline)
    }

    /// Lets all bodies that are being read at a time take so many bytes together, each body's first
    /// [16 KiB](WebhookSource::UNCOUNTED_BODY_MEMORY) not counted. Beyond that, 503 with `Retry-After`.
    ///
    /// So short bodies are received whoever holds long ones open, and a thousand connections take at most 16 MiB and this.
    /// It counts for this source and for what is cloned from it. A body that is longer than both together is never received.
    #[must_use]
    pub fn with_body_memory(self, bytes: usize) -> Self {
        self.with(|inner| inner.memory = Arc::new(BodyMemory::new(bytes)))
    }

    /// Answers GET and HEAD with 200, for a platform whose settings page tries the URL before it saves it. By default they are
    /// answered 405.
    #[must_use]
    pub fn with_probes_allowed(self) -> Self {
        self.with(|inner| inner.probes_allowed = true)
    }

    /// Calls this function for each refusal, after it was counted and logged and before it is answered. Keep it short.
    ///
    /// A panic in it is logged, and the refusal answered as if it had returned.
    #[must_use]
    pub fn on_refusal(self, tell: impl Fn(&Refused<'_>) + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.on_refusal = Some(Arc::new(tell)))
    }

    /// Judges signed times by this clock instead of the system's: for a test with a recorded request.
    #[must_use]
    pub fn with_clock(self, now: impl Fn() -> UtcDateTime + Send + Sync + 'static) -> Self {
        self.with(|inner| inner.clock = Arc::new(now))
    }

    fn with(self, set: impl FnOnce(&mut Inner<N>)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        set(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Receives with this receiver from now on, in all clones: new keys without a restart.
    ///
    /// What has come in already and is judged later, because its body is still on its way, is judged by the new one.
    pub fn swap(&self, receiver: Receiver<N>) {
        self.inner.receiver.store(Arc::new(receiver));
    }

    /// The receiver of this moment.
    #[must_use]
    pub fn receiver(&self) -> Arc<Receiver<N>> {
        self.inner.receiver.load_full()
    }

    /// The platform.
    #[must_use]
    pub fn vendor(&self) -> Vendor {
        self.inner.receiver.load().vendor()
    }

    /// Reads and judges a request.
    ///
    /// Order: method, declared length, encoding; then the body is read, up to the limit and within the deadline; then proof and
    /// JSON, as [`Receiver::receive`] does.
    ///
    /// # Errors
    /// [`Refusal`], which is counted and logged already; [`Refusal::answer`] is what to answer.
    pub async fn receive<B>(&self, request: Request<B>) -> Result<Verified<Received<N>>, Refusal>
    where
        B: Body<Error: Into<BoxError>>,
    {
        let (head, body) = request.into_parts();
        self.receive_parts(&head.method, &head.headers, body).await
    }

    /// As [`WebhookSource::receive`], from the parts of a request, and only with a proof so strong:
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
        let verified = self.judge(method, headers, body, &mut share).await.and_then(P::of);
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
    /// As [`WebhookSource::receive`], but for a proof that fails and a body that is not understood.
    pub async fn read_parts<B>(&self, method: &Method, headers: &HeaderMap, body: B) -> Result<Bytes, Refusal>
    where
        B: Body<Error: Into<BoxError>>,
    {
        self.admit_and_read(method, headers, body, &mut self.share()).await
    }

    pub(crate) fn share(&self) -> Share {
        Share::of(Arc::clone(&self.inner.memory))
    }

    /// Reads and judges, and tells nobody. What the body takes is given back with `share`.
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
        // The receiver of this moment, not of the head's: a key that was withdrawn meanwhile counts no more.
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

    /// Judges what is known before anything is read. Returns how much may be read.
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

    /// Counts and logs a refusal, and tells whoever wants to know: for an adapter that refuses a request before
    /// [`WebhookSource::receive_parts`] has seen it.
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

/// How long the body says it is, 0 where it does not say. A length that is no number is the server's to refuse; what is read
/// is counted anyway.
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
