//! `StoreClock`: the time of the store's clock, as far as the worker knows it without asking: the last reading, plus
//! the time since then.

use std::time::Instant;

use time::UtcDateTime;

use crate::clock;

/// What the store's clock shows now, as far as can be told without asking it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreClock {
    read: UtcDateTime,
    at: Instant,
}

impl StoreClock {
    /// The store's clock showed `read` at `at`.
    pub(crate) const fn new(read: UtcDateTime, at: Instant) -> Self {
        Self { read, at }
    }

    /// The time now.
    pub(crate) fn now(&self) -> UtcDateTime {
        self.read
            .checked_add(clock::monotonic().duration_since(self.at).try_into().unwrap_or_default())
            .unwrap_or(self.read)
    }
}
