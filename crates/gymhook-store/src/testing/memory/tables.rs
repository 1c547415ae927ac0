//! The tables of the store in memory, and enqueueing.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, DeliveryState, EndpointId, EndpointRecord, Enqueued, LeaseEpoch};
use time::UtcDateTime;
use uuid::Uuid;

use super::cut;
use crate::StoreTime;
use crate::mending::mended;
use crate::{
    Announcement, ApiKeyRow, AttemptRow, Command, DeleteCondition, DeliveryColumns, Journal, JournalRow,
    LeaseHolder, NewNotification, Notice, Page, Redelivery, Refused, State, SubscriptionQuery,
    SubscriptionRow, WorkerId, WriteCondition,
};

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) subscriptions: BTreeMap<EndpointId, Subscription>,
    /// By sequence number.
    pub(super) deliveries: BTreeMap<u64, Delivery>,
    pub(super) sequences: BTreeMap<DeliveryId, u64>,
    /// The sequence number of the last one kept with this fingerprint.
    fingerprints: BTreeMap<(EndpointId, [u8; 32]), u64>,
    pub(super) by_state: BTreeSet<InState>,
    pub(super) commands: BTreeMap<i64, WaitingCommand>,
    pub(super) announcements: BTreeMap<WorkerId, Announcement>,
    pub(super) api_keys: BTreeMap<Uuid, ApiKeyRow>,
    /// In the order in which they were written.
    pub(super) notices: Vec<HeldNotice>,
    /// By journal and number.
    pub(super) journals: BTreeMap<(Journal, u64), JournalRow>,
    pub(super) last_journal_numbers: BTreeMap<Journal, u64>,
    last_sequence: u64,
    last_command: i64,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) row: SubscriptionRow,
    pub(super) epoch: u64,
    /// Who leased it last.
    pub(super) leased_by: Option<WorkerId>,
    /// In microseconds since 1970.
    pub(super) leased_until: i64,
}

impl Subscription {
    /// The lease that has not run out.
    pub(super) fn lease(&self, now: i64) -> Option<LeaseHolder> {
        let worker = self.leased_by.filter(|_| self.leased_until > now)?;
        Some(LeaseHolder {
            worker,
            epoch: LeaseEpoch::new(self.epoch),
            ends: StoreTime::from_micros(self.leased_until).nearest(),
        })
    }
}

#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) columns: DeliveryColumns,
    pub(super) event_type: String,
    pub(super) enqueued_at: UtcDateTime,
    pub(super) body: Bytes,
    pub(super) origin: Option<String>,
    /// By send.
    pub(super) attempts: BTreeMap<u32, AttemptRow>,
}

/// The deliveries of an endpoint by state and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InState {
    pub(super) endpoint: EndpointId,
    pub(super) state: i16,
    pub(super) at: i64,
    pub(super) sequence: u64,
}

#[derive(Debug)]
pub(super) struct HeldNotice {
    pub(super) notice: Notice,
    /// In microseconds since 1970.
    pub(super) claimed_until: i64,
    pub(super) acknowledged_at: Option<i64>,
}

#[derive(Debug)]
pub(super) struct WaitingCommand {
    pub(super) endpoint: EndpointId,
    pub(super) command: Command,
    /// In microseconds since 1970.
    pub(super) due: i64,
}

impl Delivery {
    fn in_state(&self, sequence: u64) -> InState {
        let columns = &self.columns;
        InState { endpoint: columns.endpoint.into(), state: columns.state, at: columns.at, sequence }
    }
}

