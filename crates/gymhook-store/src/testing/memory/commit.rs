//! `commit`: writes a worker's batch under its leases, and reads the notifications of the attempts that the batch
//! announces.

use std::collections::{BTreeMap, BTreeSet};

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, LeaseEpoch};
use time::UtcDateTime;

use super::cut;
use super::tables::{Tables, as_kept};
use crate::StoreTime;
use crate::deletion::end_under_way;
use crate::new_notification::body_digest;
use crate::{AttemptRow, Batch, Committed, DeliveryColumns, Lease, State, StoredNotification};

impl Tables {
    /// Ends what is under way at an endpoint whose subscription is deleted.
    pub(super) fn end_under_way(&mut self, endpoint: EndpointId, now: UtcDateTime) {
        let sequences: Vec<u64> = self.in_state(endpoint, State::InFlight).map(|row| row.sequence).collect();
        for record in self.read_or_quarantine(&sequences).0 {
            let (ended, attempt) = end_under_way(&record, now);
            self.write_delivery(&ended);
            self.write_attempt(endpoint, &attempt);
        }
    }

    pub(super) fn commit(&mut self, batch: &Batch, now: UtcDateTime) -> Committed {
        let mut held = BTreeSet::new();
        let mut lost = BTreeSet::new();
        for lease in batch.leases.iter().chain(&batch.renew) {
            if self.holds(lease) {
                held.insert(lease.endpoint)
            } else {
                lost.insert(lease.endpoint)
            };
        }
        let is_held = |endpoint: &EndpointId| held.contains(endpoint) && !lost.contains(endpoint);
        let records = batch.deliveries.iter().filter(|record| is_held(&record.endpoint));
        let records: BTreeMap<DeliveryId, &DeliveryRecord> =
            records.map(|record| (record.id, record)).collect();
        for record in records.values() {
            self.write_delivery(record);
        }
        for record in batch.endpoints.iter().filter(|record| is_held(&record.id)) {
            if let Some(subscription) = self.living_mut(record.id) {
                subscription.row.record = as_kept(*record);
            }
        }
        for (endpoint, attempt) in batch.attempts.iter().filter(|(endpoint, _)| is_held(endpoint)) {
            self.write_attempt(*endpoint, attempt);
        }
        for notice in batch.notices.iter().filter(|notice| is_held(&notice.endpoint)) {
            self.write_notice(notice);
        }
        for (endpoint, number) in batch.commands.iter().filter(|(endpoint, _)| is_held(endpoint)) {
            if self.commands.get(number).is_some_and(|command| command.endpoint == *endpoint) {
                self.commands.remove(number);
            }
        }
        let until = StoreTime::after(now, batch.lease_length).micros();
        for lease in batch.renew.iter().filter(|lease| is_held(&lease.endpoint)) {
            self.lease_until(lease.endpoint, until);
        }
        for endpoint in batch.release.iter().filter(|endpoint| is_held(endpoint)) {
            self.lease_until(*endpoint, StoreTime::floor(now).micros());
        }
        let wanted = batch.send.iter().filter_map(|id| records.get(id).copied());
        let notifications = wanted.map(|record| (record.id, self.notification(record))).collect();
        let follow_ups = batch.held_follow_ups(|endpoint| is_held(&endpoint));
        let enqueued = follow_ups.into_iter().map(|new| (new.id, self.enqueue(new.clone(), now)));
        let refused = enqueued.filter_map(|(id, enqueued)| Some((id, enqueued.err()?))).collect();
        Committed { lost: lost.into_iter().collect(), notifications, refused }
    }

    fn holds(&mut self, lease: &Lease) -> bool {
        self.living_mut(lease.endpoint)
            .is_some_and(|subscription| LeaseEpoch::new(subscription.epoch) == lease.epoch)
    }

    fn lease_until(&mut self, endpoint: EndpointId, until: i64) {
        if let Some(subscription) = self.living_mut(endpoint) {
            subscription.leased_until = until;
        }
    }

    fn write_delivery(&mut self, record: &DeliveryRecord) {
        let columns = DeliveryColumns::from(record);
        self.write(record.sequence, |held| {
            let is_the_same = (held.id, held.endpoint) == (columns.id, columns.endpoint);
            if is_the_same && held.state != State::Quarantined.code() {
                *held = columns;
            }
        });
    }

    fn write_attempt(&mut self, endpoint: EndpointId, attempt: &AttemptRow) {
        let row = self.deliveries.get_mut(&attempt.sequence);
        let row = row.filter(|row| {
            (row.columns.id, row.columns.endpoint) == (*attempt.delivery.as_uuid(), *endpoint.as_uuid())
        });
        if let Some(row) = row {
            row.attempts.entry(attempt.send).or_insert_with(|| AttemptRow {
                began: attempt.began.map(cut),
                ended: cut(attempt.ended),
                ..attempt.clone()
            });
        }
    }

    fn notification(&mut self, record: &DeliveryRecord) -> Option<StoredNotification> {
        let row =
            self.deliveries.get(&record.sequence).filter(|row| row.columns.id == *record.id.as_uuid())?;
        if row.columns.state != State::Quarantined.code() && body_digest(&row.body) == record.body {
            return Some(StoredNotification {
                event_type: row.event_type.clone(),
                body: row.body.clone(),
                origin: row.origin.clone(),
                enqueued_at: row.enqueued_at,
            });
        }
        self.quarantine(record.sequence);
        None
    }
}
