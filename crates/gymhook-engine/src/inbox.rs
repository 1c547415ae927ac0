//! Incoming notifications, accepted durably before they are answered, and worked off afterwards.

use core::time::Duration;

use gymhook::event::Notification;
use gymhook::signature::Verified;
use gymhook::{DedupeBasis, Received, ScopedDedupeKey};
use gymhook_delivery::{AutoDisable, DeliveryState, EndpointId, EndpointPolicy};
use gymhook_retry::{Classify, RetryPolicy, RetrySchedule, Verdict};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use crate::engine::new_id;
use crate::handler::REJECTED;
use crate::store::{Enqueued, NewNotification, Refused, Store, StoreError};
use crate::{DeliveryId, Engine, Origin, Subscription, SubscriptionError};

/// Accepts incoming notifications: what [`Inbox::accept`] has returned for is on disk, and is handled at least once.
///
/// Answer 2xx when it returns `Ok`, and 503 with `Retry-After` when it returns [`AcceptError::Store`]: then the platform sends
/// again, and nothing is lost. The engine behind it runs on a [`HandlerTransport`](crate::HandlerTransport); one engine may
/// have several inboxes, one for each platform or studio.
///
/// Duplicates are judged on what was authenticated: the signed id where there is one, else the vendor's id or the derived key
/// within the studio of the shared key ([`ScopedDedupeKey`]). The same key with another body is no duplicate but a
/// [conflict](AcceptError::Conflict). Where a notification has no key, each is new. Keys are remembered until
/// [`Engine::purge`] forgets the delivery: purge no earlier than a repeat can come.
#[derive(Clone, Debug)]
pub struct Inbox<S> {
    engine: Engine<S>,
    id: EndpointId,
}

/// What came of an incoming notification. Answer 2xx to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Accepted {
    /// It is new, and on disk.
    New {
        /// Under this name.
        delivery: DeliveryId,
    },
    /// It was accepted before.
    Duplicate {
        /// Under this name.
        delivery: DeliveryId,
        /// Where that stands.
        state: DeliveryState,
    },
}

/// Why an incoming notification was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// One with the same key and another body was accepted before. Somebody replays an id whose signature does not cover the
    /// body, or two events share an id: answer 409, and have a person look at it.
    #[error("notification {delivery} was accepted before with another body")]
    Conflict {
        /// The name of the one that was accepted.
        delivery: DeliveryId,
    },
    /// The inbox was deleted. The configuration is to blame.
    #[error("there is no inbox {inbox}: was it deleted?")]
    Gone {
        /// The inbox.
        inbox: EndpointId,
    },
    /// It could not be written: answer 503 with `Retry-After`.
    #[error(transparent)]
    Store(#[from] StoreError),
}

// For no store in particular, so that `Inbox::policy()` names none.
impl Inbox<()> {
    /// How handling is retried unless one says otherwise (our default): after 1 s, 4 s, 16 s, 1 min, 5 min, 20 min and then
    /// six times after an hour; what a handler [rejects](crate::HandlerError::reject) is kept at once; never switched off.
    ///
    /// For another schedule, change this one, so that what is rejected is still kept at once:
    ///
    /// ```
    /// use core::time::Duration;
    /// use gymhook::retry::RetrySchedule;
    /// use gymhook_engine::Inbox;
    ///
    /// let policy = Inbox::policy();
    /// let retry = policy.retry().clone().with_schedule(RetrySchedule::constant(Duration::from_secs(60), 5));
    /// let every_minute = policy.with_retry(retry);
    /// # let _ = every_minute;
    /// ```
    #[must_use]
    pub fn policy() -> EndpointPolicy {
        const SECONDS: [u64; 12] = [1, 4, 16, 60, 300, 1_200, 3_600, 3_600, 3_600, 3_600, 3_600, 3_600];
        let retry = RetryPolicy::new(RetrySchedule::fixed(SECONDS.map(Duration::from_secs).to_vec()))
            .with_classify(Classify::new().with(REJECTED, Verdict::Reject));
        EndpointPolicy::new(retry).with_breaker(None).with_auto_disable(AutoDisable::never())
    }
}

