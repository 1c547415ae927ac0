//! `Snapshot`: the whole machine as a value that can be stored as JSON and restored.

use gymhook_retry::RetryBudget;
use serde::{Deserialize, Serialize};
use time::UtcDateTime;

use super::Dispatcher;
use crate::budget_queue::BudgetClaim;
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::endpoint_slot::Readiness;
use crate::timestamp::Timestamp;
use crate::{
    DeliveryId, DeliveryRecord, EndpointId, EndpointPolicy, EndpointRecord, LeaseEpoch, Limits, Output,
};

/// The whole machine as a value: everything held, including attempts in flight and outputs not polled yet.
///
/// It has no bodies, URLs or secrets, because the machine has none. Two machines that received the same calls have equal
/// snapshots, byte for byte.
///
/// ```
/// use core::num::NonZeroU32;
/// use gymhook_delivery::{Dispatcher, Limits, Snapshot};
/// use time::macros::utc_datetime;
///
/// let dispatcher = Dispatcher::new(Limits::new(NonZeroU32::MIN), None, utc_datetime!(2026-01-01 12:00));
/// let json = serde_json::to_vec(&dispatcher.snapshot())?;
///
/// let restored = Dispatcher::restore(Snapshot::from_json(&json)?)?;
/// assert_eq!(restored.now(), utc_datetime!(2026-01-01 12:00));
/// assert!(Snapshot::from_json(&json[..json.len() / 2]).unwrap_err().is_cut_short());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u32,
    endpoints_held: usize,
    deliveries_held: usize,
    limits: Limits,
    now: Moment,
    draining: bool,
    budget: Option<RetryBudget>,
    next_sequence: u64,
    endpoints: Vec<EndpointSnapshot>,
    ring: Vec<EndpointId>,
    /// The endpoints that wait for the retry budget, in the order of the queue.
    budget_queue: Vec<EndpointId>,
    deliveries: Vec<DeliveryRecord>,
    in_flight: Vec<DeliveryId>,
    outbox: Vec<Output>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EndpointSnapshot {
    endpoint: EndpointRecord,
    policy: EndpointPolicy,
    lease: LeaseEpoch,
    retries_next: bool,
    retry_granted: bool,
    wake: Option<i64>,
}

/// `now` to the nanosecond, so that a restored machine computes exactly as the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Moment {
    seconds: i64,
    nanoseconds: u32,
}

/// The part that a reader of any version understands.
#[derive(Deserialize)]
struct Header {
    version: u32,
}

impl Snapshot {
    /// The version that this crate writes, and the only one that it reads.
    pub const VERSION: u32 = 1;

    /// Reads a snapshot that was written as JSON.
    ///
    /// # Errors
    ///
    /// Each means that the stored bytes were changed:
    ///
    /// - [`SnapshotError::CutShort`]: the text ends too early.
    /// - [`SnapshotError::OtherVersion`]: it was written by another version of this crate.
    /// - [`SnapshotError::Malformed`]: it is not a snapshot.
    pub fn from_json(json: &[u8]) -> Result<Self, SnapshotError> {
        let header: Header = serde_json::from_slice(json).map_err(SnapshotError::from_json)?;
        if header.version != Self::VERSION {
            return Err(SnapshotError::OtherVersion { found: header.version });
        }
        serde_json::from_slice(json).map_err(SnapshotError::from_json)
    }
}

