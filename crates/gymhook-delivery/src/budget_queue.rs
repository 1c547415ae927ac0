//! The retry budget of all endpoints together, and who waits for it.

use std::collections::BTreeSet;

use gymhook_retry::{AttemptNumber, RetryBudget};

use crate::clock::Now;
use crate::timestamp::Timestamp;

/// The retry budget, if there is one.
///
/// Endpoints that want a retry and find none queue; what the budget then lets through is granted in that order, one
/// retry an endpoint. Nobody takes what is granted to another one, however their turns come. An endpoint that has as many
/// attempts under way as it may keeps its place, and is passed over until one has ended.
#[derive(Clone, Debug)]
pub(crate) struct BudgetQueue {
    budget: Option<RetryBudget>,
    /// Who waits: by number, with the endpoint's slot.
    waiting: BTreeSet<(u64, u32)>,
    granted: u32,
    next_number: u64,
}

/// What an endpoint has to do with the retry budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BudgetClaim {
    #[default]
    Nothing,
    /// It queues under this number.
    Waits(u64),
    /// One retry is reserved for it, which queued under this number.
    Granted(u64),
}

impl BudgetQueue {
    pub(crate) const fn new(budget: Option<RetryBudget>) -> Self {
        Self { budget, waiting: BTreeSet::new(), granted: 0, next_number: 0 }
    }

    /// An attempt began: a first one pays in, a retry takes out.
    pub(crate) fn attempt_began(&mut self, number: AttemptNumber, now: Now) {
        let Some(budget) = &mut self.budget else { return };
        if number.is_retry() {
            // Whoever begins a retry has asked `allows_retry` at this very moment.
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

    /// The endpoint in this slot wants nothing more, or has taken it.
    pub(crate) fn withdraw(&mut self, claim: BudgetClaim, slot: u32) {
        match claim {
            BudgetClaim::Nothing => {}
            BudgetClaim::Waits(number) => {
                self.waiting.remove(&(number, slot));
            }
            BudgetClaim::Granted(_) => self.granted = self.granted.saturating_sub(1),
        }
    }

    /// Reserves a retry for the one that has waited for the longest of those that could send it, if there is one left: its slot,
    /// and what its claim is from now on.
    pub(crate) fn grant(&mut self, now: Now, could_send: impl Fn(u32) -> bool) -> Option<(u32, BudgetClaim)> {
        let (number, slot) = self.waiting.iter().copied().find(|(_, slot)| could_send(*slot))?;
        if self.left(now) == 0 {
            return None;
        }
        self.waiting.remove(&(number, slot));
        self.granted = self.granted.saturating_add(1);
        Some((slot, BudgetClaim::Granted(number)))
    }

    /// The endpoint in this slot cannot send now what was reserved for it: somebody else may, and it is back in its place.
    pub(crate) fn give_back(&mut self, claim: BudgetClaim, slot: u32) -> BudgetClaim {
        let BudgetClaim::Granted(number) = claim else { return claim };
        self.granted = self.granted.saturating_sub(1);
        self.waiting.insert((number, slot));
        BudgetClaim::Waits(number)
    }

    /// A retry is reserved for an endpoint, as a snapshot says.
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

    /// When the next retry may be granted if no first attempt pays in till then; `None` if only that would help, or if
    /// nobody waits that could send it.
    pub(crate) fn grants_from(&self, now: Now, could_send: impl Fn(u32) -> bool) -> Option<Timestamp> {
        self.waiting.iter().find(|(_, slot)| could_send(*slot))?;
        match self.budget.as_ref().map(|budget| budget.clone().try_retry(now.utc)) {
            None | Some(Ok(())) => Some(now.reached),
            Some(Err(exhausted)) => exhausted.available_at.map(Timestamp::ceil),
        }
    }

    /// The slots of those who wait, in their order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = u32> {
        self.waiting.iter().map(|(_, slot)| *slot)
    }

    pub(crate) const fn budget(&self) -> Option<&RetryBudget> {
        self.budget.as_ref()
    }

    /// How many retries are left that are not set aside.
    fn left(&self, now: Now) -> u32 {
        let Some(mut budget) = self.budget.clone() else { return u32::MAX };
        let taken = budget.try_retry(now.utc).is_ok();
        (budget.available() + u32::from(taken)).saturating_sub(self.granted)
    }
}