impl Tables {
    pub(super) fn put_subscription(
        &mut self,
        new: SubscriptionRow,
        condition: &WriteCondition,
        now: UtcDateTime,
    ) -> bool {
        let id = new.id;
        if let Some(old) = self.subscriptions.get_mut(&id) {
            if old.row.deleted_at.is_some() || old.row.direction() != new.direction() {
                return false;
            }
            let is_met = match condition {
                WriteCondition::Always => true,
                WriteCondition::New => false,
                WriteCondition::SameGym => old.row.gym == new.gym,
                WriteCondition::Unchanged(read) => old.row.has_same_configuration(read),
            };
            if !is_met {
                return false;
            }
            old.row = SubscriptionRow { record: old.row.record, deleted_at: None, ..new };
        } else {
            if let WriteCondition::Unchanged(_) = condition {
                return false;
            }
            let row = SubscriptionRow { record: as_kept(new.record), deleted_at: None, ..new };
            self.subscriptions
                .insert(id, Subscription { row, epoch: 0, leased_by: None, leased_until: i64::MIN });
        }
        if self.subscriptions.get(&id).is_some_and(|subscription| subscription.epoch > 0) {
            self.command(&[(id, Command::Reload)], now);
        }
        true
    }

    pub(super) fn subscription(&self, id: EndpointId) -> Option<SubscriptionRow> {
        self.subscriptions.get(&id).map(|subscription| subscription.row.clone())
    }

    pub(super) fn subscriptions(&self, query: &SubscriptionQuery) -> Page<SubscriptionRow, EndpointId> {
        let rows = self.subscriptions.values().map(|subscription| &subscription.row);
        let found = rows
            .filter(|row| row.deleted_at.is_none() && query.after.is_none_or(|after| row.id > after))
            .filter(|row| query.gym.as_ref().is_none_or(|gym| row.gym == *gym))
            .filter(|row| query.platform.as_ref().is_none_or(|platform| row.platform == *platform))
            .take((query.limit as usize).saturating_add(1))
            .cloned()
            .collect();
        Page::cut(found, query.limit, |last: &SubscriptionRow| last.id)
    }

    pub(super) fn delete_subscription(
        &mut self,
        id: EndpointId,
        condition: &DeleteCondition,
        now: UtcDateTime,
    ) -> bool {
        let Some(subscription) = self.living_mut(id) else { return false };
        let is_met = match condition {
            DeleteCondition::Always => true,
            DeleteCondition::Unchanged(read) => subscription.row.has_same_configuration(read),
        };
        if !is_met {
            return false;
        }
        subscription.row.deleted_at = Some(cut(now));
        subscription.leased_until = subscription.leased_until.min(StoreTime::floor(now).micros());
        self.commands.retain(|_, command| command.endpoint != id);
        self.end_under_way(id, now);
        true
    }

    /// A subscription that is not deleted.
    pub(super) fn living_mut(&mut self, id: EndpointId) -> Option<&mut Subscription> {
        self.subscriptions.get_mut(&id).filter(|subscription| subscription.row.deleted_at.is_none())
    }

    pub(super) fn enqueue(&mut self, new: NewNotification, now: UtcDateTime) -> Result<Enqueued, Refused> {
        let read_from = new.read_from;
        let outcome = self.insert(new, now);
        let kept = read_from.filter(|_| outcome.as_ref().err().is_none_or(Refused::is_repeat));
        if let Some(sequence) = kept.and_then(|kept| self.sequences.get(&kept)).copied()
            && self.deliveries.get(&sequence).is_some_and(|row| row.columns.state == State::Unreadable.code())
        {
            self.forget(sequence);
        }
        outcome
    }

    fn insert(&mut self, new: NewNotification, now: UtcDateTime) -> Result<Enqueued, Refused> {
        let outcome = self.insert_one(new.clone(), now);
        if outcome == Ok(Enqueued::New)
            && let Some(follow_ups) = new.enqueued_with_it()
        {
            let sequence = self.last_sequence;
            let enqueued: Vec<_> = follow_ups.iter().map(|new| self.insert_one(new.clone(), now)).collect();
            if enqueued.iter().all(|enqueued| *enqueued == Ok(Enqueued::New)) {
                self.write(sequence, |columns| *columns = new.handled_columns(sequence, now));
            }
        }
        outcome
    }

