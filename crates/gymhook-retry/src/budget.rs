//! `RetryBudget`: retries as a share of traffic, in percent, so that an outage does not cause a retry storm.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use time::UtcDateTime;

use crate::time_math::later;

/// How many retries may be sent, as a share of the first attempts, plus a small reserve.
///
/// Schedules bound the retries of *one* delivery. When a popular endpoint or your own network fails, every delivery
/// retries at once, and the load multiplies just when there is least room for it. A budget bounds the sum: each first
/// attempt deposits a share of a retry, each retry withdraws a whole one, and a retry that finds none waits. The reserve
/// is deposited over time, so that retries do not starve when traffic is low.
///
/// The guarantee, over any stretch of time in which the clock does not step back: retries ≤ `burst` + `percent` / 100 ×
/// first attempts + `reserve_per_minute` × minutes. A clock that steps back deposits nothing and blocks nothing: time
/// counts from where it stepped to.
///
/// ```
/// use gymhook_retry::RetryBudget;
/// use time::macros::utc_datetime;
///
/// let now = utc_datetime!(2026-01-01 12:00);
/// let mut budget = RetryBudget::new(20, 0, 10, now)?;
/// for _ in 0..10 {
///     budget.try_retry(now).expect("it starts full");
/// }
/// assert!(budget.try_retry(now).is_err());
/// for _ in 0..5 {
///     budget.record_first_attempt(now); // 5 × 20 % = one retry
/// }
/// assert!(budget.try_retry(now).is_ok());
/// assert!(budget.try_retry(now).is_err());
/// # Ok::<(), gymhook_retry::BudgetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct RetryBudget {
    percent: u8,
    reserve_per_minute: u32,
    burst: u32,
    balance: u64,
    refilled_at_ms: i64,
}

impl RetryBudget {
    /// The default share: 20 retries for 100 first attempts (our default).
    pub const DEFAULT_PERCENT: u8 = 20;
    /// The default reserve: 10 retries per minute, regardless of traffic (our default).
    pub const DEFAULT_RESERVE_PER_MINUTE: u32 = 10;
    /// The default limit on accumulated retries: 100 (our default).
    pub const DEFAULT_BURST: u32 = 100;

    /// A full budget: `percent` retries for 100 first attempts, plus `reserve_per_minute`, accumulating up to `burst`.
    ///
    /// # Errors
    ///
    /// - [`BudgetError::ShareAboveAll`]: `percent` is more than 100.
    /// - [`BudgetError::NoBurst`]: a `burst` of zero never allows a retry.
    pub fn new(
        percent: u8,
        reserve_per_minute: u32,
        burst: u32,
        now: UtcDateTime,
    ) -> Result<Self, BudgetError> {
        Parts { percent, reserve_per_minute, burst, balance: u64::MAX, refilled_at_ms: unix_ms(now) }
            .try_into()
    }

    /// A full budget with the defaults.
    #[must_use]
    pub fn with_defaults(now: UtcDateTime) -> Self {
        Self {
            percent: Self::DEFAULT_PERCENT,
            reserve_per_minute: Self::DEFAULT_RESERVE_PER_MINUTE,
            burst: Self::DEFAULT_BURST,
            balance: full(Self::DEFAULT_BURST),
            refilled_at_ms: unix_ms(now),
        }
    }

    /// Deposits the share of a delivery's first attempt.
    pub fn record_first_attempt(&mut self, now: UtcDateTime) {
        self.refill(now);
        self.pay_in(u64::from(self.percent) * (RETRY / 100));
    }

    /// Withdraws one retry.
    ///
    /// # Errors
    ///
    /// [`BudgetExhausted`] if there is no whole retry left; then nothing is withdrawn.
    pub fn try_retry(&mut self, now: UtcDateTime) -> Result<(), BudgetExhausted> {
        self.refill(now);
        match self.balance.checked_sub(RETRY) {
            Some(rest) => {
                self.balance = rest;
                Ok(())
            }
            None => Err(BudgetExhausted { available_at: self.reserve_pays_at(now) }),
        }
    }

    /// How many retries could be withdrawn at once, as of the last call that moved time.
    #[must_use]
    pub fn available(&self) -> u32 {
        u32::try_from(self.balance / RETRY).unwrap_or(u32::MAX)
    }

    fn refill(&mut self, now: UtcDateTime) {
        let now_ms = unix_ms(now);
        let passed = u64::try_from(now_ms.saturating_sub(self.refilled_at_ms)).unwrap_or(0);
        self.refilled_at_ms = now_ms;
        self.pay_in(passed.saturating_mul(u64::from(self.reserve_per_minute)));
    }

    fn pay_in(&mut self, amount: u64) {
        self.balance = self.balance.saturating_add(amount).min(full(self.burst));
    }

    /// When the reserve alone will have deposited a retry.
    fn reserve_pays_at(&self, now: UtcDateTime) -> Option<UtcDateTime> {
        if self.reserve_per_minute == 0 {
            return None;
        }
        let wait_ms = RETRY.saturating_sub(self.balance).div_ceil(u64::from(self.reserve_per_minute));
        Some(later(now, Duration::from_millis(wait_ms)))
    }
}

/// The budget has no retry left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the retry budget is exhausted")]
#[non_exhaustive]
pub struct BudgetExhausted {
    /// When the reserve will have deposited a retry if there is no traffic until then; `None` without a reserve.
    pub available_at: Option<UtcDateTime>,
}

/// Why a budget was refused. Caused by the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// A share of more than 100 per cent bounds nothing.
    #[error("a retry share of {percent} % is more than all of the traffic: set at most 100")]
    ShareAboveAll {
        /// The requested share.
        percent: u8,
    },
    /// A burst of zero never allows a retry.
    #[error("a burst of zero never allows a retry: set at least 1")]
    NoBurst,
}

/// The units of a retry: the milliseconds of a minute, so that a reserve of n per minute deposits n units each millisecond; and
/// divisible by a hundred, so that a share deposits whole units as well.
const RETRY: u64 = 60_000;

fn full(burst: u32) -> u64 {
    u64::from(burst) * RETRY
}

fn unix_ms(at: UtcDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

#[derive(Clone, Serialize, Deserialize)]
struct Parts {
    percent: u8,
    reserve_per_minute: u32,
    burst: u32,
    balance: u64,
    refilled_at_ms: i64,
}

impl TryFrom<Parts> for RetryBudget {
    type Error = BudgetError;

    fn try_from(parts: Parts) -> Result<Self, BudgetError> {
        let Parts { percent, reserve_per_minute, burst, balance, refilled_at_ms } = parts;
        if percent > 100 {
            return Err(BudgetError::ShareAboveAll { percent });
        }
        if burst == 0 {
            return Err(BudgetError::NoBurst);
        }
        let balance = balance.min(full(burst));
        Ok(Self { percent, reserve_per_minute, burst, balance, refilled_at_ms })
    }
}

impl From<RetryBudget> for Parts {
    fn from(budget: RetryBudget) -> Self {
        let RetryBudget { percent, reserve_per_minute, burst, balance, refilled_at_ms } = budget;
        Self { percent, reserve_per_minute, burst, balance, refilled_at_ms }
    }
}
