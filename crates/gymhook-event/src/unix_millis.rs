//! `UnixMillis`: times counted in milliseconds since 1970.

use core::fmt;

use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use time::{Duration, UtcDateTime};

/// Milliseconds since 1970-01-01T00:00:00Z, never negative.
///
/// ```
/// use gymhook_event::UnixMillis;
///
/// let at = UnixMillis::new(1667921312188).and_then(UnixMillis::to_utc).unwrap();
/// assert_eq!(at.to_string(), "2022-11-08 15:28:32.188 +00");
/// assert_eq!(UnixMillis::new(-1), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(i64);

impl UnixMillis {
    /// That many milliseconds; `None` if negative.
    #[must_use]
    pub const fn new(millis: i64) -> Option<Self> {
        if millis < 0 { None } else { Some(Self(millis)) }
    }

    /// The milliseconds.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The point in time; `None` beyond the year 9999.
    #[must_use]
    pub fn to_utc(self) -> Option<UtcDateTime> {
        UtcDateTime::UNIX_EPOCH.checked_add(Duration::milliseconds(self.0))
    }
}

/// Cuts to whole milliseconds.
impl TryFrom<UtcDateTime> for UnixMillis {
    type Error = BeforeUnixEpoch;

    fn try_from(at: UtcDateTime) -> Result<Self, Self::Error> {
        let millis = at.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(millis).ok().and_then(Self::new).ok_or(BeforeUnixEpoch { at })
    }
}

impl Serialize for UnixMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for UnixMillis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(MillisVisitor)
    }
}

struct MillisVisitor;

impl Visitor<'_> for MillisVisitor {
    type Value = UnixMillis;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of milliseconds since 1970, not negative")
    }

    fn visit_i64<E: de::Error>(self, millis: i64) -> Result<UnixMillis, E> {
        UnixMillis::new(millis).ok_or_else(|| E::invalid_value(Unexpected::Signed(millis), &self))
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<UnixMillis, E> {
        let fitting = i64::try_from(millis).ok().and_then(UnixMillis::new);
        fitting.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(millis), &self))
    }
}

/// The caller's fault: a time before 1970 has no count of milliseconds since then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at} is before 1970-01-01")]
#[non_exhaustive]
pub struct BeforeUnixEpoch {
    /// The time that was given.
    pub at: UtcDateTime,
}
