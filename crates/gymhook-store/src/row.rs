//! Rows, and how records become rows and rows records again.

use core::fmt;
use core::time::Duration;

use crate::{DeliveryColumns, Direction, StoreError, StoreTime, TargetColumns, Unstorable};
use bytes::Bytes;
use gymhook_delivery::{BodyDigest, DeliveryId, DeliveryRecord, EndpointId, EndpointRecord};
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;

/// A subscription as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// Its name, and its endpoint's.
    pub id: EndpointId,
    /// Whose events it gets.
    pub gym: String,
    /// What its notifications go to. A handler stays a handler, and an endpoint an endpoint.
    pub target: TargetColumns,
    /// Its other settings, as JSON.
    pub settings: String,
    /// How its endpoint is. Only a worker's [`Batch`](super::Batch) changes it.
    pub record: EndpointRecord,
    /// Since when it is deleted.
    pub deleted_at: Option<UtcDateTime>,
}

impl SubscriptionRow {
    /// Which way its notifications go.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.target.direction()
    }
}

/// `Debug` shows neither settings, which hold URLs, nor secrets.
impl fmt::Debug for SubscriptionRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionRow")
            .field("id", &self.id)
            .field("gym", &self.gym)
            .field("target", &self.target)
            .field("record", &self.record)
            .field("deleted_at", &self.deleted_at)
            .finish_non_exhaustive()
    }
}

/// A notification to be enqueued.
#[derive(Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// The delivery's name: the idempotency key in all attempts.
    pub id: DeliveryId,
    /// Where it goes.
    pub endpoint: EndpointId,
    /// The type of its event, in the vendor's spelling.
    pub event_type: String,
    /// The exact bytes.
    pub body: Bytes,
    /// Not before this moment; `None` means at once.
    pub not_before: Option<UtcDateTime>,
    /// Whether it is a test event: one attempt, which auto-disable does not look at.
    pub test: bool,
    /// What was proved about it, if it came in: the engine's words, which a store keeps as they are.
    pub origin: Option<String>,
    /// Whether it could not be read when it came in: it is kept as [`State::Unreadable`], and no handler gets it.
    pub unreadable: bool,
    /// The unreadable one that it was read from: forgotten in the same transaction, if this one is new or a repeat.
    pub read_from: Option<DeliveryId>,
    /// How a repeat is recognised that comes under another id; `None` if the id alone tells.
    pub repeat_check: Option<RepeatCheck>,
}

/// How a repeat is recognised where senders give no ids.
///
/// One that was enqueued to the same endpoint less than `window` ago, with an equal fingerprint, is repeated by the new one:
/// [`Refused::Repeat`]. The window begins at the one that was kept; repeats do not prolong it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepeatCheck {
    /// What a repeat has in common with the first: a digest of the body, and of whatever else is to be equal.
    pub fingerprint: [u8; 32],
    /// For how long, by the store's clock. At its very end a notification is new; without a length none is a repeat.
    pub window: Duration,
}
impl SubscriptionRow {
    /// How much room it takes while a call waits, in bytes.
    pub fn weight(&self) -> usize {
        let url = self.target.url().map_or(0, str::len);
        let secrets = self.target.secrets().map_or(0, <[u8]>::len);
        size_of::<Self>() + self.gym.len() + self.settings.len() + url + secrets
    }
}

impl RepeatCheck {
    /// What was enqueued at this moment or before has left the window, in microseconds since 1970.
    #[must_use]
    pub fn before_window(&self, now: UtcDateTime) -> i64 {
        // A part of a microsecond counts as a whole one: rather too long than too short.
        let window = i64::try_from(self.window.as_nanos().div_ceil(1_000)).unwrap_or(i64::MAX);
        StoreTime::floor(now).micros().saturating_sub(window)
    }
}

