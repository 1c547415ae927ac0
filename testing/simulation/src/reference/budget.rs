//! The retry budget, reckoned a second time: retries ≤ burst + share of the first attempts + reserve by time.

use crate::at::At;

/// A retry's price: divisible by a hundred per cent and by the milliseconds of a minute.
const RETRY: i64 = 60_000;

/// What the machine's budget is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetRule {
    pub(crate) percent: u8,
    pub(crate) reserve_per_minute: u32,
    pub(crate) burst: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Budget {
    rule: BudgetRule,
    balance: i64,
    as_of: At,
}

impl Budget {
    pub(crate) fn new(rule: BudgetRule, now: At) -> Self {
        Self { rule, balance: i64::from(rule.burst) * RETRY, as_of: now }
    }

    /// Pays in what the reserve has earned until `now`.
    pub(crate) fn advance(&mut self, now: At) {
        let passed = now.as_millis() - self.as_of.as_millis();
        self.as_of = now;
        self.pay_in(passed.saturating_mul(i64::from(self.rule.reserve_per_minute)));
    }

    pub(crate) fn first_attempt(&mut self) {
        self.pay_in(i64::from(self.rule.percent) * RETRY / 100);
    }

    pub(crate) const fn retry(&mut self) {
        self.balance -= RETRY;
    }

    pub(crate) const fn allows_retry(&self) -> bool {
        self.balance >= RETRY
    }

    /// When the reserve alone pays for a retry.
    pub(crate) fn allows_from(&self) -> Option<At> {
        let missing = (RETRY - self.balance).max(0);
        let each = i64::from(self.rule.reserve_per_minute);
        let wait = missing.saturating_add(each - 1).checked_div(each)?;
        Some(self.as_of.shifted(wait.saturating_mul(1_000_000)))
    }

    fn pay_in(&mut self, amount: i64) {
        self.balance = self.balance.saturating_add(amount).min(i64::from(self.rule.burst) * RETRY);
    }
}
