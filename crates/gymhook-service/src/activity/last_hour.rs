//! `LastHour`: counts of the last hour, by periods of one length.

use std::collections::VecDeque;

use time::UtcDateTime;

/// What is counted in a period.
pub(super) trait Counts: Copy {
    /// How long a period is, in seconds: a part of an hour.
    const SECONDS: u16;

    /// Of a period in which nothing has happened yet, that began then, in seconds since 1970.
    fn beginning(began: i64) -> Self;

    /// When the period began, in seconds since 1970.
    fn began(&self) -> i64;
}

/// The periods of the last hour in which something happened, the oldest first.
#[derive(Clone, Debug)]
pub(super) struct LastHour<C> {
    kept: VecDeque<C>,
}

impl<C: Counts> LastHour<C> {
    /// How many periods an hour has.
    const PERIODS: u16 = 3_600 / C::SECONDS;

    /// Counts in the period of now. A clock that is set back counts in the period that it was in.
    pub(super) fn count(&mut self, now: UtcDateTime, count: impl FnOnce(&mut C)) {
        let began = Self::period_of(now);
        if self.kept.back().is_none_or(|last| last.began() < began) {
            self.kept.push_back(C::beginning(began));
            if self.kept.len() > usize::from(Self::PERIODS) {
                self.kept.pop_front();
            }
        }
        if let Some(period) = self.kept.back_mut() {
            count(period);
        }
    }

    /// All periods of the hour, the oldest first; those in which nothing happened included.
    pub(super) fn periods(&self, now: UtcDateTime) -> Vec<C> {
        let current = Self::period_of(now);
        let began = (0..Self::PERIODS).rev().map(|ago| current - i64::from(ago) * i64::from(C::SECONDS));
        began
            .map(|began| {
                let found = self.kept.iter().find(|period| period.began() == began);
                found.copied().unwrap_or_else(|| C::beginning(began))
            })
            .collect()
    }

    /// Whether nothing happened in the hour.
    pub(super) fn is_quiet(&self, now: UtcDateTime) -> bool {
        let oldest = Self::period_of(now) - i64::from(Self::PERIODS - 1) * i64::from(C::SECONDS);
        self.kept.back().is_none_or(|last| last.began() < oldest)
    }

    /// When the period of now began, in seconds since 1970.
    pub(super) fn period_of(now: UtcDateTime) -> i64 {
        let seconds = i64::from(C::SECONDS);
        now.unix_timestamp().div_euclid(seconds) * seconds
    }
}

impl<C> Default for LastHour<C> {
    fn default() -> Self {
        Self { kept: VecDeque::new() }
    }
}
