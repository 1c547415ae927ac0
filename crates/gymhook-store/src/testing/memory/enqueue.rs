//! Enqueues notifications: refuses conflicts, recognises repeats, and mends a delivery whose body was damaged.

use std::collections::BTreeMap;

use gymhook_delivery::{DeliveryId, DeliveryState, Enqueued};
use time::UtcDateTime;

use super::cut;
use super::tables::{Delivery, Tables};
use crate::mending::mended;
use crate::{DeliveryColumns, NewNotification, Refused, State, StoreTime};

impl Tables {
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
}
