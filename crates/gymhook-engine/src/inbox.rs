//! `Inbox`: stores incoming notifications before they are answered, and an engine handles them afterwards.

mod error;
mod ids;
mod passing_on;
mod unreadable;

use core::time::Duration;

use gymhook::Received;
use gymhook::event::Notification;
use gymhook::signature::Verified;
use gymhook_delivery::{AutoDisable, DeliveryState, EndpointId, EndpointPolicy};
use gymhook_retry::{Classify, RetryPolicy, RetrySchedule, Verdict};

pub use self::error::AcceptError;
use self::passing_on::PassingOn;
pub use self::unreadable::{KeptUnreadable, ReadAgainError};
use crate::handler::REJECTED;
use crate::ids::new_id;
use crate::store::{Enqueued, NewNotification, Refused, RepeatCheck, Store, StoreError};
use crate::stored_arrival::Arrival;
use crate::{DeliveryId, Engine, HandlerError, InboxItem, Subscription, SubscriptionError};

/// Accepts incoming notifications: what [`Inbox::accept`] has returned for is on disk, and is handled at least once.
///
/// Answer 2xx when it returns `Ok`, and what [`AcceptError::status`] says else: on a 503 the platform sends again, and nothing
/// is lost. The engine behind it runs on a [`HandlerTransport`](crate::HandlerTransport); one engine may have several inboxes,
/// one for each platform or studio.
///
/// # Repeats
///
/// Duplicates are judged on what was authenticated: the signed id where there is one, else the vendor's id or the derived key
/// within the studio of the shared key ([`ScopedDedupeKey`](gymhook::ScopedDedupeKey)). Keys are remembered until
/// [`Engine::purge`] forgets the delivery: purge no earlier than a repeat can come.
///
/// The same id with another body is no duplicate but a [conflict](AcceptError::Conflict), where the id is the vendor's. EGYM and
/// Point give none, so their keys are [derived](gymhook::DedupeBasis::is_authoritative): advice, not proof. There another body is another
/// notification: it is [accepted](Accepted::New), with the one that it resembles, and it is again a duplicate when it comes again.
/// Point sends an insight again with a new `lastProcessedAt`, for example. The handler gets both.
///
/// Where a notification has no key, an equal body of the same studio is a duplicate for a while, which begins at the one that
/// was kept. By default the platform's [profile](gymhook::Profile::digest_dedupe) says for how long, and for which types: at
/// GymPoint 3 h, for `member.created`, `member.deleted` and the payments; without a signature at PerfectGym 24 h, for every
/// type, since its bodies hold a time; at no other. [`Inbox::with_digest_dedupe`] says otherwise, and
/// [`Inbox::without_digest_dedupe`] makes each of them new. A body with a time in it, signed or not, equals no other event's.
#[derive(Clone, Debug)]
pub struct Inbox<S> {
    engine: Engine<S>,
    id: EndpointId,
    digest_dedupe: DigestDedupe,
    passing_on: Option<PassingOn>,
}

/// For how long an equal body is a duplicate, where there is no key.
#[derive(Clone, Copy, Debug)]
enum DigestDedupe {
    AsThePlatform,
    Within(Duration),
    Never,
}

/// What came of an incoming notification. Answer 2xx to both.
///
/// Exhaustive on purpose: what is accepted is new, or was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Accepted {
    /// It is new, and on disk.
    New {
        /// Under this name.
        delivery: DeliveryId,
        /// The one that it resembles: it was accepted before with the same [derived](gymhook::DedupeBasis::is_authoritative) key and
        /// another body. `None` for most.
        resembles: Option<DeliveryId>,
    },
    /// It was accepted before.
    Duplicate {
        /// Under this name.
        delivery: DeliveryId,
        /// Its state.
        state: DeliveryState,
    },
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

    /// The id that belongs to a name, always the same: what [`Inbox::named`] opens, and what a handler may compare
    /// [`InboxItem::inbox`](crate::InboxItem::inbox) with.
    ///
    /// ```
    /// use gymhook_engine::Inbox;
    ///
    /// assert_eq!(Inbox::id_of("front-desk"), Inbox::id_of("front-desk"));
    /// assert_ne!(Inbox::id_of("front-desk"), Inbox::id_of("back-office"));
    /// ```
    #[must_use]
    pub fn id_of(name: &str) -> EndpointId {
        ids::of_inbox(name)
    }

    /// The most follow-ups of an item that is [passed on at once](Inbox::passing_on): 100 (our default).
    pub const MAX_PASSED_ON_AT_ONCE: usize = 100;

    /// The most bytes of several follow-ups that are [passed on at once](Inbox::passing_on), [weighed](NewNotification::weight)
    /// together: 1 MiB (our default). A single one may be as large as any.
    pub const MAX_PASSED_ON_BYTES: usize = 1 << 20;

    /// How long a function may take that [passes on at once](Inbox::passing_on): one second (our default), since the platform waits
    /// for its answer.
    pub const PASSING_ON_TIMEOUT: Duration = Duration::from_secs(1);
}

