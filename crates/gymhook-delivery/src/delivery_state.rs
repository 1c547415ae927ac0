//! `DeliveryState` with `Then` and `End`: the state of a delivery, for callers and records.

use serde::{Deserialize, Serialize};
use time::UtcDateTime;

/// The state of a delivery.
///
/// Exhaustive on purpose: a store must handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// It waits for its next attempt.
    Waiting {
        /// Not before this time.
        #[serde(with = "crate::timestamp::as_micros")]
        due: UtcDateTime,
    },
    /// An attempt is in flight.
    InFlight {
        /// When the attempt counts as lost if it is still unanswered.
        #[serde(with = "crate::timestamp::as_micros")]
        lost_at: UtcDateTime,
        /// What was requested in the meantime.
        then: Then,
    },
    /// Its round is over, and nothing happens unless it is redelivered.
    Finished {
        /// Since this time.
        #[serde(with = "crate::timestamp::as_micros")]
        at: UtcDateTime,
        /// How it ended.
        end: End,
    },
}

/// What happens to a delivery if its attempt in flight fails.
///
/// Exhaustive on purpose: a store must handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// What the retry policy decides.
    Decide,
    /// It ends: it was cancelled during the attempt.
    Cancel,
    /// A new round: it was redelivered during the attempt.
    Redeliver,
}

/// How a round of a delivery ended.
///
/// Exhaustive on purpose: a store must handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The endpoint has it.
    Delivered,
    /// It was given up; it is kept and can be redelivered by hand.
    Undeliverable(Undeliverable),
    /// It was cancelled.
    Cancelled,
    /// A redelivery took this round's place before it had ended.
    Superseded,
}

/// Why a delivery was given up.
///
/// Exhaustive on purpose: a store must handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undeliverable {
    /// No retry is left.
    Exhausted,
    /// The endpoint's response means that repeating it is pointless.
    Rejected,
    /// The endpoint answered that it wants no more notifications.
    Gone,
    /// No retry is left, and the outcome of the last attempt is unknown: perhaps this delivery crashes its worker.
    Lost,
}
