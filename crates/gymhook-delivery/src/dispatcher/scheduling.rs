//! `settle`, `begin_next_attempt` and `wake_due_endpoints`, scheduling: the order in which endpoints become due, and
//! the ring in which those with work take turns.
//!
//! ```text
//!            due, gate open                 turn: one attempt
//!   wake ──────────────────────▶ ring ─────────────────────────▶ attempt, then back to the end of the ring,
//!   (by time)                    │  ▲                             to wake, or to idle
//!                 only retries,  ▼  │ a retry is granted
//!                 budget used up idle
//! ```
//!
//! Every step handles one endpoint. Between two turns of one endpoint every other one in the ring has its turn. An endpoint
//! that needs a retry beyond the budget queues for it: in the ring if it also has first attempts to send, otherwise idle.

use super::Dispatcher;
use crate::budget_queue::BudgetClaim;
use crate::due_heap::Due;
use crate::endpoint_slot::{EndpointSlot, Readiness};
use crate::gate::Gate;
use crate::queue::{Heads, Lane};
use crate::slab::Slab;
use crate::timestamp::Timestamp;
use crate::{Attempt, AttemptRef, DeliveryChange, EndpointChange, Limits, Output};

/// The number of due endpoints that are woken before the next attempt while others wait for their turn: more than one, so
/// that waking keeps up, and few, so that no step takes long.
const WOKEN_AT_ONCE: usize = 2;

/// Whether an endpoint belongs in the ring now, and when to check again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    readiness: Readiness,
    wake: Option<Timestamp>,
    retry: RetryPlan,
}

/// Whether an endpoint has a retry to send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RetryPlan {
    NotNow,
    Sends,
    Queues,
    /// Not until one of its attempts in flight has ended; it keeps its place in the queue for the budget.
    AtCapacity,
}

impl Dispatcher {
    /// Lets the endpoint whose turn it is begin an attempt, if there is one and a slot is free.
    pub(super) fn begin_next_attempt(&mut self) {
        loop {
            self.wake_due_endpoints();
            if !self.may_begin() {
                return;
            }
            self.grant_one_retry();
            let Some(slot) = self.ring.first() else { return };
            self.leave_ring(slot);
            if self.begin_attempt(slot).is_some() {
                return;
            }
            self.settle(slot);
        }
    }

    /// Whether another attempt may begin at all.
    pub(super) const fn may_begin(&self) -> bool {
        !self.draining && self.in_flight.len() < self.limits.max_in_flight().get() as usize
    }

