//! Every metric and almost every log line of the engine and its worker, one function for each event, such as
//! `lease_lost` or `worker_panicked`. Labels have fixed sets of values, and none contains a URL, a body or a secret.
//!
//! The metrics are listed on the crate's front page, "Logs and metrics": keep the two in agreement.
//! Levels: `WARN` is for what a person has to look at, `INFO` for what one wants to find afterwards, `DEBUG` for the rest.

mod described;

use core::time::Duration;

use gymhook_delivery::{
    AttemptRef, DeliveryChange, DeliveryId, DeliveryRecord, End, EndpointChange, EndpointId,
};
use gymhook_retry::Outcome;
use time::UtcDateTime;

use gymhook::text::one_line;

use crate::store::{AttemptOutcome, AttemptRow, Refused, StoreError, WorkerId};
use crate::user_code::Place;
use crate::{Answer, Direction};

pub(crate) use self::described::describe;

/// An attempt has a row in the log: the same words are its labels.
pub(crate) fn attempt_logged(row: &AttemptRow) {
    let status = status_label(row.status);
    metrics::counter!("gymhook_attempts_total", "outcome" => row.outcome.as_str(), "status" => status)
        .increment(1);
    if let Some(began) = row.began {
        metrics::histogram!("gymhook_attempt_seconds").record((row.ended - began).as_seconds_f64());
    }
}

/// An attempt failed on this side: not a receiver's fault, and it is made again.
pub(crate) fn own_fault(attempt: &AttemptRef, answer: &Answer) {
    let AttemptRef { endpoint, delivery, .. } = attempt;
    let detail = answer.detail.as_deref();
    tracing::warn!(%endpoint, %delivery, outcome = ?answer.outcome, detail, "an attempt failed internally");
}

/// A handler of this process took too long.
pub(crate) fn handler_timed_out(attempt: &AttemptRef, took: Duration) {
    let AttemptRef { endpoint, delivery, .. } = attempt;
    tracing::warn!(%endpoint, %delivery, ?took, "a handler took too long and was dropped");
}

/// A worker started, and the clock that it uses.
pub(crate) fn worker_started(worker: WorkerId, store_clock: UtcDateTime) {
    tracing::info!(%worker, %store_clock, "a worker started");
}

/// The class of a response's status.
const fn status_label(status: Option<u16>) -> &'static str {
    match status {
        Some(200..=299) => "2xx",
        Some(300..=399) => "3xx",
        Some(400..=499) => "4xx",
        Some(500..=599) => "5xx",
        Some(_) => "other",
        None => "none",
    }
}

pub(crate) fn delivery_changed(change: DeliveryChange) {
    if let Some(label) = delivery_label(change) {
        metrics::counter!("gymhook_deliveries_total", "change" => label).increment(1);
    }
}

/// The label of a change that is counted.
const fn delivery_label(change: DeliveryChange) -> Option<&'static str> {
    Some(match change {
        DeliveryChange::Ended(End::Delivered) => "delivered",
        DeliveryChange::Ended(End::Undeliverable(_)) => "undeliverable",
        DeliveryChange::Ended(End::Cancelled) => "cancelled",
        DeliveryChange::RetryScheduled { .. } => "retry-scheduled",
        DeliveryChange::Ended(End::Superseded)
        | DeliveryChange::Enqueued
        | DeliveryChange::AttemptBegan
        | DeliveryChange::RoundOpened
        | DeliveryChange::CancelNoted
        | DeliveryChange::RedeliveryNoted => return None,
    })
}

/// An attempt that did not succeed.
#[derive(Debug)]
pub(crate) struct FailedAttempt {
    /// `None` if it could not be read.
    pub(crate) event_type: Option<String>,
    pub(crate) answer: Answer,
}

/// An attempt failed: its delivery is given up, or attempted again. `failed` is `None` if nobody knows how it ended.
///
/// The line holds the status or the fault, and the detail: what a handler or this crate says, cut and without control
/// characters. It does not contain the receiver's response, which may contain personal data: the delivery's log keeps its
/// beginning.
pub(crate) fn attempt_failed(
    change: DeliveryChange,
    record: &DeliveryRecord,
    failed: Option<&FailedAttempt>,
    direction: Direction,
) {
    let (given_up, reason) = match change {
        DeliveryChange::Ended(End::Undeliverable(reason)) => (true, Some(reason)),
        DeliveryChange::RetryScheduled { .. } => (false, None),
        DeliveryChange::Ended(End::Delivered | End::Cancelled | End::Superseded)
        | DeliveryChange::Enqueued
        | DeliveryChange::AttemptBegan
        | DeliveryChange::RoundOpened
        | DeliveryChange::CancelNoted
        | DeliveryChange::RedeliveryNoted => return,
    };
    let DeliveryRecord { id: delivery, endpoint, round, attempt, .. } = record;
    let event_type = failed.and_then(|failed| failed.event_type.as_deref()).map(one_line);
    let event_type = event_type.as_deref();
    let outcome = failed.map_or(&Outcome::Crashed, |failed| &failed.answer.outcome);
    let status = outcome.status().map(|status| status.as_u16());
    let outcome = AttemptOutcome::from(outcome);
    let (is_answered, outcome) = (outcome == AttemptOutcome::Response, outcome.as_str());
    let detail = failed.and_then(|failed| failed.answer.detail.as_deref()).map(one_line);
    let detail = detail.as_deref();
    if given_up {
        tracing::warn!(
            %delivery, event_type, %endpoint, round, %attempt, ?reason, outcome, status, detail, "a delivery was given up"
        );
    } else if direction == Direction::Incoming && is_answered {
        tracing::warn!(%delivery, event_type, %endpoint, status, detail, "a handler failed: it is called again");
    } else {
        tracing::debug!(
            %delivery, event_type, %endpoint, outcome, status, detail, "an attempt failed: it will be retried"
        );
    }
}

