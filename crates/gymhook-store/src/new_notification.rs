//! `NewNotification`, a notification to be enqueued: its follow-ups, its `RepeatCheck`, and the record and columns that its
//! delivery begins with.

use core::fmt;
use core::time::Duration;

use crate::{DeliveryColumns, State, StoreTime};
use bytes::Bytes;
use gymhook_delivery::{BodyDigest, DeliveryId, DeliveryRecord, DeliveryState, End, EndpointId};
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;

/// A notification to be enqueued.
///
/// ```
/// use bytes::Bytes;
/// use gymhook_delivery::{DeliveryId, EndpointId};
/// use gymhook_store::{NewNotification, Refused};
/// use time::macros::utc_datetime;
///
/// let (delivery, endpoint) = (DeliveryId::from_u128(7), EndpointId::from_u128(1));
/// let body = Bytes::from_static(br#"{"member":17}"#);
/// let mut new = NewNotification::new(delivery, endpoint, "workout.created", body);
/// new.not_before = Some(utc_datetime!(2026-01-01 12:00)); // due at noon
/// assert_eq!(new.check(), Ok(()));
///
/// // No store keeps a NUL in a text; a body may have any bytes.
/// new.event_type = "workout\0created".to_owned();
/// assert!(matches!(new.check(), Err(Refused::Unstorable { field: "event type", .. })));
/// ```
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// The delivery's id: the idempotency key in all attempts.
    pub id: DeliveryId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The type of its event, in the vendor's spelling.
    pub event_type: String,
    /// The exact bytes.
    pub body: Bytes,
    /// Not before this time; `None` means at once.
    pub not_before: Option<UtcDateTime>,
    /// Whether it is a test event: one attempt, ignored by auto-disable.
    pub test: bool,
    /// What the engine keeps beside it, which a store keeps unchanged: what was proved about an incoming one, or the headers of an
    /// outgoing one.
    pub origin: Option<String>,
    /// Whether it could not be read when it arrived: it is kept as [`State::Unreadable`], and no handler gets it.
    pub unreadable: bool,
    /// The unreadable one that it was read from: removed in the same transaction, if this one is new or a repeat.
    pub read_from: Option<DeliveryId>,
    /// How a repeat with another id is recognised; `None` if only the id counts.
    pub repeat_check: Option<RepeatCheck>,
    /// What follows from it, if that is known before a handler gets it: see [`NewNotification::with_follow_ups`].
    pub follow_ups: Option<Vec<Self>>,
}

/// How a repeat is recognised if senders give no ids.
///
/// A notification with an equal fingerprint at the same endpoint within `window` is a repeat: [`Refused::Repeat`](crate::Refused::Repeat). The window
/// begins with the one that was kept; repeats do not extend it.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatCheck {
    /// The fingerprint: a digest of the body, and of whatever else must be equal.
    pub fingerprint: [u8; 32],
    /// The length of the window, by the store's clock. At its end a notification is new; with length zero none is a repeat.
    pub window: Duration,
}
impl RepeatCheck {
    /// What was enqueued at this time or before has left the window, in microseconds since 1970.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gymhook_store::RepeatCheck;
    /// use time::macros::utc_datetime;
    ///
    /// let check = RepeatCheck { fingerprint: [7; 32], window: Duration::from_secs(1) };
    /// assert_eq!(check.before_window(utc_datetime!(1970-01-01 00:00:03)), 2_000_000);
    /// ```
    #[must_use]
    pub fn before_window(&self, now: UtcDateTime) -> i64 {
        // A part of a microsecond counts as a whole one: rather too long than too short.
        let window = i64::try_from(self.window.as_nanos().div_ceil(1_000)).unwrap_or(i64::MAX);
        StoreTime::floor(now).micros().saturating_sub(window)
    }
}

/// `Debug` shows only the body's length, since the body contains personal data.
impl fmt::Debug for NewNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewNotification")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("body_bytes", &self.body.len())
            .field("not_before", &self.not_before)
            .field("test", &self.test)
            .finish_non_exhaustive()
    }
}

impl NewNotification {
    /// A notification to be sent at once.
    #[must_use]
    pub fn new(id: DeliveryId, endpoint: EndpointId, event_type: impl Into<String>, body: Bytes) -> Self {
        Self {
            id,
            endpoint,
            event_type: event_type.into(),
            body,
            not_before: None,
            test: false,
            origin: None,
            unreadable: false,
            read_from: None,
            repeat_check: None,
            follow_ups: None,
        }
    }

