//! `Delivery`, `DeliveryDetail` and `Attempt`: deliveries and attempts as JSON.

use gymhook::delivery::{DeliveryState, End, Undeliverable};
use gymhook_engine::DeliveryLog;
use gymhook_engine::store::{AttemptRow, DeliveryRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::rfc3339;
use crate::actions::deliveries::kind_of;

/// A delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// Its id: the idempotency key in all attempts.
    #[schema(format = "uuid")]
    id: String,
    /// The subscription, destination or inbox that it goes to.
    #[schema(format = "uuid")]
    endpoint: String,
    /// Whose event it is; empty of a destination or an inbox.
    gym: String,
    /// The platform that it is sent as; `destination` or `inbox` for what came in.
    #[schema(example = "gympoint")]
    platform: String,
    /// The type of its event, as the platform spells it.
    #[serde(rename = "type")]
    #[schema(example = "checkin.created")]
    event_type: String,
    /// What the type means; `null` if the platform's types are not known.
    #[schema(example = "check-in")]
    kind: Option<&'static str>,
    /// waiting, in-flight, delivered, undeliverable, cancelled, quarantined or unreadable.
    #[schema(example = "delivered")]
    state: &'static str,
    /// Why it was given up: exhausted, rejected, gone or lost; `superseded` if a redelivery cancelled its round.
    reason: Option<&'static str>,
    #[schema(format = "date-time")]
    enqueued_at: String,
    /// While it waits: when its next attempt is due.
    #[schema(format = "date-time")]
    next_attempt_at: Option<String>,
    /// Once it has ended: when.
    #[schema(format = "date-time")]
    ended_at: Option<String>,
    /// Whether it is a test event.
    test: bool,
    /// Its round: 1, and one more for each redelivery.
    round: Option<u32>,
    /// Its attempt in this round: the coming one while it waits, the one in flight, or the last one.
    attempt: Option<u32>,
    /// How many attempts were begun in all rounds.
    attempts: Option<u32>,
}

impl From<&DeliveryRow> for Delivery {
    fn from(row: &DeliveryRow) -> Self {
        let (reason, due, ended) = match row.record.map(|record| record.state) {
            None | Some(DeliveryState::InFlight { .. }) => (None, None, None),
            Some(DeliveryState::Waiting { due }) => (None, Some(due), None),
            Some(DeliveryState::Finished { at, end }) => (reason(end), None, Some(at)),
        };
        Self {
            id: row.id.to_string(),
            endpoint: row.endpoint.to_string(),
            gym: row.gym.clone(),
            platform: row.platform.clone(),
            event_type: row.event_type.clone(),
            kind: kind_of(row).map(|kind| kind.as_str()),
            state: row.state.as_str(),
            reason,
            enqueued_at: rfc3339(row.enqueued_at),
            next_attempt_at: due.map(rfc3339),
            ended_at: ended.map(rfc3339),
            test: row.record.is_some_and(|record| record.test),
            round: row.record.map(|record| record.round.get()),
            attempt: row.record.map(|record| record.attempt.get()),
            attempts: row.record.map(|record| record.sends),
        }
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

/// A delivery with its attempts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryDetail {
    #[serde(flatten)]
    delivery: Delivery,
    /// The length of its body; `null` if that was purged.
    body_bytes: Option<usize>,
    /// Its first 100 attempts, the first one first.
    log: Vec<Attempt>,
    /// What to pass as `cursor` to `/v1/deliveries/{id}/attempts` for more; `null` if these are all.
    log_next: Option<String>,
    /// For what came in: what was proved.
    proved: Option<String>,
    /// For what came in and could not be read: the reason.
    unreadable: Option<String>,
}

impl From<&DeliveryLog> for DeliveryDetail {
    fn from(log: &DeliveryLog) -> Self {
        Self {
            delivery: Delivery::from(&log.delivery),
            body_bytes: log.body.as_ref().map(bytes::Bytes::len),
            log: log.attempts.items.iter().map(Attempt::from).collect(),
            log_next: log.attempts.next.map(|next| next.to_string()),
            proved: log.proof.as_ref().map(ToString::to_string),
            unreadable: log.unreadable.clone(),
        }
    }
}

/// An attempt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attempt {
    /// Its number among all attempts of the delivery, from 1.
    number: u32,
    /// Its round.
    round: u32,
    /// Its number in its round.
    number_in_round: u32,
    /// `null` if it was lost.
    #[schema(format = "date-time")]
    began_at: Option<String>,
    /// When it ended, or was found to be lost.
    #[schema(format = "date-time")]
    ended_at: String,
    /// response, internal, panicked, lost, timeout, connect, dns, tls, reset, protocol or forbidden.
    #[schema(example = "response")]
    outcome: &'static str,
    /// The response's status.
    #[schema(example = 204)]
    status: Option<u16>,
    /// The response's first characters.
    response: Option<String>,
    /// What went wrong.
    detail: Option<String>,
}

impl From<&AttemptRow> for Attempt {
    fn from(row: &AttemptRow) -> Self {
        Self {
            number: row.send,
            round: row.round.get(),
            number_in_round: row.number,
            began_at: row.began.map(rfc3339),
            ended_at: rfc3339(row.ended),
            outcome: row.outcome.as_str(),
            status: row.status,
            response: row.captured.clone(),
            detail: row.detail.clone(),
        }
    }
}
