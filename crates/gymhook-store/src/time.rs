//! `StoreTime`: times as stores keep them, in microseconds: rounded down, rounded up, and the end of a length.

use core::time::Duration;

use time::UtcDateTime;

const NANOS_PER_MICRO: i128 = 1_000;

/// A moment as every store keeps it: whole microseconds since 1970-01-01 00:00 UTC, in an `i64`.
///
/// The rounding is part of the contract, so that a delivery is due, and a lease ends, at the same moment in every store:
/// what has happened is rounded down ([`floor`](Self::floor)), what is due is rounded up ([`ceil`](Self::ceil)), and the
/// end of a length of time is rounded up ([`after`](Self::after)), so that nothing is due, and no lease ends, too early.
///
/// ```
/// use core::time::Duration;
/// use gymhook_store::StoreTime;
/// use time::macros::utc_datetime;
///
/// let at = utc_datetime!(1970-01-01 00:00:01.000_000_001);
/// assert_eq!(StoreTime::floor(at).micros(), 1_000_000);
/// assert_eq!(StoreTime::ceil(at).micros(), 1_000_001);
/// // A length under a microsecond lasts one.
/// assert_eq!(StoreTime::after(StoreTime::floor(at).nearest(), Duration::from_nanos(1)).micros(), 1_000_001);
/// // A moment that no calendar has can be kept and compared; read, it is the calendar's last one.
/// assert_eq!(StoreTime::after(at, Duration::MAX).micros(), i64::MAX);
/// assert_eq!(StoreTime::from_micros(i64::MAX).to_utc(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreTime(i64);

impl StoreTime {
    /// The moment this many microseconds after 1970, or before it if negative.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The last whole microsecond that is not after `at`.
    #[must_use]
    pub fn floor(at: UtcDateTime) -> Self {
        Self(saturated(at.unix_timestamp_nanos().div_euclid(NANOS_PER_MICRO)))
    }

    /// The first whole microsecond that is not before `at`; the last one of the calendar if that would lie beyond it.
    #[must_use]
    pub fn ceil(at: UtcDateTime) -> Self {
        let rounded =
            saturated((at.unix_timestamp_nanos() + (NANOS_PER_MICRO - 1)).div_euclid(NANOS_PER_MICRO));
        Self(rounded).min(Self::floor(UtcDateTime::MAX))
    }

    /// The end of `length`, counted from `at`, both rounded up; the last moment there is if it lies beyond that.
    #[must_use]
    pub fn after(at: UtcDateTime, length: Duration) -> Self {
        let micros = i64::try_from(length.as_nanos().div_ceil(1_000)).unwrap_or(i64::MAX);
        Self(Self::ceil(at).0.saturating_add(micros))
    }

    /// The same moment in a calendar; `None` if it lies beyond the calendar.
    #[must_use]
    pub fn to_utc(self) -> Option<UtcDateTime> {
        UtcDateTime::from_unix_timestamp_nanos(i128::from(self.0) * NANOS_PER_MICRO).ok()
    }

    /// The same moment in a calendar; the calendar's first or last one if it lies beyond.
    #[must_use]
    pub fn nearest(self) -> UtcDateTime {
        self.to_utc().unwrap_or(if self.0 < 0 { UtcDateTime::MIN } else { UtcDateTime::MAX })
    }
}

fn saturated(micros: i128) -> i64 {
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    fn micros(micros: i64) -> StoreTime {
        StoreTime::from_micros(micros)
    }

    #[test]
    fn a_due_time_is_rounded_up_and_everything_else_down() {
        let at = utc_datetime!(1970-01-01 00:00:00.000_001_001);
        assert_eq!((StoreTime::floor(at), StoreTime::ceil(at)), (micros(1), micros(2)));
        let before = utc_datetime!(1969-12-31 23:59:59.999_999_999);
        assert_eq!((StoreTime::floor(before), StoreTime::ceil(before)), (micros(-1), micros(0)));
        let whole = utc_datetime!(2026-01-01 12:00:00.000_007);
        assert_eq!(StoreTime::floor(whole), StoreTime::ceil(whole));
    }

    #[test]
    fn what_no_calendar_has_is_its_end() {
        assert_eq!(micros(1).nearest(), utc_datetime!(1970-01-01 00:00:00.000_001));
        let ends = (micros(i64::MIN).nearest(), micros(i64::MAX).nearest());
        assert_eq!(ends, (UtcDateTime::MIN, UtcDateTime::MAX));
    }

    #[test]
    fn a_moment_may_lie_beyond_all_calendars() {
        let at = utc_datetime!(1970-01-01 00:00:01);
        assert_eq!(StoreTime::after(at, Duration::from_nanos(1_001)), micros(1_000_002));
        assert_eq!(StoreTime::after(at, Duration::MAX), micros(i64::MAX));
    }

    #[test]
    fn the_ends_of_the_calendar_are_read_back() {
        for end in [UtcDateTime::MIN, UtcDateTime::UNIX_EPOCH] {
            assert_eq!(StoreTime::floor(end).to_utc(), Some(end));
        }
        let last = StoreTime::ceil(UtcDateTime::MAX).to_utc().unwrap();
        assert_eq!(UtcDateTime::MAX - last, time::Duration::nanoseconds(999));
        assert_eq!(micros(i64::MAX).to_utc(), None);
        assert_eq!(micros(i64::MIN).to_utc(), None);
    }
}
