//! What is counted and logged: labels come from closed sets, and no URL, body or secret is ever in them.
//!
//! | metric | kind | label |
//! |---|---|---|
//! | `gymhook_attempts_total` | counter | `outcome`: `2xx`, `3xx`, `4xx`, `5xx`, `other`, a fault's name, `internal`, `lost` |
//! | `gymhook_attempt_seconds` | histogram | |
//! | `gymhook_deliveries_total` | counter | `change`: `delivered`, `undeliverable`, `cancelled`, `retry-scheduled` |
//! | `gymhook_endpoint_changes_total` | counter | `change` |
//! | `gymhook_commit_seconds`, `gymhook_commit_records` | histogram | |
//! | `gymhook_late_answers_total`, `gymhook_leases_lost_total`, `gymhook_quarantined_total`, `gymhook_store_failures_total` | counter | |

use core::time::Duration;

use gymhook_delivery::{DeliveryChange, End, EndpointChange, EndpointId};
use gymhook_retry::Outcome;

use crate::store::StoreError;

pub(crate) fn attempt_ended(outcome: &Outcome, took: Duration) {
    metrics::counter!("gymhook_attempts_total", "outcome" => outcome_label(outcome)).increment(1);
    metrics::histogram!("gymhook_attempt_seconds").record(took);
}

fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Response { status, .. } => match status.as_u16() / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "other",
        },
        Outcome::Failure(fault) => fault.as_str(),
        Outcome::Internal(_) => "internal",
        Outcome::Crashed => "lost",
    }
}

pub(crate) fn delivery_changed(change: DeliveryChange) {
    let label = match change {
        DeliveryChange::Ended(End::Delivered) => "delivered",
        DeliveryChange::Ended(End::Undeliverable(_)) => "undeliverable",
        DeliveryChange::Ended(End::Cancelled) => "cancelled",
        DeliveryChange::RetryScheduled { .. } => "retry-scheduled",
        DeliveryChange::Ended(End::Superseded)
        | DeliveryChange::Enqueued
        | DeliveryChange::AttemptBegan
        | DeliveryChange::RoundOpened
        | DeliveryChange::CancelNoted
        | DeliveryChange::RedeliveryNoted => return,
    };
    metrics::counter!("gymhook_deliveries_total", "change" => label).increment(1);
}

pub(crate) fn endpoint_changed(endpoint: EndpointId, change: EndpointChange) {
    let label = match change {
        EndpointChange::TokenTaken | EndpointChange::Added => return,
        EndpointChange::BreakerOpened { .. } => "breaker-opened",
        EndpointChange::BreakerClosed => "breaker-closed",
        EndpointChange::HeldBack { .. } => "held-back",
        EndpointChange::StartedFailing => "started-failing",
        EndpointChange::Recovered => "recovered",
        EndpointChange::DeliveryFailed { .. } => "delivery-failed",
        EndpointChange::Warned { .. } => "warned",
        EndpointChange::Disabled { .. } => "disabled",
        EndpointChange::Enabled => "enabled",
    };
    metrics::counter!("gymhook_endpoint_changes_total", "change" => label).increment(1);
    tracing::info!(%endpoint, ?change, "an endpoint changed");
}

pub(crate) fn committed(records: usize, took: Duration) {
    metrics::histogram!("gymhook_commit_seconds").record(took);
    metrics::histogram!("gymhook_commit_records")
        .record(f64::from(u32::try_from(records).unwrap_or(u32::MAX)));
}

pub(crate) fn late_answer() {
    metrics::counter!("gymhook_late_answers_total").increment(1);
}

pub(crate) fn lease_lost() {
    metrics::counter!("gymhook_leases_lost_total").increment(1);
}

pub(crate) fn quarantined(rows: u64) {
    metrics::counter!("gymhook_quarantined_total").increment(rows);
}

pub(crate) fn store_failed(error: &StoreError, pause: Duration) {
    metrics::counter!("gymhook_store_failures_total").increment(1);
    tracing::error!(%error, ?pause, "the store failed: nothing is lost, the same is tried again");
}
