//! `Serialize` for the rows, as a service returns them: as JSON, or in any other format of serde.
//!
//! Field names and words are stable: a field may be added, none is renamed or removed. Times are RFC 3339 in UTC; ids are
//! UUIDs; a field without a value is `null`. Secrets are in none of them, nor is a subscription's `settings`, since its URLs may
//! hold tokens.

use gymhook_delivery::{
    BreakerState, DeliveryId, DeliveryState, DisableReason, End, EndpointId, EndpointRecord, EndpointStatus,
    LeaseEpoch, Undeliverable,
};
use serde::{Serialize, Serializer};
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{AttemptRow, DeliveryRow, Direction, EndpointStats, LeaseHolder, State, SubscriptionRow};

/// For `#[serde(serialize_with = "…")]`: a time as rows have it, in RFC 3339.
pub mod rfc3339 {
    use super::{Rfc3339, Serializer, UtcDateTime};
    use serde::ser::Error as _;

    /// Writes a time.
    ///
    /// # Errors
    /// A year below 0, and whatever the serializer says.
    pub fn serialize<S: Serializer>(at: &UtcDateTime, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&at.format(&Rfc3339).map_err(S::Error::custom)?)
    }

    /// For a time that may be missing.
    pub mod option {
        use super::{Rfc3339, Serializer, UtcDateTime};
        use serde::Serialize as _;
        use serde::ser::Error as _;

        /// Writes a time, or nothing.
        ///
        /// # Errors
        /// As [`serialize`](super::serialize).
        pub fn serialize<S: Serializer>(at: &Option<UtcDateTime>, out: S) -> Result<S::Ok, S::Error> {
            at.map(|at| at.format(&Rfc3339)).transpose().map_err(S::Error::custom)?.serialize(out)
        }
    }
}

#[derive(Serialize)]
struct Subscription<'r> {
    id: EndpointId,
    direction: &'static str,
    gym: &'r str,
    platform: &'r str,
    endpoint: Endpoint,
    #[serde(with = "rfc3339::option")]
    deleted_at: Option<UtcDateTime>,
}

/// Its id is its subscription's.
#[derive(Serialize)]
struct Endpoint {
    status: &'static str,
    #[serde(with = "rfc3339::option")]
    disabled_since: Option<UtcDateTime>,
    disable_reason: Option<DisableReason>,
    breaker: &'static str,
    failed_in_a_row: u32,
    #[serde(with = "rfc3339::option")]
    failing_since: Option<UtcDateTime>,
    #[serde(with = "rfc3339::option")]
    held_until: Option<UtcDateTime>,
}

impl From<&EndpointRecord> for Endpoint {
    fn from(record: &EndpointRecord) -> Self {
        let (status, disabled_since, disable_reason) = match record.status {
            EndpointStatus::Enabled => ("enabled", None, None),
            EndpointStatus::Disabled { reason, since } => ("disabled", Some(since), Some(reason)),
        };
        Self {
            status,
            disabled_since,
            disable_reason,
            breaker: match record.breaker {
                BreakerState::Closed { .. } => "closed",
                BreakerState::Open { .. } => "open",
                BreakerState::HalfOpen { .. } => "half-open",
            },
            failed_in_a_row: record.failed_in_a_row,
            failing_since: record.failing_since,
            held_until: record.held_until,
        }
    }
}

/// ```text
/// id              the subscription's id, and its endpoint's
/// direction       "outgoing" or "incoming"
/// gym             whose events it gets
/// platform        the platform that it is signed as
/// endpoint        how its endpoint is:
///   status          "enabled" or "disabled"
///   disabled_since  a time
///   disable_reason  "by-hand", "gone", {"failed-in-a-row": {"deliveries": …}} or {"failing-for": {"span": {"secs": …, "nanos": …}}}
///   breaker         "closed", "open" or "half-open"
///   failed_in_a_row the number of deliveries given up in a row
///   failing_since   since when attempts fail and none succeeds
///   held_until      until when it asked to receive nothing
/// deleted_at      since when it is deleted
/// ```
///
/// Neither the target's URL, which may hold a token, nor its secrets, nor `settings`, which hold URLs, are part of it.
impl Serialize for SubscriptionRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = Subscription {
            id: self.id,
            direction: match self.direction() {
                Direction::Outgoing => "outgoing",
                Direction::Incoming => "incoming",
            },
            gym: &self.gym,
            platform: &self.platform,
            endpoint: Endpoint::from(&self.record),
            deleted_at: self.deleted_at,
        };
        row.serialize(serializer)
    }
}

#[derive(Serialize)]
struct Delivery<'r> {
    id: DeliveryId,
    endpoint: EndpointId,
    gym: &'r str,
    platform: &'r str,
    sequence: u64,
    state: State,
    reason: Option<&'static str>,
    event_type: &'r str,
    #[serde(with = "rfc3339")]
    enqueued_at: UtcDateTime,
    #[serde(with = "rfc3339::option")]
    due_at: Option<UtcDateTime>,
    #[serde(with = "rfc3339::option")]
    ended_at: Option<UtcDateTime>,
    test: Option<bool>,
    round: Option<u32>,
    attempt: Option<u32>,
    sends: Option<u32>,
}

