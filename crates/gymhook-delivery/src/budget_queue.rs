//! `BudgetQueue`: the retry budget that all endpoints share, and the endpoints that wait for it.

use std::collections::BTreeSet;

use gymhook_retry::{AttemptNumber, RetryBudget};

use crate::clock::Now;
use crate::timestamp::Timestamp;

/// The retry budget, if there is one.
///
/// An endpoint that needs a retry while the budget is exhausted joins a queue. The budget grants retries in the
/// order of the queue, one at a time; a granted retry is reserved for its endpoint. An endpoint at its limit of attempts
/// in flight keeps its place and is skipped until one of them ends.
#[derive(Clone, Debug)]
pub(crate) struct BudgetQueue {
    budget: Option<RetryBudget>,
    /// The endpoints that wait: ticket and slot.
    waiting: BTreeSet<(u64, u32)>,
    granted: u32,
    next_number: u64,
}

/// An endpoint's claim on the retry budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BudgetClaim {
    #[default]
    Nothing,
    /// It is queued with this ticket.
    Waits(u64),
    /// One retry is reserved for it; it was queued with this ticket.
    Granted(u64),
}

impl BudgetQueue {
    pub(crate) const fn new(budget: Option<RetryBudget>) -> Self {
        Self { budget, waiting: BTreeSet::new(), granted: 0, next_number: 0 }
    }

    /// An attempt began: a first one deposits, a retry withdraws.
    pub(crate) fn attempt_began(&mut self, number: AttemptNumber, now: Now) {
        let Some(budget) = &mut self.budget else { return };
        if number.is_retry() {
            // The caller has just checked `allows_retry`.
            let _taken = budget.try_retry(now.utc);
        } else {
            budget.record_first_attempt(now.utc);
        }
    }

    /// The endpoint in this slot joins the queue.
    pub(crate) fn join(&mut self, slot: u32) -> BudgetClaim {
        let number = self.next_number;
        self.next_number += 1;
        self.waiting.insert((number, slot));
        BudgetClaim::Waits(number)
    }

    /// The endpoint in this slot no longer has a retry to send, or has sent it.
    pub(crate) fn withdraw(&mut self, claim: BudgetClaim, slot: u32) {
        match claim {
            BudgetClaim::Nothing => {}
            BudgetClaim::Waits(number) => {
                self.waiting.remove(&(number, slot));
            }
            BudgetClaim::Granted(_) => self.granted = self.granted.saturating_sub(1),
        }
    }

    /// Reserves a retry, if one is left, for the endpoint that has waited longest of those that could send it.
    /// Returns its slot and its new claim.
    pub(crate) fn grant(&mut self, now: Now, could_send: impl Fn(u32) -> bool) -> Option<(u32, BudgetClaim)> {
        let (number, slot) = self.waiting.iter().copied().find(|(_, slot)| could_send(*slot))?;
        if self.left(now) == 0 {
            return None;
        }
        self.waiting.remove(&(number, slot));
        self.granted = self.granted.saturating_add(1);
        Some((slot, BudgetClaim::Granted(number)))
    }

    /// The endpoint in this slot cannot send its reserved retry now: the reservation is released and it takes its
    /// place in the queue again.
    pub(crate) fn give_back(&mut self, claim: BudgetClaim, slot: u32) -> BudgetClaim {
        let BudgetClaim::Granted(number) = claim else { return claim };
        self.granted = self.granted.saturating_sub(1);
        self.waiting.insert((number, slot));
        BudgetClaim::Waits(number)
    }

    /// Restores a reservation from a snapshot.
    pub(crate) const fn grant_again(&mut self) -> BudgetClaim {
        let number = self.next_number;
        self.next_number += 1;
        self.granted = self.granted.saturating_add(1);
        BudgetClaim::Granted(number)
    }

    /// Whether an endpoint with this claim may begin a retry now.
    pub(crate) fn allows_retry(&self, claim: BudgetClaim, now: Now) -> bool {
        self.budget.is_none()
            || matches!(claim, BudgetClaim::Granted(_))
            || (self.waiting.is_empty() && self.left(now) > 0)
    }

    /// When the next retry may be granted if no first attempt adds to the budget before; `None` if only a first attempt
    /// would help, or if no waiting endpoint could send it.
    pub(crate) fn grants_from(&self, now: Now, could_send: impl Fn(u32) -> bool) -> Option<Timestamp> {
        self.waiting.iter().find(|(_, slot)| could_send(*slot))?;
        match self.budget.as_ref().map(|budget| budget.clone().try_retry(now.utc)) {
            None | Some(Ok(())) => Some(now.reached),
            Some(Err(exhausted)) => exhausted.available_at.map(Timestamp::ceil),
        }
    }

    /// The slots of the waiting endpoints, in the order of the queue.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = u32> {
        self.waiting.iter().map(|(_, slot)| *slot)
    }

    pub(crate) const fn budget(&self) -> Option<&RetryBudget> {
        self.budget.as_ref()
    }

    /// The number of retries left that are not reserved.
    fn left(&self, now: Now) -> u32 {
        let Some(mut budget) = self.budget.clone() else { return u32::MAX };
        let taken = budget.try_retry(now.utc).is_ok();
        (budget.available() + u32::from(taken)).saturating_sub(self.granted)
    }
}
