//! `Tables`, the rows of the store in memory, how they are changed and read, and how a test damages them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, EndpointRecord, LeaseEpoch};
use time::UtcDateTime;
use uuid::Uuid;

use crate::StoreTime;
use crate::{
    Announcement, ApiKeyRow, AttemptRow, Command, DeliveryColumns, Journal, JournalRow, LeaseHolder, Notice,
    State, SubscriptionRow, WorkerId,
};

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) subscriptions: BTreeMap<EndpointId, Subscription>,
    /// By sequence number.
    pub(super) deliveries: BTreeMap<u64, Delivery>,
    pub(super) sequences: BTreeMap<DeliveryId, u64>,
    /// The sequence number of the last one kept with this fingerprint.
    pub(super) fingerprints: BTreeMap<(EndpointId, [u8; 32]), u64>,
    pub(super) by_state: BTreeSet<InState>,
    pub(super) commands: BTreeMap<i64, WaitingCommand>,
    pub(super) announcements: BTreeMap<WorkerId, Announcement>,
    pub(super) api_keys: BTreeMap<Uuid, ApiKeyRow>,
    /// In the order in which they were written.
    pub(super) notices: Vec<HeldNotice>,
    /// By journal and number.
    pub(super) journals: BTreeMap<(Journal, u64), JournalRow>,
    pub(super) last_journal_numbers: BTreeMap<Journal, u64>,
    pub(super) last_sequence: u64,
    pub(super) last_command: i64,
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
    pub(super) fn in_state(&self, sequence: u64) -> InState {
        let columns = &self.columns;
        InState { endpoint: columns.endpoint.into(), state: columns.state, at: columns.at, sequence }
    }
}

impl Tables {
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

    /// The records of these rows, and the number of those that could not be read and were quarantined.
    pub(super) fn read_or_quarantine(&mut self, sequences: &[u64]) -> (Vec<DeliveryRecord>, u64) {
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