/// ```text
/// id           the delivery's id: the idempotency key in all attempts
/// endpoint     where it goes
/// gym          its subscription's gym
/// platform     its subscription's platform
/// sequence     its sequence number: the cursor of its page's `next`
/// state        a state's name: "waiting", "in-flight", "delivered", "undeliverable", "cancelled", "quarantined", "unreadable"
/// reason       why it is undeliverable: "exhausted", "rejected", "gone", "lost"; or "superseded" if a redelivery cancelled its round
/// event_type   the type of its event
/// enqueued_at  when it was enqueued
/// due_at       while it waits: when its next attempt is due
/// ended_at     once it has ended: when
/// test         whether it is a test event
/// round        its round: 1, and one more for each redelivery
/// attempt      its attempt in its round: the coming one while it waits, the one under way, or the last one
/// sends        the number of attempts begun, over all rounds
/// ```
///
/// Without a [record](DeliveryRow::record) what follows `enqueued_at` is `null`, and so is `reason`. Its `origin` is not part of it:
/// that is the engine's text.
impl Serialize for DeliveryRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = self.record.map(|record| record.state);
        let (reason, due_at, ended_at) = match state {
            None | Some(DeliveryState::InFlight { .. }) => (None, None, None),
            Some(DeliveryState::Waiting { due }) => (None, Some(due), None),
            Some(DeliveryState::Finished { at, end }) => (reason(end), None, Some(at)),
        };
        let row = Delivery {
            id: self.id,
            endpoint: self.endpoint,
            gym: &self.gym,
            platform: &self.platform,
            sequence: self.sequence,
            state: self.state,
            reason,
            event_type: &self.event_type,
            enqueued_at: self.enqueued_at,
            due_at,
            ended_at,
            test: self.record.map(|record| record.test),
            round: self.record.map(|record| record.round.get()),
            attempt: self.record.map(|record| record.attempt.get()),
            sends: self.record.map(|record| record.sends),
        };
        row.serialize(serializer)
    }
}

const fn reason(end: End) -> Option<&'static str> {
    match end {
        End::Delivered | End::Cancelled => None,
        End::Superseded => Some("superseded"),
        End::Undeliverable(Undeliverable::Exhausted) => Some("exhausted"),
        End::Undeliverable(Undeliverable::Rejected) => Some("rejected"),
        End::Undeliverable(Undeliverable::Gone) => Some("gone"),
        End::Undeliverable(Undeliverable::Lost) => Some("lost"),
    }
}

/// As its name.
impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[derive(Serialize)]
struct Attempt<'r> {
    delivery: DeliveryId,
    sequence: u64,
    send: u32,
    round: u32,
    number: u32,
    #[serde(with = "rfc3339::option")]
    began: Option<UtcDateTime>,
    #[serde(with = "rfc3339")]
    ended: UtcDateTime,
    outcome: &'static str,
    status: Option<u16>,
    captured: Option<&'r str>,
    detail: Option<&'r str>,
}

/// ```text
/// delivery  the delivery's id
/// sequence  the delivery's sequence number
/// send      the number of this request among those of the delivery, over all rounds, from 1: the cursor of its page's `next`
/// round     its round
/// number    its number in its round
/// began     when it began; `null` if it was lost
/// ended     when it ended, or was found to be lost
/// outcome   an outcome's name: "response", "internal", "panicked", "lost", or a fault's ("timeout", "connect", "dns", "tls", "reset",
///           "protocol", "forbidden")
/// status    the response's status, a number
/// captured  the response's first characters
/// detail    what went wrong, in words
/// ```
impl Serialize for AttemptRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = Attempt {
            delivery: self.delivery,
            sequence: self.sequence,
            send: self.send,
            round: self.round.get(),
            number: self.number,
            began: self.began,
            ended: self.ended,
            outcome: self.outcome.as_str(),
            status: self.status,
            captured: self.captured.as_deref(),
            detail: self.detail.as_deref(),
        };
        row.serialize(serializer)
    }
}

#[derive(Serialize)]
struct Holder {
    worker: String,
    epoch: LeaseEpoch,
    #[serde(with = "rfc3339")]
    ends: UtcDateTime,
}

impl From<&LeaseHolder> for Holder {
    fn from(holder: &LeaseHolder) -> Self {
        Self { worker: holder.worker.to_string(), epoch: holder.epoch, ends: holder.ends }
    }
}

#[derive(Serialize)]
struct OfEndpoint {
    endpoint: Endpoint,
    waiting: u64,
    in_flight: u64,
    undeliverable: u64,
    #[serde(with = "rfc3339::option")]
    oldest_due: Option<UtcDateTime>,
    #[serde(with = "rfc3339::option")]
    last_delivered: Option<UtcDateTime>,
    #[serde(with = "rfc3339::option")]
    last_undeliverable: Option<UtcDateTime>,
    lease: Option<Holder>,
}

/// ```text
/// endpoint            how the endpoint is, as in a subscription's row
/// waiting             deliveries that wait, due or not
/// in_flight           deliveries with an attempt under way
/// undeliverable       deliveries that were given up and are kept
/// oldest_due          since when the delivery has been due that has been due the longest
/// last_delivered      when the last one was delivered
/// last_undeliverable  when the last one was given up
/// lease               who works on it: {"worker": an id, "epoch": a number, "ends": a time}
/// ```
impl Serialize for EndpointStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stats = OfEndpoint {
            endpoint: Endpoint::from(&self.record),
            waiting: self.waiting,
            in_flight: self.in_flight,
            undeliverable: self.undeliverable,
            oldest_due: self.oldest_due,
            last_delivered: self.last_delivered,
            last_undeliverable: self.last_undeliverable,
            lease: self.lease.as_ref().map(Holder::from),
        };
        stats.serialize(serializer)
    }
}
