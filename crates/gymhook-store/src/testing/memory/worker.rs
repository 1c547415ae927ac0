//! The operations of a worker: leasing, committing and fetching.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, EndpointStatus, LeaseEpoch};
use time::UtcDateTime;

use super::cut;
use super::tables::{Subscription, Tables, as_kept};
use crate::StoreTime;
use crate::deletion::end_under_way;
use crate::row::body_digest;
use crate::{
    Announcement, AttemptRow, Batch, Committed, Cursor, DeliveryColumns, Direction, Fetch, Fetched, Lease,
    LeaseRequest, Leased, OtherWorkers, PendingCommand, State, StoredNotification, SubscriptionRow, WorkerId,
};

impl Tables {
    pub(super) fn lease(&mut self, request: &LeaseRequest, now: UtcDateTime) -> Vec<Leased> {
        let until = later(now, request.length);
        let now = StoreTime::floor(now).micros();
        let is_wanted = |row: &SubscriptionRow| {
            row.direction() == request.direction
                && request.only.as_ref().is_none_or(|only| only.contains(&row.id))
        };
        let mut free: Vec<(i64, EndpointId)> = self
            .subscriptions
            .values()
            .filter(|subscription| is_wanted(&subscription.row))
            .filter(|subscription| subscription.lease(now).is_none() && self.has_work(subscription, now))
            .map(|subscription| (subscription.leased_until, subscription.row.id))
            .collect();
        free.sort_unstable();
        free.truncate(request.limit as usize);
        free.into_iter().filter_map(|(_, endpoint)| self.lease_one(endpoint, request.worker, until)).collect()
    }

    pub(super) fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> OtherWorkers {
        let now = StoreTime::floor(now).micros();
        let living = self.subscriptions.values().filter(|subscription| subscription.row.deleted_at.is_none());
        let leases = living
            .filter(|subscription| subscription.row.direction() == direction)
            .filter_map(|subscription| subscription.lease(now));
        let next_lease_end = leases.filter(|lease| lease.worker != worker).map(|lease| lease.ends).min();
        let others = self.announcements.values().filter(|other| other.worker != worker);
        let counting = others.filter(|other| {
            other.direction == direction && StoreTime::floor(other.counts_until).micros() > now
        });
        OtherWorkers { next_lease_end, announcements: counting.copied().collect() }
    }

    pub(super) fn announce(&mut self, announcement: Announcement, now: UtcDateTime) {
        let (looked_at, counts_until) = (cut(announcement.looked_at), cut(announcement.counts_until));
        let kept = Announcement { looked_at, counts_until, ..announcement };
        self.announcements.insert(kept.worker, kept);
        let now = cut(now);
        self.announcements.retain(|_, held| held.counts_until > now);
    }

    fn has_work(&self, subscription: &Subscription, now: i64) -> bool {
        let endpoint = subscription.row.id;
        let is_enabled = matches!(subscription.row.record.status, EndpointStatus::Enabled);
        let has_due = || self.in_state(endpoint, State::Waiting).next().is_some_and(|first| first.at <= now);
        let has_test = || self.due_tests(endpoint, now).next().is_some();
        let has_in_flight = || self.in_state(endpoint, State::InFlight).next().is_some();
        let has_command =
            || self.commands.values().any(|command| command.endpoint == endpoint && command.due <= now);
        subscription.row.deleted_at.is_none()
            && ((is_enabled && has_due()) || has_test() || has_in_flight() || has_command())
    }

    fn due_tests(&self, endpoint: EndpointId, now: i64) -> impl Iterator<Item = u64> {
        let due = self.in_state(endpoint, State::Waiting).take_while(move |row| row.at <= now);
        due.map(|row| row.sequence)
            .filter(|sequence| self.deliveries.get(sequence).is_some_and(|row| row.columns.test))
    }

    fn lease_one(&mut self, endpoint: EndpointId, worker: WorkerId, until: i64) -> Option<Leased> {
        let subscription = self.living_mut(endpoint)?;
        subscription.epoch += 1;
        subscription.leased_by = Some(worker);
        subscription.leased_until = until;
        let epoch = LeaseEpoch::new(subscription.epoch);
        let subscription = subscription.row.clone();
        let sequences: Vec<u64> = self.in_state(endpoint, State::InFlight).map(|row| row.sequence).collect();
        let (in_flight, quarantined) = self.read(&sequences);
        Some(Leased { subscription, epoch, in_flight, quarantined })
    }