    /// Enqueues these with it, in the same transaction: then it needs no handler, and is enqueued as delivered, without an attempt.
    ///
    /// They are enqueued only if it is new itself. If one of them is not new, or is refused, it waits for its handler as if it had
    /// none, and some of them may have been enqueued: the handler has to return what is here, with the same ids. So it is if one
    /// of them is more than an event to be sent: has follow-ups itself, a [`RepeatCheck`], or something that it was read from.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use gymhook_delivery::{DeliveryId, EndpointId};
    /// use gymhook_store::testing::memory::MemoryStore;
    /// use gymhook_store::{NewNotification, State, Store};
    /// # use gymhook_delivery::EndpointRecord;
    /// # use gymhook_store::{SubscriptionRow, TargetColumns, WriteCondition};
    /// # use time::macros::utc_datetime;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let now = utc_datetime!(2026-01-01 12:00);
    /// # let store = MemoryStore::new(now);
    /// # let (inbox, destination) = (EndpointId::from_u128(1), EndpointId::from_u128(2));
    /// # for id in [inbox, destination] {
    /// #     let target = TargetColumns::Http { url: "https://receiver.example".to_owned(), secrets: Vec::new() };
    /// #     let (gym, platform, settings) = (String::new(), String::new(), "{}".to_owned());
    /// #     let record = EndpointRecord::new(id);
    /// #     let row = SubscriptionRow { id, gym, platform, target, settings, record, deleted_at: None };
    /// #     store.put_subscription(row, WriteCondition::New, now).await?;
    /// # }
    ///
    /// let body = Bytes::from_static(b"{}");
    /// let received = NewNotification::new(DeliveryId::from_u128(7), inbox, "checkin", body.clone());
    /// let passed_on = NewNotification::new(DeliveryId::from_u128(8), destination, "checkin", body);
    /// let _ = store.enqueue(vec![received.with_follow_ups(vec![passed_on])], now).await?;
    ///
    /// let state = async |id| store.delivery(DeliveryId::from_u128(id)).await.map(|row| row.map(|row| row.state));
    /// assert_eq!(state(7).await?, Some(State::Delivered));
    /// assert_eq!(state(8).await?, Some(State::Waiting));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_follow_ups(self, follow_ups: Vec<Self>) -> Self {
        Self { follow_ups: Some(follow_ups), ..self }
    }

    /// What a store enqueues with it; `None` if it waits for its handler in any case.
    #[must_use]
    pub fn enqueued_with_it(&self) -> Option<&[Self]> {
        let is_plain = |new: &Self| {
            let is_event = new.follow_ups.is_none() && new.repeat_check.is_none();
            is_event && !new.unreadable && new.read_from.is_none() && new.check().is_ok()
        };
        self.follow_ups.as_deref().filter(|new| !self.unreadable && new.iter().all(is_plain))
    }

    /// The endpoints that have work once it is enqueued. One that waits although its follow-ups were to be enqueued with it is
    /// found by polling.
    pub fn endpoints_with_work(&self) -> impl Iterator<Item = EndpointId> {
        let follow_ups = self.enqueued_with_it();
        let own = follow_ups.is_none().then_some(self.endpoint);
        own.into_iter().chain(follow_ups.into_iter().flatten().map(|new| new.endpoint))
    }

    /// What a repeat has in common with it, if anything may be one.
    #[must_use]
    pub fn fingerprint(&self) -> Option<[u8; 32]> {
        self.repeat_check.filter(|check| !check.window.is_zero()).map(|check| check.fingerprint)
    }

    /// How much room it takes while a call waits, in bytes: its body, its texts, its ids, its times and its follow-ups.
    pub fn weight(&self) -> usize {
        let texts = self.event_type.len() + self.origin.as_ref().map_or(0, String::len);
        let follow_ups: usize = self.follow_ups.iter().flatten().map(Self::weight).sum();
        size_of::<Self>() + texts + self.body.len() + follow_ups
    }

    /// Whether this record is of the same delivery.
    pub fn is_same_as(&self, held: &DeliveryRecord) -> bool {
        held.endpoint == self.endpoint && held.test == self.test && held.body == self.digest()
    }

    /// The SHA-256 of its body.
    #[must_use]
    pub fn digest(&self) -> BodyDigest {
        body_digest(&self.body)
    }

    /// The record that its delivery begins with.
    #[must_use]
    pub fn record(&self, sequence: u64, now: UtcDateTime) -> DeliveryRecord {
        let due = self.not_before.map_or(now, |earliest| earliest.max(now));
        let record = DeliveryRecord::new(self.id, self.endpoint, self.digest(), sequence, due);
        DeliveryRecord { test: self.test, ..record }
    }

    /// The columns that its row begins with.
    #[must_use]
    pub fn columns(&self, sequence: u64, now: UtcDateTime) -> DeliveryColumns {
        let mut columns = DeliveryColumns::from(&self.record(sequence, now));
        if self.unreadable {
            columns.state = State::Unreadable.code();
            columns.check = columns.check_sum();
        }
        columns
    }

    /// The columns that its row begins with if it needs no handler.
    #[must_use]
    pub fn handled_columns(&self, sequence: u64, now: UtcDateTime) -> DeliveryColumns {
        let state = DeliveryState::Finished { at: now, end: End::Delivered };
        DeliveryColumns::from(&DeliveryRecord { state, ..self.record(sequence, now) })
    }
}

/// The digest that distinguishes bodies: SHA-256.
pub fn body_digest(body: &[u8]) -> BodyDigest {
    BodyDigest::new(Sha256::digest(body).into())
}