impl Dispatcher {
    /// The whole machine as a value.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: Snapshot::VERSION,
            endpoints_held: self.endpoints.len(),
            deliveries_held: self.deliveries.len(),
            limits: self.limits.clone(),
            now: Moment { seconds: self.now.utc.unix_timestamp(), nanoseconds: self.now.utc.nanosecond() },
            draining: self.draining,
            budget: self.budget_queue.budget().cloned(),
            next_sequence: self.next_sequence,
            endpoints: self.endpoint_snapshots(),
            ring: self.endpoint_ids(self.ring.iter(&self.endpoints)),
            budget_queue: self.endpoint_ids(self.budget_queue.waiting()),
            deliveries: self.by_id.values().filter_map(|slot| self.delivery_record(*slot)).collect(),
            in_flight: self.in_flight.slots().into_iter().filter_map(|slot| self.delivery_id(slot)).collect(),
            outbox: self.outbox.iter().cloned().collect(),
        }
    }

    /// A machine that continues exactly where the snapshot's machine stopped, including attempts in flight.
    ///
    /// If the process that had sent those is gone, call [`Dispatcher::lose_attempts_under_way`] next.
    ///
    /// # Errors
    ///
    /// Each means that the stored snapshot was changed:
    ///
    /// - [`SnapshotError::OtherVersion`]: it was written by another version of this crate.
    /// - [`SnapshotError::CutShort`]: something is missing from it.
    /// - [`SnapshotError::Inconsistent`]: its parts contradict one another.
    pub fn restore(snapshot: Snapshot) -> Result<Self, SnapshotError> {
        if snapshot.version != Snapshot::VERSION {
            return Err(SnapshotError::OtherVersion { found: snapshot.version });
        }
        if snapshot.endpoints.len() < snapshot.endpoints_held
            || snapshot.deliveries.len() < snapshot.deliveries_held
        {
            return Err(SnapshotError::CutShort);
        }
        let mut dispatcher = Self::new(snapshot.limits, snapshot.budget, snapshot.now.to_utc()?);
        dispatcher.draining = snapshot.draining;
        dispatcher.outbox = snapshot.outbox.into();
        let wakes = dispatcher.restore_endpoints(snapshot.endpoints)?;
        dispatcher.restore_deliveries(&snapshot.deliveries, &snapshot.in_flight)?;
        dispatcher.next_sequence = dispatcher.next_sequence.max(snapshot.next_sequence);
        dispatcher.restore_ring(&snapshot.ring)?;
        dispatcher.restore_budget_queue(&snapshot.budget_queue)?;
        for (slot, wake) in wakes {
            dispatcher.set_wake(slot, wake);
        }
        Ok(dispatcher)
    }

    fn restore_endpoints(
        &mut self,
        endpoints: Vec<EndpointSnapshot>,
    ) -> Result<Vec<(u32, Option<Timestamp>)>, SnapshotError> {
        let mut wakes = Vec::with_capacity(endpoints.len());
        for EndpointSnapshot { endpoint, policy, lease, retries_next, retry_granted, wake } in endpoints {
            let restored = Endpoint::from_record(&endpoint, policy, lease);
            let slot = self.insert_endpoint(restored).map_err(|_| SnapshotError::Inconsistent)?;
            if let Some(entry) = self.endpoints.get_mut(slot) {
                entry.retries_next = retries_next;
                if retry_granted {
                    entry.claim = self.budget_queue.grant_again();
                }
            }
            wakes.push((slot, wake.map(Timestamp::from_micros)));
        }
        Ok(wakes)
    }

    /// Those in flight come first, in the order in which they would be lost.
    fn restore_deliveries(
        &mut self,
        deliveries: &[DeliveryRecord],
        in_flight: &[DeliveryId],
    ) -> Result<(), SnapshotError> {
        for id in in_flight {
            let found = deliveries.binary_search_by_key(id, |record| record.id).ok();
            let record = found.and_then(|at| deliveries.get(at)).ok_or(SnapshotError::Inconsistent)?;
            self.insert_recorded(record).map_err(|_| SnapshotError::Inconsistent)?;
        }
        let flying = self.in_flight.len();
        for record in deliveries {
            if !self.by_id.contains_key(&record.id) {
                self.insert_recorded(record).map_err(|_| SnapshotError::Inconsistent)?;
            }
        }
        let all_there = flying == in_flight.len()
            && flying == self.in_flight.len()
            && self.by_id.len() == deliveries.len();
        if all_there { Ok(()) } else { Err(SnapshotError::Inconsistent) }
    }

    fn restore_ring(&mut self, endpoints: &[EndpointId]) -> Result<(), SnapshotError> {
        for endpoint in endpoints {
            let slot = self.endpoint_slot(*endpoint).ok_or(SnapshotError::Inconsistent)?;
            if self.endpoints.get(slot).is_none_or(|entry| entry.readiness != Readiness::Idle) {
                return Err(SnapshotError::Inconsistent);
            }
            self.enter_ring(slot, Readiness::Ready);
        }
        Ok(())
    }

    fn restore_budget_queue(&mut self, endpoints: &[EndpointId]) -> Result<(), SnapshotError> {
        for endpoint in endpoints {
            let slot = self.endpoint_slot(*endpoint).ok_or(SnapshotError::Inconsistent)?;
            let entry = self.endpoints.get_mut(slot).filter(|entry| entry.claim == BudgetClaim::Nothing);
            entry.ok_or(SnapshotError::Inconsistent)?.claim = self.budget_queue.join(slot);
        }
        Ok(())
    }

    fn endpoint_snapshots(&self) -> Vec<EndpointSnapshot> {
        let mut endpoints: Vec<_> =
            self.endpoints_by_id.values().filter_map(|slot| self.endpoints.get(*slot)).collect();
        endpoints.sort_unstable_by_key(|entry| entry.sequence);
        let snapshot = |entry: &crate::endpoint_slot::EndpointSlot| EndpointSnapshot {
            endpoint: entry.endpoint.record(),
            policy: entry.endpoint.policy().clone(),
            lease: entry.endpoint.lease(),
            retries_next: entry.retries_next,
            retry_granted: matches!(entry.claim, BudgetClaim::Granted(_)),
            wake: entry.wake.map(Timestamp::micros),
        };
        endpoints.into_iter().map(snapshot).collect()
    }

    fn endpoint_ids(&self, slots: impl Iterator<Item = u32>) -> Vec<EndpointId> {
        slots.filter_map(|slot| self.endpoints.get(slot)).map(|entry| entry.endpoint.id()).collect()
    }

    fn delivery_record(&self, slot: u32) -> Option<DeliveryRecord> {
        let delivery = self.deliveries.get(slot)?;
        let entry = self.endpoints.get(delivery.endpoint())?;
        Some(delivery.record(entry.endpoint.id()))
    }

    fn delivery_id(&self, slot: u32) -> Option<DeliveryId> {
        self.deliveries.get(slot).map(Delivery::id)
    }
}

impl Moment {
    fn to_utc(self) -> Result<UtcDateTime, SnapshotError> {
        let whole = UtcDateTime::from_unix_timestamp(self.seconds);
        whole
            .and_then(|whole| whole.replace_nanosecond(self.nanoseconds))
            .map_err(|_| SnapshotError::Inconsistent)
    }
}

/// Why a snapshot was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Something is missing at its end.
    #[error("the snapshot is truncated: restore an older one")]
    CutShort,
    /// Its parts contradict one another.
    #[error("the snapshot is inconsistent: restore an older one")]
    Inconsistent,
    /// It is not a snapshot.
    #[error("these bytes are not a snapshot")]
    Malformed(#[source] serde_json::Error),
    /// It was written by another version of this crate.
    #[error(
        "the snapshot has version {found}, not {}: use the version of this crate that wrote it",
        Snapshot::VERSION
    )]
    OtherVersion {
        /// Its version.
        found: u32,
    },
}

impl SnapshotError {
    fn from_json(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::CutShort } else { Self::Malformed(error) }
    }

    /// Whether the snapshot is truncated, so that an older copy may be complete.
    #[must_use]
    pub const fn is_cut_short(&self) -> bool {
        matches!(self, Self::CutShort)
    }
}
