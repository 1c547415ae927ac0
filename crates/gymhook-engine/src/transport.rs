//! How an attempt is made: over HTTP, or by a function of your own.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use gymhook_delivery::Attempt;
use gymhook_retry::Outcome;
use time::UtcDateTime;

use crate::arrival::Arrival;
use crate::{Direction, InboxItem, Subscription};

/// Makes attempts. The engine decides which, when, and what follows.
pub trait Transport: Send + Sync + 'static {
    /// Makes one attempt and says how it ended.
    ///
    /// It should be over within [`Sending::timeout`]: after that the engine gives it up, drops the future and counts a
    /// timeout. A panic in it is caught: the attempt is charged, and the endpoint is not.
    fn send(&self, sending: Sending) -> impl Future<Output = Answer> + Send;

    /// What it is for. Its engine leaves the subscriptions of the other direction alone.
    fn direction(&self) -> Direction {
        Direction::Outgoing
    }

    /// Whether it can send for this subscription; asked when one is written through an engine that delivers through it.
    ///
    /// # Errors
    /// Why it cannot, in words for whoever made the subscription.
    fn check(&self, subscription: &Subscription) -> Result<(), String> {
        let _ = subscription;
        Ok(())
    }
}

/// One attempt to be made now.
#[derive(Clone)]
#[non_exhaustive]
pub struct Sending {
    /// Which attempt of which delivery.
    pub attempt: Attempt,
    /// Where it goes, and with what settings.
    pub subscription: Arc<Subscription>,
    /// The type of the event, in the vendor's spelling.
    pub event_type: String,
    /// The exact bytes to be signed and sent.
    pub body: Bytes,
    /// When it was enqueued, or accepted, by the store's clock.
    pub enqueued_at: UtcDateTime,
    /// When the attempt is made: the time to sign with.
    pub now: UtcDateTime,
    /// How long the attempt may take, the reading of the answer included.
    pub timeout: Duration,
    /// What was known of it when it came in; `None` for what goes out.
    pub(crate) arrival: Option<Arrival>,
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
        Self { attempt, subscription, event_type, body, enqueued_at: now, now, timeout, arrival: None }
    }

    /// What a handler gets: for a transport of your own whose direction is [`Direction::Incoming`].
    #[must_use]
    pub fn into_item(self) -> InboxItem {
        let Self { attempt, event_type, body, enqueued_at, arrival, .. } = self;
        InboxItem::new(attempt, event_type, arrival, body, enqueued_at)
    }
}

/// `Debug` shows the body's length: its bytes are about people.
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
pub struct Answer {
    /// What was observed: what the machine decides on.
    pub outcome: Outcome,
    /// The first characters of the response's body, as far as the platform's rule keeps them.
    pub captured: Option<String>,
    /// What went wrong, in words for the operator: no secret, no body, no query of a URL.
    pub detail: Option<String>,
}

impl Answer {
    /// An outcome and nothing more to say about it.
    #[must_use]
    pub const fn new(outcome: Outcome) -> Self {
        Self { outcome, captured: None, detail: None }
    }

    /// With what the operator should know.
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
