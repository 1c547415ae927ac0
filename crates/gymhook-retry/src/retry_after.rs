//! `RetryAfter`: the `Retry-After` header, parsed as hostile input.

use core::time::Duration;
use std::time::SystemTime;

use time::UtcDateTime;

use crate::time_math;

/// The time before which the endpoint asked not to be called again.
///
/// The policy limits how far into the future it is honoured
/// ([`RetryPolicy::with_retry_after_max`](crate::RetryPolicy::with_retry_after_max)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetryAfter(UtcDateTime);

impl RetryAfter {
    /// Parses the header's value; `None` if it is invalid.
    ///
    /// RFC 9110, section 10.2.3: a number of whole seconds, counted from `now` (the receipt of the response), or an
    /// HTTP-date in any of its three forms (section 5.6.7). A number too large for any clock is a very long wait, not
    /// an error; signs, fractions, exponents, impossible dates and anything else count as no header at all, and so does
    /// a leap second (`:60`), which no clock here can name.
    ///
    /// ```
    /// use gymhook_retry::RetryAfter;
    /// use time::macros::utc_datetime;
    ///
    /// let now = utc_datetime!(2026-01-01 12:00);
    /// let until = |value: &str| RetryAfter::parse(value.as_bytes(), now).map(RetryAfter::until);
    /// assert_eq!(until("120"), Some(utc_datetime!(2026-01-01 12:02)));
    /// assert_eq!(until("Thu, 01 Jan 2026 13:00:00 GMT"), Some(utc_datetime!(2026-01-01 13:00)));
    /// assert_eq!(until("1e30"), None);
    /// assert_eq!(until("-1"), None);
    /// ```
    #[must_use]
    pub fn parse(value: impl AsRef<[u8]>, now: UtcDateTime) -> Option<Self> {
        let value = value.as_ref().trim_ascii();
        if value.is_empty() {
            return None;
        }
        if value.iter().all(u8::is_ascii_digit) {
            return Some(Self::seconds(saturating_decimal(value), now));
        }
        http_date(value).map(Self)
    }

    /// A wait of this many seconds from `now`.
    #[must_use]
    pub fn seconds(seconds: u64, now: UtcDateTime) -> Self {
        Self(time_math::later(now, Duration::from_secs(seconds)))
    }

    /// The time itself; it may be in the past.
    #[must_use]
    pub const fn until(self) -> UtcDateTime {
        self.0
    }

    /// How long that is from `now`; zero if it is over.
    #[must_use]
    pub fn remaining(self, now: UtcDateTime) -> Duration {
        time_math::elapsed(now, self.0)
    }
}

impl From<UtcDateTime> for RetryAfter {
    fn from(until: UtcDateTime) -> Self {
        Self(until)
    }
}

fn saturating_decimal(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0_u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}

fn http_date(value: &[u8]) -> Option<UtcDateTime> {
    let date = httpdate::parse_http_date(core::str::from_utf8(value).ok()?).ok()?;
    let since_epoch = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(time_math::later(UtcDateTime::UNIX_EPOCH, since_epoch))
}
