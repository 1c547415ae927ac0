//! `Pending`: the machine's records, rows and notices that have not been written to the store yet, and `cut`, which
//! makes a batch of them.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use gymhook_delivery::{
    Attempt, AttemptFailure, DeliveryChange, DeliveryId, DeliveryRecord, End, EndpointId, EndpointRecord,
    Undeliverable,
};
use time::UtcDateTime;

use crate::store::{AttemptOutcome, AttemptRow, Batch, Lease, NewNotification, Notice};
use crate::telemetry;

/// What the machine has said since the last batch was cut. Of several records of one thing the last one counts.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    deliveries: BTreeMap<DeliveryId, DeliveryRecord>,
    endpoints: BTreeMap<EndpointId, EndpointRecord>,
    attempts: Vec<(EndpointId, AttemptRow)>,
    notices: Vec<Notice>,
    commands: Vec<(EndpointId, i64)>,
    follow_ups: Vec<(EndpointId, NewNotification)>,
    renew: BTreeSet<EndpointId>,
    release: BTreeSet<EndpointId>,
    send: Vec<Attempt>,
}

impl Pending {
    pub(crate) fn delivery(&mut self, change: DeliveryChange, record: DeliveryRecord, now: UtcDateTime) {
        if let Some(number) = lost_attempt(change, &record) {
            self.attempt_ended(record.endpoint, lost_row(&record, number, now));
        }
        self.deliveries.insert(record.id, record);
    }

    pub(crate) fn endpoint(&mut self, record: EndpointRecord) {
        self.endpoints.insert(record.id, record);
    }

    pub(crate) fn attempt_ended(&mut self, endpoint: EndpointId, row: AttemptRow) {
        telemetry::attempt_logged(&row);
        self.attempts.push((endpoint, row));
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    pub(crate) fn command_done(&mut self, endpoint: EndpointId, number: i64) {
        self.commands.push((endpoint, number));
    }

    /// What follows from a delivery to this endpoint whose record was just taken down.
    pub(crate) fn follow_ups(&mut self, endpoint: EndpointId, new: Vec<NewNotification>) {
        self.follow_ups.extend(new.into_iter().map(|new| (endpoint, new)));
    }

    pub(crate) fn renew(&mut self, endpoint: EndpointId) {
        self.renew.insert(endpoint);
    }

    pub(crate) fn release(&mut self, endpoint: EndpointId) {
        self.release.insert(endpoint);
    }

    pub(crate) fn send(&mut self, attempt: Attempt) {
        self.send.push(attempt);
    }

    /// Whether a newer word about this delivery waits to be written.
    pub(crate) fn mentions(&self, delivery: DeliveryId) -> bool {
        self.deliveries.contains_key(&delivery)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
            && self.endpoints.is_empty()
            && self.attempts.is_empty()
            && self.notices.is_empty()
            && self.commands.is_empty()
            && self.follow_ups.is_empty()
            && self.renew.is_empty()
            && self.release.is_empty()
    }

    /// Drops what is pending for an endpoint: another worker owns it.
    pub(crate) fn forget_endpoint(&mut self, endpoint: EndpointId) {
        self.retain_endpoints(|other| other != endpoint);
    }

    fn retain_endpoints(&mut self, keeps: impl Fn(EndpointId) -> bool) {
        self.deliveries.retain(|_, record| keeps(record.endpoint));
        self.endpoints.retain(|endpoint, _| keeps(*endpoint));
        self.attempts.retain(|(endpoint, _)| keeps(*endpoint));
        self.notices.retain(|notice| keeps(notice.endpoint));
        self.commands.retain(|(endpoint, _)| keeps(*endpoint));
        self.follow_ups.retain(|(endpoint, _)| keeps(*endpoint));
        self.renew.retain(|endpoint| keeps(*endpoint));
        self.release.retain(|endpoint| keeps(*endpoint));
        self.send.retain(|attempt| keeps(attempt.attempt.endpoint));
    }

    /// Everything so far as one batch, with the attempts that may be sent once it is on disk.
    pub(crate) fn cut(
        &mut self,
        lease_length: Duration,
        lease_of: impl Fn(EndpointId) -> Option<Lease>,
    ) -> (Batch, Vec<Attempt>) {
        let mut taken = core::mem::take(self);
        // Nothing is ever written without a lease to fence it.
        taken.retain_endpoints(|endpoint| lease_of(endpoint).is_some());
        let mut endpoints: BTreeSet<EndpointId> =
            taken.deliveries.values().map(|record| record.endpoint).collect();
        endpoints.extend(taken.endpoints.keys());
        endpoints.extend(taken.attempts.iter().map(|(endpoint, _)| *endpoint));
        endpoints.extend(taken.notices.iter().map(|notice| notice.endpoint));
        endpoints.extend(taken.commands.iter().map(|(endpoint, _)| *endpoint));
        endpoints.extend(taken.follow_ups.iter().map(|(endpoint, _)| *endpoint));
        endpoints.extend(&taken.release);
        let batch = Batch {
            leases: endpoints.into_iter().filter_map(&lease_of).collect(),
            deliveries: taken.deliveries.into_values().collect(),
            endpoints: taken.endpoints.into_values().collect(),
            attempts: taken.attempts,
            notices: taken.notices,
            commands: taken.commands,
            follow_ups: taken.follow_ups,
            renew: taken.renew.into_iter().filter_map(&lease_of).collect(),
            lease_length,
            release: taken.release.into_iter().collect(),
            send: taken.send.iter().map(|attempt| attempt.attempt.delivery).collect(),
        };
        (batch, taken.send)
    }
}

/// The number of the attempt that counts as lost with this step, if one does.
fn lost_attempt(change: DeliveryChange, record: &DeliveryRecord) -> Option<u32> {
    match change {
        DeliveryChange::RetryScheduled { after: AttemptFailure::Lost } => {
            Some(record.attempt.get().saturating_sub(1))
        }
        DeliveryChange::Ended(End::Undeliverable(Undeliverable::Lost)) => Some(record.attempt.get()),
        DeliveryChange::RetryScheduled { .. }
        | DeliveryChange::Ended(_)
        | DeliveryChange::Enqueued
        | DeliveryChange::AttemptBegan
        | DeliveryChange::RoundOpened
        | DeliveryChange::CancelNoted
        | DeliveryChange::RedeliveryNoted => None,
    }
}

fn lost_row(record: &DeliveryRecord, number: u32, now: UtcDateTime) -> AttemptRow {
    AttemptRow {
        delivery: record.id,
        sequence: record.sequence,
        send: record.sends,
        round: record.round,
        number,
        began: None,
        ended: now,
        outcome: AttemptOutcome::Lost,
        status: None,
        captured: None,
        detail: Some("its worker is gone, or no answer came in time: nobody knows how it ended".to_owned()),
    }
}