impl<S: Store> Inbox<S> {
    /// Opens an inbox, or makes it, with its own name, and handles what is in it as `policy` says; [`Inbox::policy`] is a good one.
    ///
    /// Its [metadata](Subscription::with_metadata) stays: it is read and written as any subscription's, with
    /// [`Engine::subscription`] and [`Engine::update_subscription`].
    ///
    /// # Errors
    /// As [`Engine::put_subscription`].
    pub async fn open(
        engine: Engine<S>,
        id: EndpointId,
        label: &str,
        policy: EndpointPolicy,
    ) -> Result<Self, SubscriptionError> {
        let new = Subscription::handled_here(id, policy).with_label(label);
        let opened = |held: Subscription| new.clone().with_metadata(held.metadata().clone());
        let created = match engine.create_subscription(&new).await {
            Err(SubscriptionError::Exists { .. }) => engine.update_subscription(id, opened).await.map(drop),
            created => created,
        };
        match created {
            // A row that cannot be read is written anew.
            Err(SubscriptionError::Settings(_)) => engine.put_subscription(&new).await?,
            created => created?,
        }
        Ok(Self { engine, id, digest_dedupe: DigestDedupe::AsThePlatform, passing_on: None })
    }

    /// Opens an inbox, or makes it, under the id that [belongs to this name](Inbox::id_of), and handles what is in it as
    /// [`Inbox::policy`] says. Under another name it is another inbox, which knows nothing of what this one has accepted.
    ///
    /// # Errors
    /// As [`Engine::put_subscription`].
    pub async fn named(engine: Engine<S>, name: &str) -> Result<Self, SubscriptionError> {
        Self::open(engine, Inbox::id_of(name), name, Inbox::policy()).await
    }

    /// Takes an equal body of the same studio for a duplicate within this window (a `core::time::Duration`), where a notification has no key, whatever
    /// its type and platform. The window begins at the one that was kept, by the store's clock; at its end the same body is new.
    ///
    /// Two real events with equal bodies within the window become one: use it only where bodies tell events apart.
    #[must_use]
    pub fn with_digest_dedupe(self, window: Duration) -> Self {
        Self { digest_dedupe: DigestDedupe::Within(window), ..self }
    }

    /// Takes each notification without a key for a new one, whatever its body.
    #[must_use]
    pub fn without_digest_dedupe(self) -> Self {
        Self { digest_dedupe: DigestDedupe::Never, ..self }
    }

