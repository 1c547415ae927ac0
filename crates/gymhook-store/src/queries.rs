//! What is read by people and their programs.

use core::num::NonZeroU32;

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, EndpointRecord};
use time::UtcDateTime;
use uuid::Uuid;

use crate::{LeaseHolder, State};

/// Which subscriptions are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionQuery {
    /// Of this gym only.
    pub gym: Option<String>,
    /// Those whose id is higher: the last one of the page before.
    pub after: Option<EndpointId>,
    /// The maximum number of rows.
    pub limit: u32,
}

/// Which deliveries are wanted: those that everything asked for fits.
///
/// What is rare is found by an index: an endpoint's deliveries, a gym's, and those of a state in which few are. Types and
/// times are not indexed: among what is left the latest is looked at first, until a page is full.
///
/// ```
/// use gymhook_store::{DeliveryQuery, State};
/// use time::macros::utc_datetime;
///
/// let given_up_in_january = DeliveryQuery {
///     gym: Some("berlin-mitte".to_owned()),
///     event_type: Some("payment.failed".to_owned()),
///     state: Some(State::Undeliverable),
///     from: Some(utc_datetime!(2026-01-01 0:00)),
///     until: Some(utc_datetime!(2026-02-01 0:00)),
///     ..DeliveryQuery::new(100)
/// };
/// # let _ = given_up_in_january;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// To this endpoint only.
    pub endpoint: Option<EndpointId>,
    /// To subscriptions of this gym only, those that are deleted included. An inbox is no gym's.
    pub gym: Option<String>,
    /// Of this event type only, as it is spelled.
    pub event_type: Option<String>,
    /// In this state only.
    pub state: Option<State>,
    /// Enqueued at this moment or later only.
    pub from: Option<UtcDateTime>,
    /// Enqueued before this moment only.
    pub until: Option<UtcDateTime>,
    /// Enqueued before the one with this [order](DeliveryRecord::order): [`Page::next`] of the page before.
    pub before: Option<u64>,
    /// The maximum number of rows.
    pub limit: u32,
}

impl DeliveryQuery {
    /// All deliveries, so many at a time.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self {
            endpoint: None,
            gym: None,
            event_type: None,
            state: None,
            from: None,
            until: None,
            before: None,
            limit,
        }
    }
}

/// Some of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// What to ask with for the next page; `None` if this is the last.
    pub next: Option<u64>,
}

/// One delivery in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Where it stands; `None` if its row is damaged, or it is [`State::Unreadable`].
    pub record: Option<DeliveryRecord>,
    /// Its name.
    pub id: DeliveryId,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// Its place in the order of enqueueing.
    pub order: u64,
    /// Its state in one word.
    pub state: State,
    /// The type of its event.
    pub event_type: String,
    /// When it was enqueued.
    pub enqueued_at: UtcDateTime,
    /// [`NewNotification::origin`](super::NewNotification::origin).
    pub origin: Option<String>,
}

/// One attempt in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The delivery's [order](DeliveryRecord::order).
    pub order: u64,
    /// The how-many-eth request of the delivery it was, over all rounds.
    pub send: u32,
    /// Its round.
    pub round: NonZeroU32,
    /// Its number in its round.
    pub number: u32,
    /// When it began; of an attempt that was lost it is not known.
    pub began: Option<UtcDateTime>,
    /// When it ended, or was found to be lost.
    pub ended: UtcDateTime,
    /// What was observed: `response`, a [fault's](gymhook_retry::Fault) name, `internal`, or `lost`.
    pub outcome: String,
    /// The response's status.
    pub status: Option<u16>,
    /// The response's first characters.
    pub captured: Option<String>,
    /// What went wrong, in words.
    pub detail: Option<String>,
}

/// How much there is, over all endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Subscriptions that are not deleted.
    pub subscriptions: u64,
    /// Of those, the ones whose endpoint is disabled.
    pub disabled: u64,
    /// Deliveries that wait, due or not.
    pub waiting: u64,
    /// Deliveries with an attempt under way.
    pub in_flight: u64,
    /// Deliveries that were given up and are kept.
    pub undeliverable: u64,
    /// Rows that were put aside because they could not be read.
    pub quarantined: u64,
    /// What came in and could not be read, and is kept.
    pub unreadable: u64,
    /// Since when the delivery has been due that has been due the longest.
    pub oldest_due: Option<UtcDateTime>,
}

/// How much there is for one endpoint, and how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointStats {
    /// Its health, as last recorded.
    pub record: EndpointRecord,
    /// Deliveries that wait, due or not.
    pub waiting: u64,
    /// Deliveries with an attempt under way.
    pub in_flight: u64,
    /// Deliveries that were given up and are kept.
    pub undeliverable: u64,
    /// Since when the delivery has been due that has been due the longest.
    pub oldest_due: Option<UtcDateTime>,
    /// When the last one was delivered of those that the log still has, test events included.
    pub last_delivered: Option<UtcDateTime>,
    /// When the last one was given up, likewise.
    pub last_undeliverable: Option<UtcDateTime>,
    /// Who works on it; `None` if it is free, or its lease has run out.
    pub lease: Option<LeaseHolder>,
}

/// An API key of a caller of yours; the key itself is never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Its name.
    pub id: Uuid,
    /// The SHA-256 of the key.
    pub digest: [u8; 32],
    /// What people call it.
    pub label: String,
    /// Whether it may change things.
    pub writes: bool,
    /// When it was issued.
    pub issued_at: UtcDateTime,
    /// Since when it no longer counts.
    pub revoked_at: Option<UtcDateTime>,
}

/// One API key takes another one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyRotation {
    /// The key that ends.
    pub old: Uuid,
    /// When it ends.
    pub old_ends: UtcDateTime,
    /// The new key's name.
    pub id: Uuid,
    /// The SHA-256 of the new key.
    pub digest: [u8; 32],
    /// When the new one was issued.
    pub issued_at: UtcDateTime,
}

impl ApiKeyRotation {
    /// The new key, with what it has of the old one.
    #[must_use]
    pub const fn successor(&self, label: String, writes: bool) -> ApiKeyRow {
        let Self { id, digest, issued_at, .. } = *self;
        ApiKeyRow { id, digest, label, writes, issued_at, revoked_at: None }
    }
}