/// The label of a change that is counted.
const fn endpoint_label(change: EndpointChange) -> Option<&'static str> {
    Some(match change {
        EndpointChange::TokenTaken | EndpointChange::Added => return None,
        EndpointChange::BreakerOpened { .. } => "breaker-opened",
        EndpointChange::BreakerClosed => "breaker-closed",
        EndpointChange::HeldBack { .. } => "held-back",
        EndpointChange::StartedFailing => "started-failing",
        EndpointChange::Recovered => "recovered",
        EndpointChange::DeliveryFailed { .. } => "delivery-failed",
        EndpointChange::Warned { .. } => "warned",
        EndpointChange::Disabled { .. } => "disabled",
        EndpointChange::Enabled => "enabled",
        _ => "other",
    })
}

pub(crate) fn endpoint_changed(endpoint: EndpointId, change: EndpointChange) {
    let Some(label) = endpoint_label(change) else { return };
    metrics::counter!("gymhook_endpoint_changes_total", "change" => label).increment(1);
    match change {
        EndpointChange::Warned { .. } | EndpointChange::Disabled { .. } => {
            tracing::warn!(%endpoint, ?change, "an endpoint changed");
        }
        EndpointChange::BreakerOpened { .. } | EndpointChange::BreakerClosed | EndpointChange::Enabled => {
            tracing::info!(%endpoint, ?change, "an endpoint changed");
        }
        // The line about the delivery says more: see `attempt_failed`.
        EndpointChange::DeliveryFailed { .. }
        | EndpointChange::StartedFailing
        | EndpointChange::Recovered
        | EndpointChange::HeldBack { .. }
        | EndpointChange::TokenTaken
        | EndpointChange::Added
        | _ => tracing::debug!(%endpoint, ?change, "an endpoint changed"),
    }
}

pub(crate) fn committed(records: usize, took: Duration) {
    metrics::histogram!("gymhook_commit_seconds").record(took);
    metrics::histogram!("gymhook_commit_records")
        .record(f64::from(u32::try_from(records).unwrap_or(u32::MAX)));
}

/// What was handled led to these, and the store has not taken them.
pub(crate) fn follow_ups_refused(refused: &[(DeliveryId, Refused)]) {
    for (delivery, refused) in refused {
        if refused.is_repeat() {
            tracing::debug!(%delivery, %refused, "a follow-up was enqueued before");
        } else {
            metrics::counter!("gymhook_follow_ups_refused_total").increment(1);
            tracing::error!(%delivery, %refused, "a follow-up was not enqueued, and what it follows from counts as handled");
        }
    }
}

pub(crate) fn late_answer() {
    metrics::counter!("gymhook_late_answers_total").increment(1);
}

pub(crate) fn lease_lost() {
    metrics::counter!("gymhook_leases_lost_total").increment(1);
}

/// Another worker is to have some of this one's endpoints.
pub(crate) fn gives_up(worker: WorkerId, endpoints: usize) {
    tracing::info!(%worker, endpoints, "another worker has fewer endpoints: some are given up, each when nothing is in flight");
}

pub(crate) fn lease_given_up() {
    metrics::counter!("gymhook_leases_given_up_total").increment(1);
}

pub(crate) fn quarantined(rows: u64) {
    metrics::counter!("gymhook_quarantined_total").increment(rows);
}

pub(crate) fn store_failed(error: &StoreError, pause: Duration) {
    metrics::counter!("gymhook_store_failures_total").increment(1);
    tracing::error!(%error, ?pause, "the store failed: nothing is lost, the operation is retried");
}

/// Code that a user passed in panicked, or the worker did.
pub(crate) fn panicked(place: Place, message: &str) {
    metrics::counter!("gymhook_panics_total", "place" => place.as_str()).increment(1);
    tracing::error!(place = place.as_str(), panic = message, "a panic was caught");
}

/// A worker of this process came up, or went down.
pub(crate) fn workers_running(more: i8) {
    metrics::gauge!("gymhook_workers_running").increment(f64::from(more));
}

/// The worker panicked.
pub(crate) fn worker_panicked(worker: WorkerId, pause: Duration) {
    metrics::counter!("gymhook_worker_restarts_total").increment(1);
    tracing::error!(%worker, ?pause, "the worker panicked: its leases are released, and it restarts after a pause");
}

/// What the worker left cannot be written, or the next one cannot begin.
pub(crate) fn restart_failed(error: &StoreError, pause: Duration) {
    tracing::error!(%error, ?pause, "the worker cannot be restarted: the next attempt follows after a pause");
}

/// A shutdown ends although its store fails or does not answer.
pub(crate) fn store_abandoned(endpoints: usize) {
    tracing::error!(
        endpoints,
        "the store did not answer in time for the shutdown: the attempts in flight count as lost, and its leases expire"
    );
}
