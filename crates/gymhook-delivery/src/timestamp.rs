//! `Timestamp`, the machine's internal time: whole microseconds since 1970, in eight bytes.
//!
//! `now` is rounded down and whatever is due is rounded up, so nothing ever happens early. `as_micros` reads and writes
//! times in records with serde, as such numbers of microseconds.

use core::time::Duration;

use time::UtcDateTime;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A point in time, at most [`Timestamp::END`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    /// Before everything else.
    pub(crate) const START: Self = Self(i64::MIN);

    /// The last microsecond of the year 9999.
    pub(crate) const END: Self = Self(253_402_300_799_999_999);

    /// After everything else.
    pub(crate) const NEVER: Self = Self(i64::MAX);

    /// The last microsecond that is not after `at`: for `now`.
    pub(crate) fn floor(at: UtcDateTime) -> Self {
        let seconds = at.unix_timestamp().saturating_mul(MICROS_PER_SECOND);
        Self(seconds.saturating_add(i64::from(at.microsecond()))).min(Self::END)
    }

    /// The first microsecond that is not before `at`: for what is due.
    pub(crate) fn ceil(at: UtcDateTime) -> Self {
        let floor = Self::floor(at);
        if at.nanosecond().is_multiple_of(1_000) { floor } else { floor.plus_micros(1) }
    }

    /// A number in place of a time, for what is ordered by number alone.
    pub(crate) fn ranked(number: u64) -> Self {
        Self(i64::try_from(number).unwrap_or(i64::MAX - 1))
    }

    /// The time at least `by` later, or the last one.
    pub(crate) fn after(self, by: Duration) -> Self {
        self.plus_micros(micros_rounded_up(by))
    }

    pub(crate) fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros)).min(Self::END)
    }

    pub(crate) const fn minus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_sub(micros))
    }

    /// How long it is from `earlier` until this time; zero when that is not earlier.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same time, for the public API.
    pub(crate) fn to_utc(self) -> UtcDateTime {
        let seconds = self.0.div_euclid(MICROS_PER_SECOND);
        let micros = u32::try_from(self.0.rem_euclid(MICROS_PER_SECOND)).unwrap_or(0);
        let whole = UtcDateTime::from_unix_timestamp(seconds);
        whole.and_then(|whole| whole.replace_microsecond(micros)).unwrap_or(UtcDateTime::MIN)
    }

    pub(crate) const fn micros(self) -> i64 {
        self.0
    }

    pub(crate) fn from_micros(micros: i64) -> Self {
        Self(micros).min(Self::END)
    }
}

/// A length in whole microseconds, rounded up, at most as many as a timestamp can hold.
fn micros_rounded_up(length: Duration) -> i64 {
    let whole = i64::try_from(length.as_secs()).unwrap_or(i64::MAX).saturating_mul(MICROS_PER_SECOND);
    whole.saturating_add(i64::from(length.subsec_nanos().div_ceil(1_000)))
}

/// Moments in records: whole microseconds since 1970, as one number.
pub(crate) mod as_micros {
    use serde::{Deserialize, Deserializer, Serializer};
    use time::UtcDateTime;

    use super::Timestamp;

    pub(crate) fn serialize<S: Serializer>(at: &UtcDateTime, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_i64(Timestamp::floor(*at).micros())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<UtcDateTime, D::Error> {
        Ok(Timestamp::from_micros(i64::deserialize(input)?).to_utc())
    }

    pub(crate) mod option {
        use serde::{Deserialize, Deserializer, Serialize, Serializer};
        use time::UtcDateTime;

        use super::Timestamp;

        pub(crate) fn serialize<S: Serializer>(at: &Option<UtcDateTime>, out: S) -> Result<S::Ok, S::Error> {
            at.map(|at| Timestamp::floor(at).micros()).serialize(out)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            input: D,
        ) -> Result<Option<UtcDateTime>, D::Error> {
            let micros: Option<i64> = Option::deserialize(input)?;
            Ok(micros.map(|micros| Timestamp::from_micros(micros).to_utc()))
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn now_is_rounded_down_and_due_is_rounded_up() {
        let at = utc_datetime!(2026-01-01 00:00:00.000_000_001);
        assert_eq!(Timestamp::floor(at).to_utc(), utc_datetime!(2026-01-01 00:00));
        assert_eq!(Timestamp::ceil(at).to_utc(), utc_datetime!(2026-01-01 00:00:00.000_001));
        assert!(Timestamp::ceil(at) > Timestamp::floor(at));
    }

    #[test]
    fn the_ends_of_time_hold() {
        assert_eq!(Timestamp::floor(UtcDateTime::MAX), Timestamp::END);
        assert_eq!(Timestamp::ceil(UtcDateTime::MAX), Timestamp::END);
        assert_eq!(Timestamp::END.after(Duration::MAX), Timestamp::END);
        assert_eq!(Timestamp::floor(UtcDateTime::MIN).to_utc(), UtcDateTime::MIN);
        assert_eq!(Timestamp::START.to_utc(), UtcDateTime::MIN);
        assert_eq!(Timestamp::END.to_utc(), utc_datetime!(9999-12-31 23:59:59.999_999));
        assert_eq!(Timestamp::END.since(Timestamp::START), Duration::from_micros(i64::MAX.unsigned_abs()));
        assert_eq!(Timestamp::START.since(Timestamp::END), Duration::ZERO);
    }

    #[test]
    fn every_rank_is_before_never() {
        assert!(Timestamp::ranked(1) < Timestamp::ranked(2));
        assert!(Timestamp::ranked(u64::MAX) < Timestamp::NEVER);
    }

    #[test]
    fn a_length_below_a_microsecond_still_passes() {
        let start = Timestamp::from_micros(7);
        assert_eq!(start.after(Duration::from_nanos(1)), Timestamp::from_micros(8));
        assert_eq!(start.after(Duration::from_nanos(1_001)), Timestamp::from_micros(9));
        assert_eq!(start.after(Duration::ZERO), start);
    }
}
