//! `Record`, `DeliveryRecord` and `EndpointRecord`: what the driver has to store, so that a crash loses nothing.

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_retry::AttemptNumber;
use serde::{Deserialize, Serialize};
use time::UtcDateTime;

use crate::{AttemptRef, BodyDigest, BreakerState, DeliveryId, DeliveryState, End, EndpointId, LeaseEpoch};

/// A change that has to be durable, with the whole new state of the delivery or endpoint that changed.
///
/// Of two records about one delivery or one endpoint the later replaces the earlier.
///
/// Exhaustive on purpose, with the step and the state in it: a driver writes down every kind of record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// A delivery took a step.
    Delivery {
        /// The step.
        change: DeliveryChange,
        /// Where that leaves it.
        delivery: DeliveryRecord,
    },
    /// Something about an endpoint changed.
    Endpoint {
        /// What.
        change: EndpointChange,
        /// Where that leaves it.
        endpoint: EndpointRecord,
    },
    /// An answer came that belongs to no attempt in flight. It has changed nothing.
    LateAnswer(LateAnswer),
}

/// One step of a delivery.
///
/// Exhaustive on purpose: what is written and told depends on the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryChange {
    /// It was enqueued.
    Enqueued,
    /// An attempt is about to be sent.
    AttemptBegan,
    /// The attempt ended without success and another one is due.
    RetryScheduled {
        /// What had happened to the attempt.
        after: AttemptFailure,
    },
    /// Its round is over. Comes exactly once a round.
    Ended(End),
    /// A redelivery began a new round.
    RoundOpened,
    /// It was cancelled while an attempt is in flight: if that fails, it ends.
    CancelNoted,
    /// It was redelivered while an attempt is in flight: a new round follows.
    RedeliveryNoted,
}

/// What happened to an attempt that did not succeed.
///
/// Exhaustive on purpose, as the step it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptFailure {
    /// The endpoint, the way to it, or the code that sends failed.
    Failed,
    /// This side failed: the attempt is not charged.
    OurFault,
    /// Its outcome is unknown: no answer came in time, or its owner is gone. It is charged.
    Lost,
}

/// Everything about a delivery that has to outlive the process.
///
/// Its fields are open so that a store can build it from its rows.
///
/// Exhaustive on purpose: a store has a place for every field, and a new one must not be lost unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// Its id.
    pub id: DeliveryId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// The digest of its body.
    pub body: BodyDigest,
    /// Its sequence number: its place in the order of enqueueing, unique at its endpoint.
    pub sequence: u64,
    /// Its round: 1, and one more for each redelivery.
    pub round: NonZeroU32,
    /// Its attempt in this round: the coming one while it waits, the one in flight, or the last one.
    pub attempt: AttemptNumber,
    /// The number of attempts begun, over all rounds.
    pub sends: u32,
    /// When the first failed attempt of this round ended.
    #[serde(with = "crate::timestamp::as_micros::option")]
    pub first_failure: Option<UtcDateTime>,
    /// Whether it is a test event.
    pub test: bool,
    /// Whether the attempt in flight is a breaker's probe.
    pub probe: bool,
    /// Its current state.
    pub state: DeliveryState,
}

impl DeliveryRecord {
    /// A delivery that has just been enqueued: what a store writes when it enqueues without a machine.
    ///
    /// `sequence` is its place in the order of enqueueing; a row number does.
    #[must_use]
    pub const fn new(
        id: DeliveryId,
        endpoint: EndpointId,
        body: BodyDigest,
        sequence: u64,
        due: UtcDateTime,
    ) -> Self {
        Self {
            id,
            endpoint,
            body,
            sequence,
            round: NonZeroU32::MIN,
            attempt: AttemptNumber::FIRST,
            sends: 0,
            first_failure: None,
            test: false,
            probe: false,
            state: DeliveryState::Waiting { due },
        }
    }
}