    fn insert_one(&mut self, new: NewNotification, now: UtcDateTime) -> Result<Enqueued, Refused> {
        new.check()?;
        if self.living_mut(new.endpoint).is_none() {
            return Err(Refused::UnknownEndpoint { endpoint: new.endpoint });
        }
        if let Some(state) = self.mend(&new, now) {
            return Ok(Enqueued::Duplicate { state });
        }
        if let Some(held) = self.sequences.get(&new.id).and_then(|sequence| self.deliveries.get_mut(sequence))
        {
            let is_same = held.columns.endpoint == *new.endpoint.as_uuid()
                && held.columns.digest == *new.digest().as_bytes();
            if new.unreadable && is_same && held.columns.state == State::Unreadable.code() {
                held.body = new.body;
                return Err(Refused::Repeat { delivery: new.id });
            }
            let same = held.columns.to_record().ok().filter(|held| new.is_same_as(held));
            let state = same.ok_or(Refused::Conflict { delivery: new.id })?.state;
            held.body = new.body;
            return Ok(Enqueued::Duplicate { state });
        }
        let fingerprint = new.fingerprint().map(|fingerprint| (new.endpoint, fingerprint));
        if let Some(delivery) = self.repeated_by(&new, now) {
            self.make_whole(delivery, &new);
            return Err(Refused::Repeat { delivery });
        }
        self.last_sequence += 1;
        let sequence = self.last_sequence;
        let delivery = Delivery {
            columns: new.columns(sequence, now),
            event_type: new.event_type,
            enqueued_at: cut(now),
            body: new.body,
            origin: new.origin,
            attempts: BTreeMap::new(),
        };
        self.sequences.insert(new.id, sequence);
        if let Some(fingerprint) = fingerprint {
            self.fingerprints.insert(fingerprint, sequence);
        }
        self.by_state.insert(delivery.in_state(sequence));
        self.deliveries.insert(sequence, delivery);
        Ok(Enqueued::New)
    }

    /// Has a delivery that was quarantined for its body wait again, with the body that the new one brings. Returns its state
    /// if it was.
    fn mend(&mut self, new: &NewNotification, now: UtcDateTime) -> Option<DeliveryState> {
        let sequence = self.sequences.get(&new.id).copied()?;
        let next = self.last_sequence + 1;
        let record = mended(&self.deliveries.get(&sequence)?.columns, new, next, now)?;
        let held = self.deliveries.remove(&sequence)?;
        self.by_state.remove(&held.in_state(sequence));
        let mut delivery = Delivery {
            columns: DeliveryColumns::from(&record),
            event_type: new.event_type.clone(),
            enqueued_at: cut(now),
            body: new.body.clone(),
            origin: new.origin.clone(),
            attempts: held.attempts,
        };
        for attempt in delivery.attempts.values_mut() {
            attempt.sequence = next;
        }
        for held in self.fingerprints.values_mut().filter(|held| **held == sequence) {
            *held = next;
        }
        self.last_sequence = next;
        self.sequences.insert(new.id, next);
        self.by_state.insert(delivery.in_state(next));
        self.deliveries.insert(next, delivery);
        Some(record.state)
    }

    /// Gives a delivery its body if the new one's is the same.
    fn make_whole(&mut self, id: DeliveryId, new: &NewNotification) {
        let row = self.sequences.get(&id).and_then(|sequence| self.deliveries.get_mut(sequence));
        if let Some(row) = row.filter(|row| row.columns.digest == *new.digest().as_bytes()) {
            row.body = new.body.clone();
        }
    }

    /// The one that a new one repeats.
    fn repeated_by(&self, new: &NewNotification, now: UtcDateTime) -> Option<DeliveryId> {
        let check = new.repeat_check.as_ref()?;
        let sequence = self.fingerprints.get(&(new.endpoint, check.fingerprint))?;
        let is_repeated = |held: &&Delivery| {
            StoreTime::floor(held.enqueued_at).micros() > check.before_window(now)
                && held.columns.state != State::Quarantined.code()
        };
        self.deliveries.get(sequence).filter(is_repeated).map(|held| held.columns.id.into())
    }

