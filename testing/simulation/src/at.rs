//! The simulation's notion of time: nanoseconds since it began.

use core::fmt;
use core::time::Duration;

use time::UtcDateTime;
use time::macros::utc_datetime;

const BEGINNING: UtcDateTime = utc_datetime!(2026-01-01 00:00);
const MICRO: i64 = 1_000;

/// A moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct At(i64);

impl At {
    pub(crate) const START: Self = Self(0);

    pub(crate) const fn nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub(crate) const fn millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    pub(crate) fn of(at: UtcDateTime) -> Self {
        let nanos = (at - BEGINNING).whole_nanoseconds();
        Self(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }

    pub(crate) fn utc(self) -> UtcDateTime {
        BEGINNING.saturating_add(time::Duration::nanoseconds(self.0))
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        self.shifted(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX))
    }

    pub(crate) const fn shifted(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// How long it is from `earlier` until this moment, in nanoseconds; negative if that is not earlier.
    pub(crate) const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The last whole microsecond that is not after this moment: what a clock of microseconds has reached.
    pub(crate) const fn reached(self) -> Self {
        Self(self.0.div_euclid(MICRO) * MICRO)
    }

    /// The first whole microsecond that is not before this moment: when something due now is due.
    pub(crate) const fn not_before(self) -> Self {
        Self(self.0.saturating_add(MICRO - 1).div_euclid(MICRO) * MICRO)
    }

    pub(crate) const fn as_nanos(self) -> i64 {
        self.0
    }

    pub(crate) const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.div_euclid(MICRO);
        write!(f, "{}.{:06} s", micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000))
    }
}
