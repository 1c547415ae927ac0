//! `SignedTime`, `TimeUnit` and `Tolerance`: the time that was signed, canonical digits, saturating arithmetic, a
//! tolerance for either direction.

use core::time::Duration;

use time::UtcDateTime;

use crate::{Malformed, VerifyError};

const NANOS_PER_MILLI: i128 = 1_000_000;

/// The unit of a timestamp.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum TimeUnit {
    /// Milliseconds since the Unix epoch.
    Milliseconds,
    /// Seconds since the Unix epoch.
    Seconds,
}

/// How far the signed time may be from `now`, on either side, both ends included.
///
/// ```
/// use core::time::Duration;
/// use gymhook_signature::Tolerance;
///
/// let point = Tolerance::new(Duration::from_secs(300), Duration::from_secs(60));
/// assert_eq!(Tolerance::default(), Tolerance::symmetric(Duration::from_secs(300)));
/// assert_ne!(point, Tolerance::not_judged());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Tolerance(Option<Window>);

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Window {
    past: Duration,
    future: Duration,
}

impl Tolerance {
    /// Accepts times up to `past` before and up to `future` after `now`.
    #[must_use]
    pub const fn new(past: Duration, future: Duration) -> Self {
        Self(Some(Window { past, future }))
    }

    /// The same distance on both sides.
    #[must_use]
    pub const fn symmetric(distance: Duration) -> Self {
        Self::new(distance, distance)
    }

    /// Accepts any signed time. The proof then does not include the time, and only duplicate detection stops a replay.
    #[must_use]
    pub const fn not_judged() -> Self {
        Self(None)
    }

    /// Whether times are checked at all.
    #[must_use]
    pub const fn is_judged(&self) -> bool {
        self.0.is_some()
    }
}

impl Default for Tolerance {
    /// Five minutes on both sides: the reference implementations of Standard Webhooks use it.
    fn default() -> Self {
        Self::symmetric(Duration::from_secs(300))
    }
}

/// A time that the sender signed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SignedTime {
    unix_millis: i64,
}

impl SignedTime {
    /// More digits than this are refused: 15 digits of milliseconds reach the year 33658.
    pub const MAX_DIGITS: usize = 15;

    /// A signed time, in milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(unix_millis: i64) -> Self {
        Self { unix_millis }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.unix_millis
    }

    /// The instant, unless it is outside of [`UtcDateTime`]'s range.
    #[must_use]
    pub fn to_utc(self) -> Option<UtcDateTime> {
        UtcDateTime::from_unix_timestamp_nanos(self.unix_nanos()).ok()
    }

    /// Reads 1 to 15 ASCII digits, without a sign and without a leading zero except for `0` itself.
    pub(crate) fn parse(text: &[u8], unit: TimeUnit) -> Result<Self, Malformed> {
        let canonical = match text {
            [b'0'] => true,
            [b'1'..=b'9', rest @ ..] => rest.len() < Self::MAX_DIGITS && rest.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        if !canonical {
            return Err(Malformed::Timestamp);
        }
        // Fifteen digits never wrap.
        let number = text.iter().fold(0_i64, |number, digit| {
            number.wrapping_mul(10).wrapping_add(i64::from(digit.wrapping_sub(b'0')))
        });
        let unix_millis = match unit {
            TimeUnit::Milliseconds => number,
            TimeUnit::Seconds => number.saturating_mul(1_000),
        };
        Ok(Self { unix_millis })
    }

    /// The digits to sign for `now`, if it is not before the epoch.
    pub(crate) fn digits(now: UtcDateTime, unit: TimeUnit) -> Option<String> {
        let seconds = u64::try_from(now.unix_timestamp()).ok()?;
        Some(match unit {
            TimeUnit::Milliseconds => {
                seconds.checked_mul(1_000)?.checked_add(now.millisecond().into())?.to_string()
            }
            TimeUnit::Seconds => seconds.to_string(),
        })
    }

    /// `Ok` with whether the time was checked; an error if it is outside the tolerance.
    pub(crate) fn judge(self, tolerance: Tolerance, now: UtcDateTime) -> Result<bool, VerifyError> {
        let Some(Window { past, future }) = tolerance.0 else { return Ok(false) };
        let age_nanos = now.unix_timestamp_nanos().saturating_sub(self.unix_nanos());
        let distance = age_nanos.unsigned_abs();
        if age_nanos > 0 && distance > past.as_nanos() {
            return Err(VerifyError::TimestampTooOld { age: duration(distance), tolerance: past });
        }
        if age_nanos < 0 && distance > future.as_nanos() {
            return Err(VerifyError::TimestampTooNew { ahead: duration(distance), tolerance: future });
        }
        Ok(true)
    }

    fn unix_nanos(self) -> i128 {
        i128::from(self.unix_millis).saturating_mul(NANOS_PER_MILLI)
    }
}