    pub(super) fn command(&mut self, commands: &[(EndpointId, Command)], due: UtcDateTime) {
        let due = StoreTime::ceil(due).micros();
        for (endpoint, command) in commands {
            if self.living_mut(*endpoint).is_some() {
                self.last_command += 1;
                let waiting = WaitingCommand { endpoint: *endpoint, command: *command, due };
                self.commands.insert(self.last_command, waiting);
            }
        }
    }

    pub(super) fn redeliver(&mut self, which: &Redelivery, now: UtcDateTime) -> u64 {
        if self.living_mut(which.endpoint).is_none() {
            return 0;
        }
        let states: &[State] = if which.undeliverable_only {
            &[State::Undeliverable]
        } else {
            &[State::Delivered, State::Undeliverable, State::Cancelled]
        };
        let from = StoreTime::ceil(which.from).micros();
        let until = which.until.map_or(i64::MAX, |at| StoreTime::ceil(at).micros());
        let ended = states.iter().flat_map(|state| self.in_state(which.endpoint, *state));
        let mut sequences: Vec<u64> =
            ended.filter(|row| row.at >= from && row.at < until).map(|row| row.sequence).collect();
        sequences.sort_unstable();
        let again = sequences.iter().filter_map(|sequence| self.deliveries.get(sequence));
        let again = again.map(|row| (which.endpoint, Command::Redeliver(row.columns.id.into())));
        let again: Vec<_> = again.collect();
        self.command(&again, now);
        again.len() as u64
    }

    /// An endpoint's deliveries in this state, by time and then by sequence number.
    pub(super) fn in_state(&self, endpoint: EndpointId, state: State) -> impl Iterator<Item = InState> {
        let first = InState { endpoint, state: state.code(), at: i64::MIN, sequence: 0 };
        let last = InState { at: i64::MAX, sequence: u64::MAX, ..first };
        self.by_state.range(first..=last).copied()
    }

    /// Changes a delivery's columns, and its place among the others with them.
    pub(super) fn write(&mut self, sequence: u64, change: impl FnOnce(&mut DeliveryColumns)) {
        let Some(delivery) = self.deliveries.get_mut(&sequence) else { return };
        self.by_state.remove(&delivery.in_state(sequence));
        change(&mut delivery.columns);
        self.by_state.insert(delivery.in_state(sequence));
    }

    /// Quarantines a row that cannot be read.
    pub(super) fn quarantine(&mut self, sequence: u64) {
        self.write(sequence, |columns| columns.state = State::Quarantined.code());
    }

    pub(super) fn forget(&mut self, sequence: u64) {
        let Some(delivery) = self.deliveries.remove(&sequence) else { return };
        self.by_state.remove(&delivery.in_state(sequence));
        self.sequences.remove(&DeliveryId::from(delivery.columns.id));
        self.fingerprints.retain(|_, held| *held != sequence);
    }

    pub(super) fn damage_delivery(&mut self, id: DeliveryId) -> bool {
        let Some(sequence) = self.sequences.get(&id).copied() else { return false };
        self.write(sequence, |columns| columns.sends ^= 1);
        true
    }

    pub(super) fn lose_body(&mut self, id: DeliveryId) -> bool {
        let row = self.sequences.get(&id).and_then(|sequence| self.deliveries.get_mut(sequence));
        row.map(|row| row.body = Bytes::new()).is_some()
    }

    pub(super) fn damage_body(&mut self, id: DeliveryId) -> bool {
        let row = self.sequences.get(&id).and_then(|sequence| self.deliveries.get_mut(sequence));
        let Some(row) = row else { return false };
        let mut body = row.body.to_vec();
        match body.first_mut() {
            Some(byte) => *byte ^= 1,
            None => body.push(0),
        }
        row.body = body.into();
        true
    }
}

/// As it comes back from a database: to the microsecond.
pub(super) fn as_kept(record: EndpointRecord) -> EndpointRecord {
    let kept = serde_json::to_value(record).and_then(serde_json::from_value);
    kept.unwrap_or(record)
}