    /// Passes on at once: what this function makes of an item is enqueued in the transaction that accepts the item, which is
    /// delivered then. So there is no attempt, and two commits fewer.
    ///
    /// What cannot be passed on at once waits for the engine's handler as ever: after an error, a panic or
    /// [a second](Inbox::PASSING_ON_TIMEOUT), with more than [`Inbox::MAX_PASSED_ON_AT_ONCE`] follow-ups or several with more than
    /// [`Inbox::MAX_PASSED_ON_BYTES`] together, or if one of them [is not new](NewNotification::with_follow_ups). The handler also gets what
    /// is redelivered. So it has to be of the same kind ([`HandlerTransport::passing_on`](crate::HandlerTransport::passing_on)), and
    /// the ids of what both return have to follow from [`InboxItem::delivery`](crate::InboxItem::delivery) in the same way.
    ///
    /// The function must have no other effect: what it was called for may be a duplicate, or refused. Its item is under no lease yet,
    /// and is passed on even while the inbox is disabled.
    ///
    /// ```
    /// use gymhook_engine::store::{NewNotification, Store};
    /// use gymhook_engine::{DeliveryId, EndpointId, HandlerError, Inbox, InboxItem};
    ///
    /// /// Sends every item to one endpoint.
    /// fn to<S: Store>(inbox: Inbox<S>, endpoint: EndpointId, id_of: fn(DeliveryId) -> DeliveryId) -> Inbox<S> {
    ///     inbox.passing_on(move |item: InboxItem| async move {
    ///         let id = id_of(item.delivery());
    ///         Ok::<_, HandlerError>(vec![NewNotification::new(id, endpoint, "hook.received", item.body().clone())])
    ///     })
    /// }
    /// # let _ = to::<gymhook_engine::store::SqliteStore>;
    /// ```
    #[must_use]
    pub fn passing_on<F, R>(self, handle: F) -> Self
    where
        F: Fn(InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send + 'static,
    {
        Self { passing_on: Some(PassingOn::new(handle)), ..self }
    }

    /// The engine that handles what is in it.
    #[must_use]
    pub const fn engine(&self) -> &Engine<S> {
        &self.engine
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> EndpointId {
        self.id
    }

    /// Accepts a verified notification: it is on disk when this returns, with its proof.
    ///
    /// The handler gets it as it was [verified](crate::InboxItem::read). A body that was
    /// [accepted without a signature](gymhook::signature::Verified::dangerous_accept_unsigned_body) counts as unsigned again there.
    ///
    /// # Errors
    /// [`AcceptError`], which says what to answer.
    pub async fn accept<N: Notification + Sync, P: Sync>(
        &self,
        verified: &Verified<Received<N>, P>,
    ) -> Result<Accepted, AcceptError> {
        self.take(verified.value(), Arrival::of(verified.value(), Some(verified.proof())), None).await
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
        self.take(received, Arrival::of(received, None), None).await
    }

    /// Accepts it; in the place of what is kept under `read_from`, if it was read from that.
    async fn take<N: Notification + Sync>(
        &self,
        received: &Received<N>,
        arrival: Arrival,
        read_from: Option<DeliveryId>,
    ) -> Result<Accepted, AcceptError> {
        let key = received.dedupe_key();
        let delivery = match (&key, read_from) {
            (Some(key), _) => ids::of_key(self.id, received.vendor().as_str(), key),
            (None, Some(kept)) => ids::of_reading(kept),
            (None, None) => DeliveryId::from(new_id()),
        };
        let derived = key.as_ref().filter(|key| !key.basis().is_authoritative());
        let of_body = derived.map(|_| ids::of_body(delivery, received.body_digest()));
        let window = match self.digest_dedupe {
            DigestDedupe::AsThePlatform => received.repeat_window(),
            DigestDedupe::Within(window) => Some(window).filter(|_| key.is_none()),
            DigestDedupe::Never => None,
        };
        let fingerprint = || ids::fingerprint(received, arrival.proof.is_some());
        let repeat_check = window.map(|window| RepeatCheck { fingerprint: fingerprint(), window });
        let event_type = received.events().next().map(|event| event.event_type.to_owned());
        let event_type = event_type.unwrap_or_else(|| received.vendor().as_str().to_owned());
        let new = NewNotification {
            origin: Some(arrival.to_text()),
            repeat_check,
            read_from,
            ..NewNotification::new(delivery, self.id, event_type, received.body().clone())
        };
        match of_body {
            Some(of_body) => self.enqueue_derived(new, &arrival, of_body).await,
            None => self.enqueue(new, &arrival).await,
        }
    }

    /// Enqueues one whose key was derived. Where another one has its name already, or one that nobody can tell, it gets `of_body`,
    /// which the same body always gets: a platform that is refused would send it again, and in the end nothing more.
    async fn enqueue_derived(
        &self,
        new: NewNotification,
        arrival: &Arrival,
        of_body: DeliveryId,
    ) -> Result<Accepted, AcceptError> {
        let mut first = None;
        // Looked for first: the one that it resembled may be purged by now, and that one's name free.
        if self.engine.store().delivery(of_body).await?.is_none() {
            match self.enqueue(new.clone(), arrival).await {
                Err(AcceptError::Conflict { delivery }) => first = Some(delivery),
                answer => return answer,
            }
        }
        match self.enqueue(NewNotification { id: of_body, ..new }, arrival).await? {
            Accepted::New { delivery, .. } => Ok(Accepted::New { delivery, resembles: first }),
            duplicate @ Accepted::Duplicate { .. } => Ok(duplicate),
        }
    }

    /// Keeps what could not be read. Returns whether it is new.
    async fn keep(&self, new: NewNotification) -> Result<bool, AcceptError> {
        let answer = self.engine.enqueue(vec![new]).await?.into_iter().next();
        match answer {
            Some(Ok(_)) => Ok(true),
            Some(Err(Refused::Repeat { .. })) => Ok(false),
            Some(Err(refused)) => Err(self.refusal(refused)),
            None => Err(AcceptError::Gone { inbox: self.id }),
        }
    }

    async fn enqueue(&self, new: NewNotification, arrival: &Arrival) -> Result<Accepted, AcceptError> {
        let delivery = new.id;
        let store = self.engine.store();
        let now = store.now().await?;
        let new = match &self.passing_on {
            Some(passing_on) => passing_on.pass_on(new, arrival, now).await,
            None => new,
        };
        let answer = store.enqueue(vec![new], now).await?.into_iter().next();
        match answer {
            Some(Ok(Enqueued::New)) => Ok(Accepted::New { delivery, resembles: None }),
            Some(Ok(Enqueued::Duplicate { state })) => Ok(Accepted::Duplicate { delivery, state }),
            Some(Err(Refused::Repeat { delivery })) => self.repeat_of(delivery).await,
            Some(Err(refused)) => Err(self.refusal(refused)),
            None => Err(AcceptError::Gone { inbox: self.id }),
        }
    }

    const fn refusal(&self, refused: Refused) -> AcceptError {
        match refused {
            Refused::Conflict { delivery } | Refused::Repeat { delivery } => {
                AcceptError::Conflict { delivery }
            }
            Refused::Unstorable { field, problem, .. } => AcceptError::Unstorable { field, problem },
            Refused::UnknownEndpoint { .. } => AcceptError::Gone { inbox: self.id },
        }
    }

    /// The state of the one that was accepted before.
    async fn repeat_of(&self, delivery: DeliveryId) -> Result<Accepted, AcceptError> {
        let row = self.engine.store().delivery(delivery).await?;
        let Some(record) = row.and_then(|row| row.record) else {
            // It was purged this very moment, or its row is damaged: what the platform sends again is judged anew.
            let problem = format!("delivery {delivery}, which a notification repeats, cannot be read");
            return Err(StoreError::Unavailable { problem }.into());
        };
        Ok(Accepted::Duplicate { delivery, state: record.state })
    }
}
