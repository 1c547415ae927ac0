//! `describe`: describes each metric, and creates the counters that an alert may watch.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};

use crate::user_code::Place;

/// The labels of changes that are counted.
const DELIVERY_CHANGES: [&str; 4] = ["delivered", "undeliverable", "cancelled", "retry-scheduled"];
const ENDPOINT_CHANGES: [&str; 9] = [
    "breaker-opened",
    "breaker-closed",
    "held-back",
    "started-failing",
    "recovered",
    "delivery-failed",
    "warned",
    "disabled",
    "enabled",
];

/// Tells the recorder what each metric means, and counts nothing with the counters that an alert may watch.
///
/// A counter that appears when it is incremented for the first time has no increase that an alert could see.
pub(crate) fn describe() {
    describe_counter!("gymhook_attempts_total", "Attempts, by outcome and class of status.");
    describe_histogram!("gymhook_attempt_seconds", Unit::Seconds, "How long attempts took.");
    describe_counter!("gymhook_deliveries_total", "Deliveries that ended or were scheduled for a retry.");
    describe_counter!("gymhook_endpoint_changes_total", "Changes of endpoints.");
    describe_histogram!("gymhook_commit_seconds", Unit::Seconds, "How long commits of the worker took.");
    describe_histogram!("gymhook_commit_records", Unit::Count, "Records that the worker committed together.");
    describe_counter!("gymhook_late_answers_total", "Responses to attempts that had been counted as lost.");
    describe_counter!("gymhook_follow_ups_refused_total", "Forwarded notifications that the store refused.");
    describe_counter!("gymhook_leases_given_up_total", "Leases that the worker gave up to another worker.");
    describe_counter!("gymhook_leases_lost_total", "Leases that the worker lost.");
    describe_counter!("gymhook_quarantined_total", "Damaged rows.");
    describe_counter!("gymhook_store_failures_total", "Calls of the store that failed.");
    describe_counter!("gymhook_panics_total", "Panics that were caught, by place.");
    describe_gauge!("gymhook_workers_running", "Running workers in this process.");
    describe_counter!("gymhook_worker_restarts_total", "Restarts of a worker after a panic.");

    for change in DELIVERY_CHANGES {
        counter!("gymhook_deliveries_total", "change" => change).increment(0);
    }
    for change in ENDPOINT_CHANGES {
        counter!("gymhook_endpoint_changes_total", "change" => change).increment(0);
    }
    for place in Place::ALL {
        counter!("gymhook_panics_total", "place" => place.as_str()).increment(0);
    }
    counter!("gymhook_late_answers_total").increment(0);
    counter!("gymhook_follow_ups_refused_total").increment(0);
    counter!("gymhook_leases_given_up_total").increment(0);
    counter!("gymhook_leases_lost_total").increment(0);
    counter!("gymhook_quarantined_total").increment(0);
    counter!("gymhook_store_failures_total").increment(0);
    counter!("gymhook_worker_restarts_total").increment(0);
}

#[cfg(test)]
mod tests {
    use gymhook_delivery::{
        AttemptFailure, DeliveryChange, DisableReason, End, EndpointChange, Undeliverable,
    };
    use time::UtcDateTime;

    use super::super::{delivery_label, endpoint_label};
    use super::*;

    #[test]
    fn what_is_counted_is_there_from_the_start_and_on_the_front_page() {
        let deliveries = [
            DeliveryChange::Ended(End::Delivered),
            DeliveryChange::Ended(End::Undeliverable(Undeliverable::Exhausted)),
            DeliveryChange::Ended(End::Cancelled),
            DeliveryChange::RetryScheduled { after: AttemptFailure::Failed },
            DeliveryChange::Ended(End::Superseded),
            DeliveryChange::Enqueued,
            DeliveryChange::AttemptBegan,
            DeliveryChange::RoundOpened,
            DeliveryChange::CancelNoted,
            DeliveryChange::RedeliveryNoted,
        ];
        assert_eq!(deliveries.into_iter().filter_map(delivery_label).collect::<Vec<_>>(), DELIVERY_CHANGES);
        let until = UtcDateTime::UNIX_EPOCH;
        let endpoints = [
            EndpointChange::Added,
            EndpointChange::BreakerOpened { until },
            EndpointChange::BreakerClosed,
            EndpointChange::HeldBack { until },
            EndpointChange::StartedFailing,
            EndpointChange::Recovered,
            EndpointChange::DeliveryFailed { in_a_row: 1 },
            EndpointChange::Warned { percent: 50 },
            EndpointChange::Disabled { reason: DisableReason::ByHand },
            EndpointChange::Enabled,
            EndpointChange::TokenTaken,
        ];
        assert_eq!(endpoints.into_iter().filter_map(endpoint_label).collect::<Vec<_>>(), ENDPOINT_CHANGES);
        let page = include_str!("../../README.md");
        let places = Place::ALL.iter().map(|place| place.as_str());
        for label in DELIVERY_CHANGES.into_iter().chain(ENDPOINT_CHANGES).chain(places) {
            assert!(page.contains(&format!("`{label}`")), "{label}");
        }
    }
}