    /// The earliest time at which there is something to do if nothing happens before.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        let lost = self.in_flight.first_lost();
        if !self.may_begin() {
            return lost;
        }
        let woken = self.wakes.first().map(|due| due.at);
        let granted =
            self.budget_queue.grants_from(self.now, |slot| has_capacity(&self.endpoints, &self.limits, slot));
        [lost, woken, granted].into_iter().flatten().min()
    }

    /// Reschedules an endpoint, after anything about it has changed.
    pub(super) fn settle(&mut self, slot: u32) {
        let Some(entry) = self.endpoints.get(slot) else { return };
        let plan = self.plan(entry);
        if entry.readiness != plan.readiness {
            self.leave_ring(slot);
            self.enter_ring(slot, plan.readiness);
        }
        self.set_wake(slot, plan.wake);
        self.set_claim(slot, plan.retry);
    }

    fn plan(&self, entry: &EndpointSlot) -> Plan {
        if entry.is_on_hold {
            return Plan { readiness: Readiness::Idle, wake: None, retry: RetryPlan::NotNow };
        }
        let now = self.now.reached;
        let heads = entry.queue.heads(&self.deliveries);
        let is_due = |head: Option<Timestamp>| head.is_some_and(|due| due <= now);
        let test = self.test_due(entry, heads);
        let Gate::From(gate) = entry.endpoint.gate(&self.limits) else {
            let queues = entry.endpoint.is_only_busy(&self.limits) && is_due(heads.retry);
            let retry = if queues { RetryPlan::AtCapacity } else { RetryPlan::NotNow };
            return match is_due(test) {
                true => Plan { readiness: Readiness::Ready, wake: None, retry },
                false => Plan { readiness: Readiness::Idle, wake: test, retry },
            };
        };
        let first_attempt = heads.first_attempt.map(|due| due.max(gate));
        let retry = heads.retry.map(|due| due.max(gate));
        let retry_plan = match is_due(retry) {
            false => RetryPlan::NotNow,
            true if self.budget_queue.allows_retry(entry.claim, self.now) => RetryPlan::Sends,
            true => RetryPlan::Queues,
        };
        if is_due(test) || is_due(first_attempt) || retry_plan == RetryPlan::Sends {
            return Plan { readiness: Readiness::Ready, wake: None, retry: retry_plan };
        }
        let retry = retry.filter(|_| retry_plan == RetryPlan::NotNow);
        let wake = [test, first_attempt, retry].into_iter().flatten().min();
        Plan { readiness: Readiness::Idle, wake, retry: retry_plan }
    }

    /// From when on a test event may go out, if one waits.
    fn test_due(&self, entry: &EndpointSlot, heads: Heads) -> Option<Timestamp> {
        match entry.endpoint.test_gate(&self.limits) {
            Gate::From(gate) => heads.test.map(|due| due.max(gate)),
            Gate::Shut => None,
        }
    }

    pub(super) fn enter_ring(&mut self, slot: u32, readiness: Readiness) {
        let Some(entry) = self.endpoints.get_mut(slot) else { return };
        entry.readiness = readiness;
        match readiness {
            Readiness::Idle => {}
            Readiness::Ready => self.ring.push(slot, &mut self.endpoints),
        }
    }

    pub(super) fn leave_ring(&mut self, slot: u32) {
        let Some(entry) = self.endpoints.get_mut(slot) else { return };
        match core::mem::replace(&mut entry.readiness, Readiness::Idle) {
            Readiness::Idle => {}
            Readiness::Ready => self.ring.remove(slot, &mut self.endpoints),
        }
    }

    pub(super) fn set_wake(&mut self, slot: u32, wake: Option<Timestamp>) {
        let Some(entry) = self.endpoints.get_mut(slot) else { return };
        if entry.wake == wake {
            return;
        }
        let (before, sequence) = (core::mem::replace(&mut entry.wake, wake), entry.sequence);
        let place = self.endpoints.place(slot);
        match (before, wake) {
            (Some(_), Some(at)) => {
                self.wakes.replace(place, Due::new(at, sequence, slot), &mut self.endpoints)
            }
            (Some(_), None) => self.wakes.remove(place, &mut self.endpoints),
            (None, Some(at)) => self.wakes.push(Due::new(at, sequence, slot), &mut self.endpoints),
            (None, None) => {}
        }
    }

    fn wake_due_endpoints(&mut self) {
        let mut woken = 0;
        while let Some(due) = self.wakes.first().filter(|due| due.at <= self.now.reached) {
            if self.ring.first().is_some() && woken >= WOKEN_AT_ONCE {
                return;
            }
            self.set_wake(due.slot, None);
            self.settle(due.slot);
            woken += 1;
        }
    }

    /// Grants a retry, if the budget has one, to the endpoint that has waited longest for it.
    fn grant_one_retry(&mut self) {
        let could_send = |slot| has_capacity(&self.endpoints, &self.limits, slot);
        let Some((slot, claim)) = self.budget_queue.grant(self.now, could_send) else { return };
        if let Some(entry) = self.endpoints.get_mut(slot) {
            entry.claim = claim;
        }
        self.settle(slot);
    }

    fn set_claim(&mut self, slot: u32, plan: RetryPlan) {
        let Some(entry) = self.endpoints.get_mut(slot) else { return };
        match (entry.claim, plan) {
            (BudgetClaim::Nothing, RetryPlan::Queues) => entry.claim = self.budget_queue.join(slot),
            (claim, RetryPlan::AtCapacity) => entry.claim = self.budget_queue.give_back(claim, slot),
            (_, RetryPlan::NotNow) => self.drop_claim(slot),
            (_, RetryPlan::Sends | RetryPlan::Queues) => {}
        }
    }

    pub(super) fn drop_claim(&mut self, slot: u32) {
        if let Some(entry) = self.endpoints.get_mut(slot) {
            self.budget_queue.withdraw(core::mem::take(&mut entry.claim), slot);
        }
    }

    /// Begins an attempt of the delivery whose turn it is at this endpoint; `None` if there is none.
    fn begin_attempt(&mut self, slot: u32) -> Option<()> {
        let lane = self.choose_lane(slot)?;
        let entry = self.endpoints.get_mut(slot)?;
        let delivery_slot = entry.queue.pop(lane, &mut self.deliveries)?;
        match lane {
            Lane::FirstAttempts => entry.retries_next = true,
            Lane::Retries => entry.retries_next = false,
            Lane::Tests => {}
        }
        let deadline = self.now.reached.after(entry.endpoint.policy().retry().attempt_timeout());
        let lost_at = deadline.after(self.limits.answer_grace());
        let probe = entry.endpoint.attempt_begins(lane == Lane::Tests, self.now);
        let rated = entry.endpoint.policy().rate().is_some();
        let (endpoint, lease) = (entry.endpoint.id(), entry.endpoint.lease());
        let delivery = self.deliveries.get_mut(delivery_slot)?;
        delivery.begin(lost_at, probe).ok()?;
        let attempt = Attempt {
            attempt: AttemptRef { delivery: delivery.id(), endpoint, send: delivery.sends(), lease },
            sequence: delivery.sequence(),
            number: delivery.attempt(),
            round: delivery.round(),
            deadline: deadline.to_utc(),
            test: delivery.is_test(),
            probe,
        };
        self.in_flight.begin(delivery_slot, &mut self.deliveries);
        if attempt.number.is_retry() {
            self.drop_claim(slot);
        }
        self.budget_queue.attempt_began(attempt.number, self.now);
        if rated {
            self.record_endpoint(slot, EndpointChange::TokenTaken);
        }
        self.record_delivery(delivery_slot, DeliveryChange::AttemptBegan);
        self.outbox.push_back(Output::Attempt(attempt));
        self.settle(slot);
        Some(())
    }

    fn choose_lane(&self, slot: u32) -> Option<Lane> {
        let entry = self.endpoints.get(slot)?;
        let heads = entry.queue.heads(&self.deliveries);
        let is_due = |head: Option<Timestamp>| head.is_some_and(|due| due <= self.now.reached);
        if is_due(self.test_due(entry, heads)) {
            return Some(Lane::Tests);
        }
        // What brought it here may have been a test event.
        let Gate::From(gate) = entry.endpoint.gate(&self.limits) else { return None };
        if gate > self.now.reached {
            return None;
        }
        let retry = is_due(heads.retry) && self.budget_queue.allows_retry(entry.claim, self.now);
        match (is_due(heads.first_attempt), retry) {
            (true, true) if entry.retries_next => Some(Lane::Retries),
            (true, _) => Some(Lane::FirstAttempts),
            (false, true) => Some(Lane::Retries),
            (false, false) => None,
        }
    }
}

/// Whether the endpoint in this slot may have another attempt in flight.
fn has_capacity(endpoints: &Slab<EndpointSlot>, limits: &Limits, slot: u32) -> bool {
    endpoints.get(slot).is_some_and(|entry| !entry.endpoint.is_at_capacity(limits))
}
