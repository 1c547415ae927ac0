//! Whose turn it is: the due order over endpoints, and the ring in which those with work take turns.
//!
//! ```text
//!            due, gate open                 turn: one attempt
//!   wake ──────────────────────▶ ring ─────────────────────────▶ attempt, then back to the end of the ring,
//!   (by time)                    │  ▲                             to wake, or to idle
//!                 only retries,  ▼  │ a retry is granted
//!                 budget used up idle
//! ```
//!
//! Every step handles one endpoint. Between two turns of one endpoint every other one in the ring has its turn. Whoever
//! wants a retry that the budget does not have queues for it, in the ring with first attempts or idle without.

use super::Dispatcher;
use crate::due_heap::Due;
use crate::endpoint::Gate;
use crate::line::{Line, Turn};
use crate::queue::{Heads, Lane};
use crate::slab::Slab;
use crate::spending::BudgetClaim;
use crate::tick::Tick;
use crate::{Attempt, AttemptRef, DeliveryChange, EndpointChange, Limits, Output};

/// While endpoints wait for their turn, so many more are woken before the next attempt: more than one, so that being
/// woken never falls behind, and few, so that no step is long.
const WOKEN_AT_ONCE: usize = 2;

/// Where an endpoint belongs now, and when to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    turn: Turn,
    wake: Option<Tick>,
    retry: RetryPlan,
}

