//! What people and their programs ask of a store and what it returns: `DeliveryQuery`, `DeliveryRow`, `AttemptRow`,
//! `Page`, `Stats` and `EndpointStats`.

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, EndpointRecord};
use serde::Serialize;
use time::UtcDateTime;

use crate::StoreTime;
use crate::{AttemptOutcome, LeaseHolder, State, StoreError};

/// Which subscriptions are wanted.
///
/// ```
/// use gymhook_store::SubscriptionQuery;
///
/// let of_a_gym = SubscriptionQuery { gym: Some("berlin-mitte".to_owned()), ..SubscriptionQuery::new(100) };
/// # let _ = of_a_gym;
/// ```
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionQuery {
    /// Of this gym only.
    pub gym: Option<String>,
    /// Of this [platform](crate::SubscriptionRow::platform) only. It is not indexed.
    pub platform: Option<String>,
    /// Those whose id is higher: [`Page::next`] of the page before.
    pub after: Option<EndpointId>,
    /// The maximum number of rows.
    pub limit: u32,
}

impl SubscriptionQuery {
    /// All subscriptions, `limit` on a page.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { gym: None, platform: None, after: None, limit }
    }
}

/// Which attempts of a delivery are wanted.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptQuery {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Those whose [`send`](AttemptRow::send) is higher: [`Page::next`] of the page before.
    pub after: Option<u32>,
    /// The maximum number of rows.
    pub limit: u32,
}

impl AttemptQuery {
    /// The attempts of this delivery, `limit` on a page.
    #[must_use]
    pub const fn new(delivery: DeliveryId, limit: u32) -> Self {
        Self { delivery, after: None, limit }
    }
}

/// What is counted.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsQuery {
    /// Subscriptions of this gym only.
    pub gym: Option<String>,
    /// For how long before now what has ended is counted: [`Stats::delivered`] and [`Stats::given_up`]. 24 h by default.
    ///
    /// It is counted in an index, which takes about as long as there is to be counted.
    pub window: Duration,
}

impl StatsQuery {
    /// Everything, and what ended in the last 24 h.
    #[must_use]
    pub const fn new() -> Self {
        Self { gym: None, window: Duration::from_secs(24 * 60 * 60) }
    }

    /// What ended at this moment or later is in the window.
    #[must_use]
    pub fn since(&self, now: UtcDateTime) -> StoreTime {
        let window = i64::try_from(self.window.as_nanos().div_ceil(1_000)).unwrap_or(i64::MAX);
        StoreTime::from_micros(StoreTime::floor(now).micros().saturating_sub(window))
    }
}

impl Default for StatsQuery {
    fn default() -> Self {
        Self::new()
    }
}

/// Which deliveries are wanted: each matches every field that is set.
///
/// What is rare is found by an index: an endpoint's deliveries, a gym's, those of a type, and those of a state in which few are.
/// Times are not indexed: among what is left the latest is looked at first, until a page is full.
///
/// ```
/// use gymhook_store::{DeliveryQuery, State};
/// use time::macros::utc_datetime;
///
/// let given_up_in_january = DeliveryQuery {
///     gym: Some("berlin-mitte".to_owned()),
///     event_types: vec!["payment.failed".to_owned(), "PAYMENT_FAILED".to_owned()],
///     state: Some(State::Undeliverable),
///     from: Some(utc_datetime!(2026-01-01 0:00)),
///     until: Some(utc_datetime!(2026-02-01 0:00)),
///     ..DeliveryQuery::new(100)
/// };
/// # let _ = given_up_in_january;
/// ```
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// To this endpoint only.
    pub endpoint: Option<EndpointId>,
    /// To subscriptions of this gym only, those that are deleted included. An inbox is no gym's.
    pub gym: Option<String>,
    /// Of one of these event types only, as they are spelled; if it is empty, of every type.
    pub event_types: Vec<String>,
    /// In this state only.
    pub state: Option<State>,
    /// Enqueued at this moment or later only.
    pub from: Option<UtcDateTime>,
    /// Enqueued before this moment only.
    pub until: Option<UtcDateTime>,
    /// Enqueued before the one with this [sequence number](DeliveryRecord::sequence): [`Page::next`] of the page before.
    pub before: Option<u64>,
    /// The maximum number of rows.
    pub limit: u32,
}

impl DeliveryQuery {
    /// All deliveries, in pages of `limit`.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self {
            endpoint: None,
            gym: None,
            event_types: Vec::new(),
            state: None,
            from: None,
            until: None,
            before: None,
            limit,
        }
    }
}

/// Some of many.
///
/// `C` is what the next page is asked with: of deliveries a sequence number, of attempts a request's number, of others an id.
///
/// Exhaustive on purpose: every store makes pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T, C = u64> {
    /// What was found.
    pub items: Vec<T>,
    /// What to ask with for the next page; `None` if this is the last.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// The page that a store makes of what it has found: it looks for one more than `limit`, which tells whether there is
    /// another page.
    #[must_use]
    pub fn cut(mut found: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> C) -> Self {
        let is_last = found.len() <= limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| !is_last).map(cursor);
        Self { items: found, next }
    }

    /// The same page of something else.
    #[must_use]
    pub fn map<U>(self, other: impl FnMut(T) -> U) -> Page<U, C> {
        Page { items: self.items.into_iter().map(other).collect(), next: self.next }
    }
}

/// One delivery in the log.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its state; `None` if its row is damaged, or it is [`State::Unreadable`].
    pub record: Option<DeliveryRecord>,
    /// Its name.
    pub id: DeliveryId,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// Its subscription's gym, deleted or not; empty of an inbox.
    pub gym: String,
    /// Its subscription's platform.
    pub platform: String,
    /// Its sequence number: its place in the order of enqueueing.
    pub sequence: u64,
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
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The delivery's [sequence number](DeliveryRecord::sequence).
    pub sequence: u64,
    /// The number of the request among all requests of the delivery, over all rounds, from 1.
    pub send: u32,
    /// Its round.
    pub round: NonZeroU32,
    /// Its number in its round.
    pub number: u32,
    /// When it began; of an attempt that was lost it is not known.
    pub began: Option<UtcDateTime>,
    /// When it ended, or was found to be lost.
    pub ended: UtcDateTime,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The status of a [response](AttemptOutcome::Response); `None` of every other outcome.
    pub status: Option<u16>,
    /// The response's first characters.
    pub captured: Option<String>,
    /// What went wrong, in words.
    pub detail: Option<String>,
}

impl AttemptRow {
    /// What a store says of an attempt whose row cannot be read.
    #[must_use]
    pub fn unreadable(delivery: DeliveryId, send: u32, column: &str) -> StoreError {
        StoreError::Damaged {
            problem: format!("attempt {send} of delivery {delivery}: its {column} cannot be read"),
        }
    }
}

/// How much there is, over all endpoints. As JSON its fields have these names, and times are RFC 3339.
///
/// Exhaustive on purpose: a store counts each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// Quarantined rows: those that could not be read.
    pub quarantined: u64,
    /// What came in and could not be read, and is kept.
    pub unreadable: u64,
    /// What was delivered within the [window](StatsQuery::window), as far as the log still has it, test events included.
    pub delivered: u64,
    /// What was given up within the window and has not been redelivered since, likewise.
    pub given_up: u64,
    /// Since when the delivery has been due that has been due the longest.
    #[serde(with = "crate::serialize::rfc3339::option")]
    pub oldest_due: Option<UtcDateTime>,
}

/// How much there is for one endpoint, and how it is.
///
/// Exhaustive on purpose: a store counts each.
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
