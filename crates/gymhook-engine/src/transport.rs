//! `Transport`, the trait of what makes attempts, over HTTP or by your own code; `Sending`, what it gets; `Answer`,
//! what it returns.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use gymhook_delivery::Attempt;
use gymhook_retry::Outcome;
use http::HeaderMap;
use time::UtcDateTime;

use crate::store::NewNotification;
use crate::stored_arrival::Arrival;
use crate::{DeliveryHeaders, Direction, InboxItem, Subscription};

/// Makes attempts. The engine decides which, when, and what happens next.
pub trait Transport: Send + Sync + 'static {
    /// Makes one attempt and returns its outcome.
    ///
    /// It should end within [`Sending::timeout`]: after that the engine drops the future and counts a timeout. A panic is
    /// caught: the attempt is charged, but not to the endpoint.
    fn send(&self, sending: Sending) -> impl Future<Output = Answer> + Send;

    /// Its direction. Its engine ignores subscriptions of the other direction.
    fn direction(&self) -> Direction {
        Direction::Outgoing
    }

    /// Checks that it can send for this subscription; called when one is written through an engine with this transport.
    ///
    /// # Errors
    /// Why it cannot, for the subscription's author.
    fn check(&self, subscription: &Subscription) -> Result<(), String> {
        let _ = subscription;
        Ok(())
    }
}

/// An attempt to make now.
#[derive(Clone)]
#[non_exhaustive]
pub struct Sending {
    /// Which attempt of which delivery.
    pub attempt: Attempt,
    /// The subscription: its URL and settings.
    pub subscription: Arc<Subscription>,
    /// The type of the event, in the vendor's spelling.
    pub event_type: String,
    /// The exact bytes to be signed and sent.
    pub body: Bytes,
    /// When it was enqueued, or accepted, by the store's clock.
    pub enqueued_at: UtcDateTime,
    /// When the attempt is made: the time to sign with.
    pub now: UtcDateTime,
    /// How long the attempt may take, including reading the response.
    pub timeout: Duration,
    /// What was known of it when it came in; `None` for what goes out.
    pub(crate) arrival: Option<Arrival>,
    /// The delivery's own headers; none of what came in.
    pub(crate) headers: DeliveryHeaders,
}

impl Sending {
    /// An attempt of something that was enqueued at `now`, for tests of a transport of your own.
    #[must_use]
    pub fn new(
        attempt: Attempt,
        subscription: Arc<Subscription>,
        event_type: impl Into<String>,
        body: impl Into<Bytes>,
        now: UtcDateTime,
        timeout: Duration,
    ) -> Self {
        let (event_type, body) = (event_type.into(), body.into());
        let headers = DeliveryHeaders::default();
        Self {
            attempt,
            subscription,
            event_type,
            body,
            enqueued_at: now,
            now,
            timeout,
            arrival: None,
            headers,
        }
    }

    /// The headers that this delivery brings along, beside those of the subscription: each attempt has them. Usually none.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        self.headers.as_map()
    }

    /// With these headers of the delivery, for tests of a transport of your own.
    #[must_use]
    pub fn with_headers(self, headers: DeliveryHeaders) -> Self {
        Self { headers, ..self }
    }

    /// What a handler gets: for a transport of your own whose direction is [`Direction::Incoming`].
    #[must_use]
    pub fn into_item(self) -> InboxItem {
        let Self { attempt, event_type, body, enqueued_at, arrival, .. } = self;
        InboxItem::new(attempt, event_type, arrival, body, enqueued_at)
    }
}

/// `Debug` shows only the body's length, since the body contains personal data.
impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("attempt", &self.attempt)
            .field("subscription", &self.subscription)
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// How an attempt ended, and what the log keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The outcome, which the machine decides on.
    pub outcome: Outcome,
    /// The first characters of the response's body, as many as the platform's rule keeps.
    pub captured: Option<String>,
    /// What went wrong, for the operator: no secret, no body, no query of a URL.
    pub detail: Option<String>,
    /// What is to be enqueued because of it: see [`Answer::with_follow_ups`].
    pub follow_ups: Vec<NewNotification>,
}

impl Answer {
    /// An answer with only an outcome.
    #[must_use]
    pub const fn new(outcome: Outcome) -> Self {
        Self { outcome, captured: None, detail: None, follow_ups: Vec::new() }
    }

    /// With what is to be enqueued because of it, in the transaction that records the success: never is one without the other, and
    /// what is repeated after a crash is enqueued once, if its ids are the same each time.
    ///
    /// The answer has to count: nothing is enqueued of a failure, of an answer that comes too late, nor under a lease that was
    /// lost. A follow-up that the store refuses, for example because its subscription was deleted, is logged, and the success
    /// stays.
    ///
    /// More than [`Answer::MAX_FOLLOW_UPS`], or several with more than [`Answer::MAX_FOLLOW_UP_BYTES`] together, are refused: the
    /// attempt is answered with 422, which under [`Inbox::policy`](crate::Inbox::policy) keeps the item as undeliverable.
    #[must_use]
    pub fn with_follow_ups(mut self, follow_ups: Vec<NewNotification>) -> Self {
        self.follow_ups = follow_ups;
        self
    }

    /// The most follow-ups of one answer: 1,000 (our default).
    pub const MAX_FOLLOW_UPS: usize = 1_000;

    /// The most bytes of several follow-ups of one answer, [weighed](NewNotification::weight) together: 16 MiB (our default). A
    /// single one may be as large as any.
    pub const MAX_FOLLOW_UP_BYTES: usize = 16 << 20;

    /// With details for the operator.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With the response's first characters.
    #[must_use]
    pub fn with_captured(mut self, captured: impl Into<String>) -> Self {
        self.captured = Some(captured.into());
        self
    }
}

/// Whether these are no more than `max_count`, with `max_bytes` together. A single one may be as large as any.
pub(crate) fn check_size(
    follow_ups: &[NewNotification],
    max_count: usize,
    max_bytes: usize,
) -> Result<(), String> {
    let count = follow_ups.len();
    let bytes: usize = follow_ups.iter().map(NewNotification::weight).sum();
    if count <= max_count && (count <= 1 || bytes <= max_bytes) {
        return Ok(());
    }
    Err(format!("{count} follow-ups with {bytes} bytes: pass on at most {max_count} with {max_bytes} bytes"))
}
