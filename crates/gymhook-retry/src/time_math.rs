//! `later` and `elapsed`: adding to and subtracting from a point in time without ever overflowing.
//!
//! Times are [`UtcDateTime`] and end with the year 9999; lengths are [`Duration`] and never negative.

use core::time::Duration;

use time::UtcDateTime;

/// The time `by` after `at`, or the end of the year 9999 if that comes first.
///
/// ```
/// use core::time::Duration;
/// use gymhook_retry::time_math;
/// use time::{UtcDateTime, macros::utc_datetime};
///
/// let noon = utc_datetime!(2026-01-01 12:00);
/// assert_eq!(time_math::later(noon, Duration::from_secs(90)), utc_datetime!(2026-01-01 12:01:30));
/// assert_eq!(time_math::later(noon, Duration::MAX), UtcDateTime::MAX);
/// ```
#[must_use]
pub fn later(at: UtcDateTime, by: Duration) -> UtcDateTime {
    match time::Duration::try_from(by) {
        Ok(by) => at.saturating_add(by),
        Err(_) => UtcDateTime::MAX,
    }
}

/// How long it is from `from` until `to`; zero when `to` is not later.
///
/// ```
/// use core::time::Duration;
/// use gymhook_retry::time_math;
/// use time::macros::utc_datetime;
///
/// let (noon, one) = (utc_datetime!(2026-01-01 12:00), utc_datetime!(2026-01-01 13:00));
/// assert_eq!(time_math::elapsed(noon, one), Duration::from_secs(3_600));
/// assert_eq!(time_math::elapsed(one, noon), Duration::ZERO);
/// ```
#[must_use]
pub fn elapsed(from: UtcDateTime, to: UtcDateTime) -> Duration {
    Duration::try_from(to - from).unwrap_or(Duration::ZERO)
}
