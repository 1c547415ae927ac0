//! `InFlight`: the attempts in flight, and when each of them counts as lost.

use std::collections::BTreeMap;

use crate::DeliveryId;
use crate::delivery::Delivery;
use crate::due_heap::{Due, DueHeap};
use crate::slab::Slab;
use crate::timestamp::Timestamp;

/// The attempts in flight.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight {
    by_delivery: BTreeMap<DeliveryId, u32>,
    lost: DueHeap,
    begun: u64,
}

impl InFlight {
    /// An attempt of the delivery in this slot is in flight.
    pub(crate) fn begin(&mut self, slot: u32, deliveries: &mut Slab<Delivery>) {
        let Some(delivery) = deliveries.get(slot) else { return };
        self.by_delivery.insert(delivery.id(), slot);
        let due = Due::new(delivery.at(), self.begun, slot);
        self.begun += 1;
        self.lost.push(due, deliveries);
    }

    /// The attempt of the delivery in this slot is no longer in flight.
    pub(crate) fn end(&mut self, slot: u32, deliveries: &mut Slab<Delivery>) {
        let Some(delivery) = deliveries.get(slot) else { return };
        if self.by_delivery.remove(&delivery.id()).is_some() {
            self.lost.remove(deliveries.place(slot), deliveries);
        }
    }

    /// The slot of a delivery of which an attempt is in flight.
    pub(crate) fn find(&self, delivery: DeliveryId) -> Option<u32> {
        self.by_delivery.get(&delivery).copied()
    }

    pub(crate) const fn len(&self) -> usize {
        self.lost.len()
    }

    /// When the next attempt counts as lost.
    pub(crate) fn first_lost(&self) -> Option<Timestamp> {
        self.lost.first().map(|due| due.at)
    }

    /// The delivery whose attempt is the next to count as lost, if it does by `now`.
    pub(crate) fn lost_by(&self, now: Timestamp) -> Option<u32> {
        self.lost.first().filter(|due| due.at <= now).map(|due| due.slot)
    }

    /// All of them, in the order in which they would be lost.
    pub(crate) fn slots(&self) -> Vec<u32> {
        let mut in_flight: Vec<Due> = self.lost.iter().collect();
        in_flight.sort_unstable_by_key(Due::key);
        in_flight.into_iter().map(|due| due.slot).collect()
    }
}
