//! `Now`: the machine's current time, which never goes back.

use time::UtcDateTime;

use crate::timestamp::Timestamp;

/// The latest time that the machine was given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// What is due at or before this is due.
    pub(crate) reached: Timestamp,
    /// What waits from now on waits from here.
    pub(crate) waits_from: Timestamp,
    pub(crate) utc: UtcDateTime,
}

impl Now {
    pub(crate) fn new(utc: UtcDateTime) -> Self {
        Self { reached: Timestamp::floor(utc), waits_from: Timestamp::ceil(utc), utc }
    }

    /// A `now` before the last one counts as the last one.
    pub(crate) fn advance(&mut self, utc: UtcDateTime) {
        if utc > self.utc {
            *self = Self::new(utc);
        }
    }
}