/// `Debug` shows the body's length: its bytes are about people.
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
        }
    }

    /// What a repeat has in common with it, if anything may be one.
    #[must_use]
    pub fn fingerprint(&self) -> Option<[u8; 32]> {
        self.repeat_check.filter(|check| !check.window.is_zero()).map(|check| check.fingerprint)
    }

    /// How much room it takes while a call waits, in bytes: its body, its texts, its ids and its times.
    pub fn weight(&self) -> usize {
        let texts = self.event_type.len() + self.origin.as_ref().map_or(0, String::len);
        size_of::<Self>() + texts + self.body.len()
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
    pub fn record(&self, order: u64, now: UtcDateTime) -> DeliveryRecord {
        let due = self.not_before.map_or(now, |earliest| earliest.max(now));
        let record = DeliveryRecord::new(self.id, self.endpoint, self.digest(), order, due);
        DeliveryRecord { test: self.test, ..record }
    }

    /// The columns that its row begins with.
    #[must_use]
    pub fn columns(&self, order: u64, now: UtcDateTime) -> DeliveryColumns {
        let mut columns = DeliveryColumns::from(&self.record(order, now));
        if self.unreadable {
            columns.state = State::Unreadable.code();
            columns.check = columns.check_sum();
        }
        columns
    }
}

/// The digest that tells two bodies apart: SHA-256.
pub fn body_digest(body: &[u8]) -> BodyDigest {
    BodyDigest::new(Sha256::digest(body).into())
}

/// An endpoint's record as a store keeps it: JSON.
///
/// # Errors
/// [`StoreError::Invalid`]: it has a time that JSON's format of times cannot have.
pub fn endpoint_record_to_json(record: &EndpointRecord) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Invalid {
        problem: format!("an endpoint's record cannot be written: {error}"),
    })
}

/// An endpoint's record as a store has kept it.
///
/// # Errors
/// [`StoreError::Damaged`]: it is not what [`endpoint_record_to_json`] writes.
pub fn endpoint_record_from_json(json: &str) -> Result<EndpointRecord, StoreError> {
    serde_json::from_str(json)
        .map_err(|error| StoreError::Damaged { problem: format!("an endpoint's record: {error}") })
}

/// Why a notification was not enqueued. The caller's mistake.
///
/// Exhaustive on purpose: what enqueues has an answer for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The id is that of another body, or of a delivery to another endpoint.
    #[error("delivery {delivery} is there with another body, another endpoint or another purpose")]
    Conflict {
        /// The id.
        delivery: DeliveryId,
    },
    /// It repeats a notification that is kept already: see [`RepeatCheck`]; or it could not be read, as before. Nobody caused it, and nothing is to be done.
    #[error("it repeats delivery {delivery}, which was enqueued before with the same body")]
    Repeat {
        /// The one that is kept.
        delivery: DeliveryId,
    },
    /// There is no such subscription, or it is deleted.
    #[error("there is no subscription {endpoint}")]
    UnknownEndpoint {
        /// The endpoint asked for.
        endpoint: EndpointId,
    },
    /// A field of it cannot be stored, in this store or another: the same again would be refused again.
    #[error("delivery {delivery} cannot be stored: its {field} {problem}")]
    Unstorable {
        /// The id.
        delivery: DeliveryId,
        /// The field: "event type", "origin" or "body".
        field: &'static str,
        /// What is wrong with it.
        problem: Unstorable,
    },
}

impl Refused {
    /// Whether what was refused is kept already, as the one that it repeats.
    #[must_use]
    pub const fn is_repeat(&self) -> bool {
        matches!(self, Self::Repeat { .. })
    }
}

/// Where a delivery stands, in one word; its discriminant is what stores write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// An attempt is to come.
    Waiting = 0,
    /// An attempt is under way.
    InFlight = 1,
    /// The endpoint has it.
    Delivered = 2,
    /// It was given up and is kept.
    Undeliverable = 3,
    /// It was cancelled.
    Cancelled = 4,
    /// Its row or its body is damaged; it was quarantined and is kept. If it was the body, the same bytes enqueued again have it
    /// wait again.
    Quarantined = 5,
    /// It came in and could not be read; it is kept until it is read again. Its row is whole, but it has no record.
    Unreadable = 6,
}

impl State {
    /// All states, in the order of what stores write.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::InFlight,
        Self::Delivered,
        Self::Undeliverable,
        Self::Cancelled,
        Self::Quarantined,
        Self::Unreadable,
    ];

    /// What stores write.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The state that is written like this.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Its name in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InFlight => "in-flight",
            Self::Delivered => "delivered",
            Self::Undeliverable => "undeliverable",
            Self::Cancelled => "cancelled",
            Self::Quarantined => "quarantined",
            Self::Unreadable => "unreadable",
        }
    }
}