/// Whether an endpoint has a retry to send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RetryPlan {
    NotNow,
    Sends,
    Queues,
    /// As soon as one of the endpoint's own attempts under way has ended: its place in the queue for the budget waits.
    HandsFull,
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
            self.leave_circle(slot);
            if self.begin_attempt(slot).is_some() {
                return;
            }
            self.settle(slot);
        }
    }

    /// Whether another attempt may begin at all.
    pub(super) const fn may_begin(&self) -> bool {
        !self.draining && self.flights.len() < self.limits.max_in_flight().get() as usize
    }

    /// The earliest moment at which there is something to do without anything having happened.
    pub(super) fn next_wake(&self) -> Option<Tick> {
        let lost = self.flights.first_lost();
        if !self.may_begin() {
            return lost;
        }
        let woken = self.wakes.first().map(|due| due.at);
        let granted =
            self.spending.grants_from(self.now, |slot| has_hands_free(&self.lines, &self.limits, slot));
        [lost, woken, granted].into_iter().flatten().min()
    }

    /// Puts an endpoint where it belongs, after anything about it has changed.
    pub(super) fn settle(&mut self, slot: u32) {
        let Some(line) = self.lines.get(slot) else { return };
        let plan = self.plan(line);
        if line.turn != plan.turn {
            self.leave_circle(slot);
            self.enter_circle(slot, plan.turn);
        }
        self.set_wake(slot, plan.wake);
        self.set_claim(slot, plan.retry);
    }

    fn plan(&self, line: &Line) -> Plan {
        let now = self.now.reached;
        let heads = line.queue.heads(&self.deliveries);
        let is_due = |head: Option<Tick>| head.is_some_and(|due| due <= now);
        let test = self.test_due(line, heads);
        let Gate::From(gate) = line.endpoint.gate(&self.limits) else {
            let queues = line.endpoint.is_only_busy(&self.limits) && is_due(heads.retry);
            let retry = if queues { RetryPlan::HandsFull } else { RetryPlan::NotNow };
            return match is_due(test) {
                true => Plan { turn: Turn::Ring, wake: None, retry },
                false => Plan { turn: Turn::Idle, wake: test, retry },
            };
        };
        let first_attempt = heads.first_attempt.map(|due| due.max(gate));
        let retry = heads.retry.map(|due| due.max(gate));
        let retry_plan = match is_due(retry) {
            false => RetryPlan::NotNow,
            true if self.spending.allows_retry(line.claim, self.now) => RetryPlan::Sends,
            true => RetryPlan::Queues,
        };
        if is_due(test) || is_due(first_attempt) || retry_plan == RetryPlan::Sends {
            return Plan { turn: Turn::Ring, wake: None, retry: retry_plan };
        }
        let retry = retry.filter(|_| retry_plan == RetryPlan::NotNow);
        let wake = [test, first_attempt, retry].into_iter().flatten().min();
        Plan { turn: Turn::Idle, wake, retry: retry_plan }
    }

    /// From when on a test event may go out, if one waits.
    fn test_due(&self, line: &Line, heads: Heads) -> Option<Tick> {
        match line.endpoint.test_gate(&self.limits) {
            Gate::From(gate) => heads.test.map(|due| due.max(gate)),
            Gate::Shut => None,
        }
    }

    pub(super) fn enter_circle(&mut self, slot: u32, turn: Turn) {
        let Some(line) = self.lines.get_mut(slot) else { return };
        line.turn = turn;
        match turn {
            Turn::Idle => {}
            Turn::Ring => self.ring.push(slot, &mut self.lines),
        }
    }

    pub(super) fn leave_circle(&mut self, slot: u32) {
        let Some(line) = self.lines.get_mut(slot) else { return };
        match core::mem::replace(&mut line.turn, Turn::Idle) {
            Turn::Idle => {}
            Turn::Ring => self.ring.remove(slot, &mut self.lines),
        }
    }

    pub(super) fn set_wake(&mut self, slot: u32, wake: Option<Tick>) {
        let Some(line) = self.lines.get_mut(slot) else { return };
        if line.wake == wake {
            return;
        }
        let (before, order) = (core::mem::replace(&mut line.wake, wake), line.order);
        let place = self.lines.place(slot);
        match (before, wake) {
            (Some(_), Some(at)) => self.wakes.replace(place, Due::new(at, order, slot), &mut self.lines),
            (Some(_), None) => self.wakes.remove(place, &mut self.lines),
            (None, Some(at)) => self.wakes.push(Due::new(at, order, slot), &mut self.lines),
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

    /// Lets the endpoint that has waited for the retry budget for the longest queue for its turn, if that has a retry.
    fn grant_one_retry(&mut self) {
        let could_send = |slot| has_hands_free(&self.lines, &self.limits, slot);
        let Some((slot, claim)) = self.spending.grant(self.now, could_send) else { return };
        if let Some(line) = self.lines.get_mut(slot) {
            line.claim = claim;
        }
        self.settle(slot);
    }

    fn set_claim(&mut self, slot: u32, plan: RetryPlan) {
        let Some(line) = self.lines.get_mut(slot) else { return };
        match (line.claim, plan) {
            (BudgetClaim::Nothing, RetryPlan::Queues) => line.claim = self.spending.join(slot),
            (claim, RetryPlan::HandsFull) => line.claim = self.spending.give_back(claim, slot),
            (_, RetryPlan::NotNow) => self.drop_claim(slot),
            (_, RetryPlan::Sends | RetryPlan::Queues) => {}
        }
    }

    pub(super) fn drop_claim(&mut self, slot: u32) {
        if let Some(line) = self.lines.get_mut(slot) {
            self.spending.withdraw(core::mem::take(&mut line.claim), slot);
        }
    }

    /// Begins an attempt of the delivery whose turn it is at this endpoint; `None` if there is none after all.
    fn begin_attempt(&mut self, slot: u32) -> Option<()> {
        let lane = self.choose_lane(slot)?;
        let line = self.lines.get_mut(slot)?;
        let delivery_slot = line.queue.pop(lane, &mut self.deliveries)?;
        match lane {
            Lane::FirstAttempts => line.retries_next = true,
            Lane::Retries => line.retries_next = false,
            Lane::Tests => {}
        }
        let deadline = self.now.reached.later(line.endpoint.policy().retry().attempt_timeout());
        let lost_at = deadline.later(self.limits.answer_grace());
        let probe = line.endpoint.attempt_begins(lane == Lane::Tests, self.now);
        let rated = line.endpoint.policy().rate().is_some();
        let (endpoint, lease) = (line.endpoint.id(), line.endpoint.lease());
        let delivery = self.deliveries.get_mut(delivery_slot)?;
        delivery.begin(lost_at, probe).ok()?;
        let attempt = Attempt {
            attempt: AttemptRef { delivery: delivery.id(), endpoint, send: delivery.sends(), lease },
            number: delivery.attempt(),
            round: delivery.round(),
            deadline: deadline.to_utc(),
            test: delivery.is_test(),
            probe,
        };
        self.flights.begin(delivery_slot, &mut self.deliveries);
        if attempt.number.is_retry() {
            self.drop_claim(slot);
        }
        self.spending.attempt_began(attempt.number, self.now);
        if rated {
            self.record_endpoint(slot, EndpointChange::TokenTaken);
        }
        self.record_delivery(delivery_slot, DeliveryChange::AttemptBegan);
        self.outbox.push_back(Output::Attempt(attempt));
        self.settle(slot);
        Some(())
    }

    fn choose_lane(&self, slot: u32) -> Option<Lane> {
        let line = self.lines.get(slot)?;
        let heads = line.queue.heads(&self.deliveries);
        let is_due = |head: Option<Tick>| head.is_some_and(|due| due <= self.now.reached);
        if is_due(self.test_due(line, heads)) {
            return Some(Lane::Tests);
        }
        // What brought it here may have been a test event.
        let Gate::From(gate) = line.endpoint.gate(&self.limits) else { return None };
        if gate > self.now.reached {
            return None;
        }
        let retry = is_due(heads.retry) && self.spending.allows_retry(line.claim, self.now);
        match (is_due(heads.first_attempt), retry) {
            (true, true) if line.retries_next => Some(Lane::Retries),
            (true, _) => Some(Lane::FirstAttempts),
            (false, true) => Some(Lane::Retries),
            (false, false) => None,
        }
    }
}

/// Whether the endpoint in this slot may have another attempt under way.
fn has_hands_free(lines: &Slab<Line>, limits: &Limits, slot: u32) -> bool {
    lines.get(slot).is_some_and(|line| !line.endpoint.has_full_hands(limits))
}