    /// Ends what is under way at an endpoint whose subscription is deleted.
    pub(super) fn end_under_way(&mut self, endpoint: EndpointId, now: UtcDateTime) {
        let sequences: Vec<u64> = self.in_state(endpoint, State::InFlight).map(|row| row.sequence).collect();
        for record in self.read(&sequences).0 {
            let (ended, attempt) = end_under_way(&record, now);
            self.write_delivery(&ended);
            self.write_attempt(endpoint, &attempt);
        }
    }

    /// The records of these rows, and the number of those that could not be read and were quarantined.
    fn read(&mut self, sequences: &[u64]) -> (Vec<DeliveryRecord>, u64) {
        let mut records = Vec::with_capacity(sequences.len());
        let mut quarantined = 0;
        for sequence in sequences {
            match self.deliveries.get(sequence).map(|row| row.columns.to_record()) {
                Some(Ok(record)) => records.push(record),
                Some(Err(_)) => {
                    self.quarantine(*sequence);
                    quarantined += 1;
                }
                None => {}
            }
        }
        (records, quarantined)
    }

    pub(super) fn end_leases(&mut self) {
        for subscription in self.subscriptions.values_mut() {
            subscription.leased_until = i64::MIN;
        }
        self.announcements.clear();
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
        let until = later(now, batch.lease_length);
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

    pub(super) fn fetch(&mut self, fetch: &Fetch, now: UtcDateTime) -> Fetched {
        let now = StoreTime::floor(now).micros();
        let waiting = self.in_state(fetch.endpoint, State::Waiting);
        let mut rows: Vec<(i64, u64)> = if fetch.ordered {
            let after = fetch.after.map(|after| after.sequence);
            let rows = waiting.filter(|row| after.is_none_or(|after| row.sequence > after));
            rows.map(|row| (row.at, row.sequence)).collect()
        } else {
            let after = fetch.after.map(|after| (StoreTime::ceil(after.due).micros(), after.sequence));
            let rows = waiting.take_while(|row| row.at <= now).map(|row| (row.at, row.sequence));
            rows.filter(|row| after.is_none_or(|after| *row > after)).collect()
        };
        if fetch.ordered {
            rows.sort_unstable_by_key(|(_, sequence)| *sequence);
        }
        let (limit, count) = (fetch.limit as usize, rows.len());
        rows.truncate(limit);
        let last = rows
            .last()
            .map(|(at, sequence)| Cursor { due: StoreTime::from_micros(*at).nearest(), sequence: *sequence });
        let more = last.or(fetch.after).filter(|_| count > limit);
        let sequences: Vec<u64> = rows.into_iter().map(|(_, sequence)| sequence).collect();
        let (deliveries, quarantined) = self.read(&sequences);
        let tests: Vec<u64> = self.due_tests(fetch.endpoint, now).collect();
        let (tests, damaged) = self.read(&tests);
        let quarantined = quarantined + damaged;
        let next_due = self.in_state(fetch.endpoint, State::Waiting).find(|row| row.at > now);
        let next_due =
            next_due.filter(|_| !fetch.ordered).map(|row| StoreTime::from_micros(row.at).nearest());
        let commands = self.due_commands(fetch.endpoint, now);
        Fetched { endpoint: fetch.endpoint, deliveries, tests, more, next_due, commands, quarantined }
    }

    fn due_commands(&self, endpoint: EndpointId, now: i64) -> Vec<PendingCommand> {
        let waiting = self.commands.iter();
        let due = waiting.filter(|(_, command)| command.endpoint == endpoint && command.due <= now);
        due.map(|(number, command)| PendingCommand {
            number: *number,
            command: command.command,
            delivery: command.command.delivery().and_then(|id| self.record(id)),
        })
        .collect()
    }

    fn record(&self, id: DeliveryId) -> Option<DeliveryRecord> {
        let row = self.sequences.get(&id).and_then(|sequence| self.deliveries.get(sequence))?;
        row.columns.to_record().ok()
    }
}

/// In microseconds since 1970; at most the last moment that can be written.
fn later(now: UtcDateTime, length: Duration) -> i64 {
    StoreTime::ceil(now).micros().saturating_add(i64::try_from(length.as_micros()).unwrap_or(i64::MAX))
}