fn duration(nanos: u128) -> Duration {
    u64::try_from(nanos / NANOS_PER_MILLI.unsigned_abs()).map_or(Duration::MAX, Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn reads_only_canonical_digits() {
        let millis = |text: &str| {
            SignedTime::parse(text.as_bytes(), TimeUnit::Milliseconds).map(SignedTime::unix_millis)
        };
        assert_eq!(millis("0"), Ok(0));
        assert_eq!(millis("1669056240352"), Ok(1_669_056_240_352));
        assert_eq!(millis("999999999999999"), Ok(999_999_999_999_999));
        for refused in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "1000000000000000",
            "\u{0661}",
            "9223372036854775808",
        ] {
            assert_eq!(millis(refused), Err(Malformed::Timestamp), "{refused:?}");
        }
    }

    // The instant of the example on Point's page, 1669056240352 ms, is 2022-11-21T18:44:00.352Z (GNU date).
    #[test]
    fn units_differ_by_a_thousand() {
        let instant = utc_datetime!(2022-11-21 18:44:00.352);
        let time = SignedTime::parse(b"1669056240352", TimeUnit::Milliseconds).unwrap();
        assert_eq!(time.to_utc(), Some(instant));
        assert_eq!(SignedTime::digits(instant, TimeUnit::Milliseconds).as_deref(), Some("1669056240352"));
        assert_eq!(SignedTime::digits(instant, TimeUnit::Seconds).as_deref(), Some("1669056240"));
        let seconds = SignedTime::parse(b"1669056240", TimeUnit::Seconds).unwrap();
        assert_eq!(seconds.unix_millis(), 1_669_056_240_000);
    }

    #[test]
    fn the_tolerance_includes_its_ends_and_nothing_beyond() {
        let tolerance = Tolerance::new(Duration::from_secs(300), Duration::from_secs(60));
        let signed = SignedTime::from_unix_millis(1_000_000_000_000);
        let at = |offset_nanos: i128| {
            let nanos = 1_000_000_000_000 * NANOS_PER_MILLI + offset_nanos;
            signed.judge(tolerance, UtcDateTime::from_unix_timestamp_nanos(nanos).unwrap())
        };
        assert!(matches!(at(300_000_000_000), Ok(true)));
        assert!(matches!(at(300_000_000_001), Err(VerifyError::TimestampTooOld { .. })));
        assert!(matches!(at(-60_000_000_000), Ok(true)));
        assert!(matches!(at(-60_000_000_001), Err(VerifyError::TimestampTooNew { .. })));
    }

    #[test]
    fn extremes_neither_wrap_nor_panic() {
        for unix_millis in [i64::MIN, -1, 0, 1, i64::MAX] {
            let signed = SignedTime::from_unix_millis(unix_millis);
            for now in [UtcDateTime::MIN, UtcDateTime::UNIX_EPOCH, UtcDateTime::MAX] {
                let far = signed.to_utc().is_none_or(|at| (now - at).abs() > time::Duration::minutes(5));
                assert_eq!(signed.judge(Tolerance::default(), now).is_err(), far, "{unix_millis} at {now}");
                assert!(matches!(signed.judge(Tolerance::not_judged(), now), Ok(false)));
            }
        }
        assert_eq!(SignedTime::digits(UtcDateTime::MIN, TimeUnit::Seconds), None);
        assert!(SignedTime::digits(UtcDateTime::MAX, TimeUnit::Milliseconds).is_some());
    }
}