/// What changed about an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EndpointChange {
    /// It was added.
    Added,
    /// Its breaker opened.
    BreakerOpened {
        /// When the probe may be sent.
        #[serde(with = "crate::timestamp::as_micros")]
        until: UtcDateTime,
    },
    /// The probe found it back.
    BreakerClosed,
    /// It asked to receive nothing for a while.
    HeldBack {
        /// Until then.
        #[serde(with = "crate::timestamp::as_micros")]
        until: UtcDateTime,
    },
    /// An attempt failed, after the last one had succeeded.
    StartedFailing,
    /// An attempt succeeded, after others had failed.
    Recovered,
    /// A delivery was given up.
    DeliveryFailed {
        /// The number of deliveries given up in a row.
        in_a_row: u32,
    },
    /// It will be disabled if it goes on failing: tell its owner.
    Warned {
        /// How much of the limit is used up.
        percent: u8,
    },
    /// Nothing is sent to it any more; tell its owner. Everything is kept.
    Disabled {
        /// Why.
        reason: DisableReason,
    },
    /// It was switched on again.
    Enabled,
    /// An attempt took a token of its rate limit.
    TokenTaken,
}

/// Why an endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DisableReason {
    /// It was disabled by a command.
    ByHand,
    /// It answered 410, and its retry policy takes that for the wish to get no more notifications.
    Gone,
    /// A number of deliveries in a row were given up.
    FailedInARow {
        /// Their number.
        deliveries: u32,
    },
    /// Attempts have failed for this long, and none has succeeded.
    FailingFor {
        /// How long.
        span: Duration,
    },
}

/// Whether attempts may go to an endpoint.
///
/// Exhaustive on purpose: a store must handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointStatus {
    /// They may.
    Enabled,
    /// They may not, until it is enabled by hand.
    Disabled {
        /// Why.
        reason: DisableReason,
        /// Since when.
        #[serde(with = "crate::timestamp::as_micros")]
        since: UtcDateTime,
    },
}

impl EndpointStatus {
    /// Whether attempts may not go to it, except test events.
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        matches!(self, Self::Disabled { .. })
    }
}

/// Everything about an endpoint, but its policy, that has to outlive the process.
///
/// Exhaustive on purpose: a store has a place for every field, and a new one must not be lost unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRecord {
    /// Its id.
    pub id: EndpointId,
    /// Whether attempts may go to it.
    pub status: EndpointStatus,
    /// The state of its breaker.
    pub breaker: BreakerState,
    /// How many attempts its answers have earned it at a time.
    pub allowance: u32,
    /// The time until which it asked to receive nothing.
    #[serde(with = "crate::timestamp::as_micros::option")]
    pub held_until: Option<UtcDateTime>,
    /// When its rate limit's bucket would be full if nothing more were sent.
    #[serde(with = "crate::timestamp::as_micros::option")]
    pub bucket_full_at: Option<UtcDateTime>,
    /// How many deliveries in a row were given up.
    pub failed_in_a_row: u32,
    /// Since when attempts fail and none succeeds.
    #[serde(with = "crate::timestamp::as_micros::option")]
    pub failing_since: Option<UtcDateTime>,
    /// How many of its policy's warnings were given since then.
    pub warnings: u8,
}

impl EndpointRecord {
    /// Whether nothing but test events is sent to it.
    #[must_use]
    pub const fn is_disabled(&self) -> bool {
        self.status.is_disabled()
    }

    /// A new endpoint, without any history.
    #[must_use]
    pub const fn new(id: EndpointId) -> Self {
        Self {
            id,
            status: EndpointStatus::Enabled,
            breaker: BreakerState::Closed { failed: 0 },
            allowance: 1,
            held_until: None,
            bucket_full_at: None,
            failed_in_a_row: 0,
            failing_since: None,
            warnings: 0,
        }
    }
}

/// An answer that belongs to no attempt in flight.
///
/// Exhaustive on purpose: it is part of a [`Record`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateAnswer {
    /// The attempt that it answers.
    pub attempt: AttemptRef,
    /// Why it does not count.
    pub reason: LateReason,
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LateReason {
    /// No such delivery is held here, or it goes to another endpoint.
    UnknownDelivery,
    /// The endpoint is driven here under another lease.
    OtherLease {
        /// The one that counts.
        current: LeaseEpoch,
    },
    /// The delivery has no attempt in flight.
    NotInFlight,
    /// Another request of the delivery is in flight.
    OtherAttempt {
        /// The one that counts.
        current: u32,
    },
}
