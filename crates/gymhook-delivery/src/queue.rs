//! `Queue`: one endpoint's deliveries, waiting and finished, in lanes.
//!
//! First attempts and retries have a lane each, so that a backlog of old retries cannot block new deliveries. An
//! ordered endpoint has one lane, in the order of enqueueing, and only its head counts. Test events have a separate
//! lane: they wait for no other delivery, and none waits for them.

use crate::delivery::{Delivery, Phase};
use crate::due_heap::{Due, DueHeap};
use crate::slab::Slab;
use crate::timestamp::Timestamp;

/// The lanes of one endpoint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    ordered: bool,
    first_attempts: DueHeap,
    retries: DueHeap,
    tests: DueHeap,
    finished: DueHeap,
}

/// A lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    FirstAttempts,
    Retries,
    Tests,
}

/// When the head of each lane is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heads {
    pub(crate) first_attempt: Option<Timestamp>,
    pub(crate) retry: Option<Timestamp>,
    pub(crate) test: Option<Timestamp>,
}

impl Queue {
    pub(crate) fn new(ordered: bool) -> Self {
        Self { ordered, ..Self::default() }
    }

    /// Adds a delivery that waits or is finished; one in flight is not in the queue.
    pub(crate) fn push(&mut self, slot: u32, deliveries: &mut Slab<Delivery>) {
        let Some(delivery) = deliveries.get(slot) else { return };
        let due = Due::new(self.key(delivery), delivery.sequence(), slot);
        if let Some(heap) = self.heap(delivery) {
            heap.push(due, deliveries);
        }
    }

    /// Takes out a delivery that waits or is finished, before it changes.
    pub(crate) fn remove(&mut self, slot: u32, deliveries: &mut Slab<Delivery>) {
        let Some(delivery) = deliveries.get(slot) else { return };
        let place = deliveries.place(slot);
        if let Some(heap) = self.heap(delivery) {
            heap.remove(place, deliveries);
        }
    }

    /// Takes out the head of a lane.
    pub(crate) fn pop(&mut self, lane: Lane, deliveries: &mut Slab<Delivery>) -> Option<u32> {
        let heap = match lane {
            Lane::Tests => &mut self.tests,
            Lane::Retries if !self.ordered => &mut self.retries,
            Lane::Retries | Lane::FirstAttempts => &mut self.first_attempts,
        };
        heap.pop(deliveries).map(|due| due.slot)
    }

    /// Takes out the delivery that has been finished for the longest, if that was before `before`.
    pub(crate) fn pop_finished(&mut self, before: Timestamp, deliveries: &mut Slab<Delivery>) -> Option<u32> {
        self.finished.first().filter(|due| due.at < before)?;
        self.finished.pop(deliveries).map(|due| due.slot)
    }

    /// Sorts everything anew after a change of policy.
    pub(crate) fn set_ordered(&mut self, ordered: bool, deliveries: &mut Slab<Delivery>) {
        if self.ordered == ordered {
            return;
        }
        self.ordered = ordered;
        let lanes = [core::mem::take(&mut self.first_attempts), core::mem::take(&mut self.retries)];
        for due in lanes.iter().flat_map(DueHeap::iter) {
            self.push(due.slot, deliveries);
        }
    }

    pub(crate) fn heads(&self, deliveries: &Slab<Delivery>) -> Heads {
        let at = |lane: &DueHeap| lane.first().map(|due| due.at);
        let test = at(&self.tests);
        if !self.ordered {
            return Heads { first_attempt: at(&self.first_attempts), retry: at(&self.retries), test };
        }
        match self.ordered_head(deliveries) {
            Some(head) if head.attempt().is_retry() => {
                Heads { first_attempt: None, retry: Some(head.at()), test }
            }
            head => Heads { first_attempt: head.map(Delivery::at), retry: None, test },
        }
    }

    /// The delivery that all others of an ordered endpoint wait for.
    pub(crate) fn ordered_head<'a>(&self, deliveries: &'a Slab<Delivery>) -> Option<&'a Delivery> {
        let head = self.first_attempts.first().filter(|_| self.ordered)?;
        deliveries.get(head.slot)
    }

    /// How many wait, test events included.
    pub(crate) const fn waiting(&self) -> usize {
        self.first_attempts.len() + self.retries.len() + self.tests.len()
    }

    pub(crate) const fn waiting_tests(&self) -> usize {
        self.tests.len()
    }

    pub(crate) fn finished(&self) -> impl Iterator<Item = u32> {
        self.finished.iter().map(|due| due.slot)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        [&self.first_attempts, &self.retries, &self.tests, &self.finished]
            .into_iter()
            .flat_map(DueHeap::iter)
            .map(|due| due.slot)
    }

    /// In an ordered lane no delivery overtakes another, whenever it is due.
    fn key(&self, delivery: &Delivery) -> Timestamp {
        match delivery.phase() {
            Phase::Waiting if self.ordered && !delivery.is_test() => Timestamp::ranked(delivery.sequence()),
            Phase::Waiting | Phase::InFlight(_) | Phase::Finished(_) => delivery.at(),
        }
    }

    fn heap(&mut self, delivery: &Delivery) -> Option<&mut DueHeap> {
        match delivery.phase() {
            Phase::Waiting if delivery.is_test() => Some(&mut self.tests),
            Phase::Waiting if delivery.attempt().is_retry() && !self.ordered => Some(&mut self.retries),
            Phase::Waiting => Some(&mut self.first_attempts),
            Phase::Finished(_) => Some(&mut self.finished),
            Phase::InFlight(_) => None,
        }
    }
}
