//! What outlives every process: rows, fenced by leases; and the ledger of what really went on the wire.

use std::collections::{BTreeMap, BTreeSet};

use gymhook_delivery::{
    Attempt, AttemptRef, DeliveryChange, DeliveryId, DeliveryRecord, DeliveryState, End, EndpointId,
    EndpointRecord, EndpointStatus, LeaseEpoch, Record,
};

use crate::settings::Settings;
use crate::violation::{Promise, Violation};
use crate::words;

/// What outlives every process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) endpoints: BTreeMap<EndpointId, Row>,
    pub(crate) deliveries: BTreeMap<DeliveryId, DeliveryRecord>,
    ended: BTreeMap<(DeliveryId, u32), End>,
    sent: BTreeSet<AttemptRef>,
    /// How often each attempt number of each round was sent, and how often a fault of this side gave it back.
    numbers: BTreeMap<(DeliveryId, u32, u32), Sends>,
    /// By which rounds of which deliveries something was accepted, and under which lease it had been sent.
    accepted: BTreeSet<(DeliveryId, u32, LeaseEpoch)>,
}

/// An endpoint, who may write about it, and under which lease.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) record: EndpointRecord,
    pub(crate) settings: Settings,
    pub(crate) lease: LeaseEpoch,
    pub(crate) owner: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sends {
    sent: u32,
    given_back: u32,
}

impl Store {
    /// Whose word about this endpoint counts.
    pub(crate) fn is_owned(&self, endpoint: EndpointId, lease: Option<LeaseEpoch>) -> bool {
        self.endpoints.get(&endpoint).is_some_and(|row| Some(row.lease) == lease)
    }

    /// Writes a record of the lease's present holder down.
    pub(crate) fn write(&mut self, record: &Record) -> Result<(), Violation> {
        match record {
            Record::LateAnswer(_) => Ok(()),
            Record::Endpoint { endpoint, .. } => {
                if let Some(row) = self.endpoints.get_mut(&endpoint.id) {
                    row.record = *endpoint;
                }
                Ok(())
            }
            Record::Delivery { change, delivery } => {
                self.follows(delivery)?;
                if let DeliveryChange::Ended(end) = change {
                    self.ends(delivery, *end)?;
                }
                self.deliveries.insert(delivery.id, *delivery);
                Ok(())
            }
        }
    }

    /// A delivery's name stays, and its counters never go back.
    fn follows(&self, new: &DeliveryRecord) -> Result<(), Violation> {
        let Some(old) = self.deliveries.get(&new.id) else { return Ok(()) };
        let same = (old.endpoint, old.body, old.test, old.sequence)
            == (new.endpoint, new.body, new.test, new.sequence);
        Promise::SameIdentity.require(same, || became(old, new))?;
        let onward = (old.round, old.attempt) <= (new.round, new.attempt) && old.sends <= new.sends;
        Promise::BoundedAttempts.require(onward, || became(old, new))
    }

    fn ends(&mut self, delivery: &DeliveryRecord, end: End) -> Result<(), Violation> {
        let round = (delivery.id, delivery.round.get());
        let before = self.ended.insert(round, end);
        Promise::OneTerminalRecord.require(before.is_none(), || {
            format!("{before:?}, and then again: {}", words::delivery_record(delivery))
        })?;
        let is_true = end != End::Delivered || self.has_accepted(delivery);
        Promise::AtLeastOnce
            .require(is_true, || format!("nobody accepted {}", words::delivery_record(delivery)))
    }

    /// A request goes on the wire.
    pub(crate) fn sends(&mut self, attempt: &Attempt) -> Result<(), Violation> {
        let new = self.sent.insert(attempt.attempt);
        Promise::SameIdentity.require(new, || format!("sent before: {attempt:?}"))?;
        let row = self.endpoints.get(&attempt.attempt.endpoint);
        let is_enabled = row.is_some_and(|row| row.record.status == EndpointStatus::Enabled);
        Promise::NothingToDisabled
            .require(is_enabled || attempt.test, || format!("{attempt:?} to {row:?}"))?;
        let is_recorded = self.deliveries.get(&attempt.attempt.delivery).is_some_and(|delivery| {
            delivery.sends >= attempt.attempt.send && matches!(delivery.state, DeliveryState::InFlight { .. })
        });
        Promise::RecordsFirst.require(is_recorded, || format!("nothing saved says that {attempt:?}"))?;
        let sends = self.numbers.entry(number_of(attempt)).or_default();
        sends.sent += 1;
        Promise::BoundedAttempts.require(sends.sent <= 1 + sends.given_back, || {
            format!("attempt {} was sent {} times: {attempt:?}", attempt.number, sends.sent)
        })
    }

    /// A fault of this side was reported, so the attempt's number may come again.
    pub(crate) fn gives_back(&mut self, attempt: &Attempt) {
        self.numbers.entry(number_of(attempt)).or_default().given_back += 1;
    }

    /// The receiver has it.
    pub(crate) fn accepts(&mut self, attempt: &Attempt) {
        let AttemptRef { delivery, lease, .. } = attempt.attempt;
        self.accepted.insert((delivery, attempt.round.get(), lease));
    }

    /// What this owner may write about.
    pub(crate) fn leave_only(&mut self, owner: usize) {
        self.endpoints.retain(|_, row| row.owner == owner);
        let rows = &self.endpoints;
        self.deliveries.retain(|_, delivery| rows.contains_key(&delivery.endpoint));
        let deliveries = &self.deliveries;
        self.ended.retain(|(id, _), _| deliveries.contains_key(id));
        self.numbers.retain(|(id, ..), _| deliveries.contains_key(id));
        self.accepted.retain(|(id, ..)| deliveries.contains_key(id));
    }

    /// How often this attempt number of a delivery was sent, and how often a fault of this side gave it back.
    pub(crate) fn sends_of(&self, delivery: &DeliveryRecord) -> (u32, u32) {
        let number = (delivery.id, delivery.round.get(), delivery.attempt.get());
        self.numbers.get(&number).map_or((0, 0), |sends| (sends.sent, sends.given_back))
    }

    /// Whether something of this delivery's present round was accepted that was sent under the present lease.
    pub(crate) fn has_accepted(&self, delivery: &DeliveryRecord) -> bool {
        let row = self.endpoints.get(&delivery.endpoint);
        row.is_some_and(|row| self.accepted.contains(&(delivery.id, delivery.round.get(), row.lease)))
    }

    pub(crate) fn rounds_ended(&self) -> usize {
        self.ended.len()
    }
}

fn became(old: &DeliveryRecord, new: &DeliveryRecord) -> String {
    format!("{}\n  became {}", words::delivery_record(old), words::delivery_record(new))
}

fn number_of(attempt: &Attempt) -> (DeliveryId, u32, u32) {
    (attempt.attempt.delivery, attempt.round.get(), attempt.number.get())
}
