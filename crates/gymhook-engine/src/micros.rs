//! Times as stores keep them: microseconds since 1970.

#[cfg(any(feature = "postgres", feature = "sqlite", feature = "store-tests"))]
use core::time::Duration;

use time::UtcDateTime;

const NANOS: i128 = 1_000;

/// Microseconds since 1970; what is finer is cut off.
pub(crate) fn floor(at: UtcDateTime) -> i64 {
    saturated(at.unix_timestamp_nanos().div_euclid(NANOS))
}

/// Microseconds since 1970, rounded up: a due time never becomes an earlier one, but for the last one of the calendar.
pub(crate) fn ceil(at: UtcDateTime) -> i64 {
    let rounded = saturated((at.unix_timestamp_nanos() + (NANOS - 1)).div_euclid(NANOS));
    rounded.min(floor(UtcDateTime::MAX))
}

/// A moment that lies so long after another one, rounded up; the last one there is if it lies beyond all calendars.
#[cfg(any(feature = "postgres", feature = "sqlite", feature = "store-tests"))]
pub(crate) fn after(at: UtcDateTime, length: Duration) -> i64 {
    let micros = i64::try_from(length.as_nanos().div_ceil(1_000)).unwrap_or(i64::MAX);
    ceil(at).saturating_add(micros)
}

/// The time that was kept; `None` if no calendar has it.
pub(crate) fn to_utc(micros: i64) -> Option<UtcDateTime> {
    UtcDateTime::from_unix_timestamp_nanos(i128::from(micros) * NANOS).ok()
}

/// The time that was kept; the calendar's first or last one if it lies beyond.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "store-tests"))]
pub(crate) fn nearest(micros: i64) -> UtcDateTime {
    to_utc(micros).unwrap_or(if micros < 0 { UtcDateTime::MIN } else { UtcDateTime::MAX })
}

fn saturated(micros: i128) -> i64 {
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn a_due_time_is_rounded_up_and_everything_else_down() {
        let at = utc_datetime!(1970-01-01 00:00:00.000_001_001);
        assert_eq!((floor(at), ceil(at)), (1, 2));
        let before = utc_datetime!(1969-12-31 23:59:59.999_999_999);
        assert_eq!((floor(before), ceil(before)), (-1, 0));
        let whole = utc_datetime!(2026-01-01 12:00:00.000_007);
        assert_eq!(floor(whole), ceil(whole));
    }

    #[test]
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "store-tests"))]
    fn what_no_calendar_has_is_its_end() {
        assert_eq!(nearest(1), utc_datetime!(1970-01-01 00:00:00.000_001));
        assert_eq!((nearest(i64::MIN), nearest(i64::MAX)), (UtcDateTime::MIN, UtcDateTime::MAX));
    }

    #[test]
    #[cfg(any(feature = "postgres", feature = "sqlite", feature = "store-tests"))]
    fn a_moment_may_lie_beyond_all_calendars() {
        let at = utc_datetime!(1970-01-01 00:00:01);
        assert_eq!(after(at, Duration::from_nanos(1_001)), 1_000_002);
        assert_eq!(after(at, Duration::MAX), i64::MAX);
    }

    #[test]
    fn the_ends_of_the_calendar_come_back() {
        for end in [UtcDateTime::MIN, UtcDateTime::UNIX_EPOCH] {
            assert_eq!(to_utc(floor(end)), Some(end));
        }
        let last = to_utc(ceil(UtcDateTime::MAX)).unwrap();
        assert_eq!(UtcDateTime::MAX - last, time::Duration::nanoseconds(999));
        assert_eq!(to_utc(i64::MAX), None);
        assert_eq!(to_utc(i64::MIN), None);
    }
}
