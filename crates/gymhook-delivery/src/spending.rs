//! The retry budget of all endpoints together.

use gymhook_retry::{AttemptNumber, RetryBudget};

use crate::clock::Now;
use crate::tick::Tick;

/// The retry budget, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Spending {
    budget: Option<RetryBudget>,
}

impl Spending {
    pub(crate) const fn new(budget: Option<RetryBudget>) -> Self {
        Self { budget }
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

    /// Whether a retry may begin now.
    pub(crate) fn allows_retry(&self, now: Now) -> bool {
        self.budget.as_ref().is_none_or(|budget| budget.clone().try_retry(now.utc).is_ok())
    }

    /// When a retry may begin if no first attempt pays in till then; `None` if only that would help.
    pub(crate) fn retries_from(&self, now: Now) -> Option<Tick> {
        match self.budget.as_ref().map(|budget| budget.clone().try_retry(now.utc)) {
            None | Some(Ok(())) => Some(now.reached),
            Some(Err(exhausted)) => exhausted.available_at.map(Tick::not_before),
        }
    }

    pub(crate) const fn budget(&self) -> Option<&RetryBudget> {
        self.budget.as_ref()
    }
}