impl<S: Store> Inbox<S> {
    /// Opens an inbox, or makes it, with its own name, and handles what is in it as `policy` says; [`Inbox::policy`] is a good one.
    ///
    /// # Errors
    /// As [`Engine::put_subscription`].
    pub async fn open(
        engine: Engine<S>,
        id: EndpointId,
        label: &str,
        policy: EndpointPolicy,
    ) -> Result<Self, SubscriptionError> {
        let subscription = Subscription::handled_here(id, policy).with_label(label);
        engine.put_subscription(&subscription).await?;
        Ok(Self { engine, id })
    }

    /// The engine that works it off.
    #[must_use]
    pub const fn engine(&self) -> &Engine<S> {
        &self.engine
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> EndpointId {
        self.id
    }

    /// Accepts a verified notification: it is on disk when this returns.
    ///
    /// # Errors
    /// [`AcceptError`], which says what to answer.
    pub async fn accept<N: Notification + Sync, P: Sync>(
        &self,
        verified: &Verified<Received<N>, P>,
    ) -> Result<Accepted, AcceptError> {
        self.take(verified.value(), Some(Origin::from(verified.proof()))).await
    }

    /// Accepts a notification that nobody has proved anything about, from an
    /// [`UnsignedReceiver`](gymhook::UnsignedReceiver).
    ///
    /// # Errors
    /// As [`Inbox::accept`].
    pub async fn dangerous_accept_unsigned<N: Notification + Sync>(
        &self,
        received: &Received<N>,
    ) -> Result<Accepted, AcceptError> {
        self.take(received, None).await
    }

    async fn take<N: Notification + Sync>(
        &self,
        received: &Received<N>,
        origin: Option<Origin>,
    ) -> Result<Accepted, AcceptError> {
        let key = received.dedupe_key();
        let delivery = key.map_or_else(
            || DeliveryId::from(new_id()),
            |key| self.delivery_id(received.vendor().as_str(), &key),
        );
        let event_type = received.events().next().map(|event| event.event_type.to_owned());
        let event_type = event_type.unwrap_or_else(|| received.vendor().as_str().to_owned());
        let new = NewNotification {
            origin: origin.map(|origin| origin.to_text()),
            ..NewNotification::new(delivery, self.id, event_type, received.body().clone())
        };
        let answer = self.engine.enqueue(vec![new]).await?.into_iter().next();
        match answer {
            Some(Ok(Enqueued::New)) => Ok(Accepted::New { delivery }),
            Some(Ok(Enqueued::Duplicate { state })) => Ok(Accepted::Duplicate { delivery, state }),
            Some(Err(Refused::Conflict { delivery })) => Err(AcceptError::Conflict { delivery }),
            Some(Err(Refused::Repeat { delivery })) => self.repeat_of(delivery).await,
            Some(Err(unstorable @ Refused::Unstorable { .. })) => {
                Err(StoreError::Invalid { problem: unstorable.to_string() }.into())
            }
            Some(Err(Refused::UnknownEndpoint { .. })) | None => Err(AcceptError::Gone { inbox: self.id }),
        }
    }

    /// What was accepted before stands somewhere; if it was purged this very moment, a repeat of the request tells.
    async fn repeat_of(&self, delivery: DeliveryId) -> Result<Accepted, AcceptError> {
        let row = self.engine.store().delivery(delivery).await?;
        match row.and_then(|row| row.record) {
            Some(record) => Ok(Accepted::Duplicate { delivery, state: record.state }),
            None => Err(AcceptError::Conflict { delivery }),
        }
    }

    /// The name of what this key stands for in this inbox, always the same.
    fn delivery_id(&self, vendor: &str, key: &ScopedDedupeKey) -> DeliveryId {
        let basis = match key.basis() {
            DedupeBasis::SignedId => "signed",
            DedupeBasis::VendorId => "vendor",
            DedupeBasis::Derived => "derived",
            _ => "other",
        };
        let scope = key.scope().map(gymhook::signature::KeyId::as_str);
        let mut digest =
            Sha256::new().chain_update(b"gymhook-inbox\0").chain_update(self.id.as_uuid().as_bytes());
        // Each part with its length before it, so that no two lists of parts are one text.
        for part in [Some(vendor), Some(basis), scope, Some(key.id())] {
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            digest = digest.chain_update(length.to_le_bytes()).chain_update(part.unwrap_or_default());
        }
        let first_half = digest.finalize().first_chunk().copied().unwrap_or_default();
        DeliveryId::from(Builder::from_custom_bytes(first_half).into_uuid())
    }
}
