//! Retry-After: what RFC 9110 allows, and nothing else.

use core::time::Duration;

use gymhook_retry::RetryAfter;
use http::HeaderValue;
use proptest::prelude::*;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::{any_moment, seconds};

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);

fn until(value: &str) -> Option<UtcDateTime> {
    RetryAfter::parse(value, NOW).map(RetryAfter::until)
}

#[test]
fn seconds_count_from_now() {
    assert_eq!(until("0"), Some(NOW));
    assert_eq!(until("1"), Some(utc_datetime!(2026-01-01 12:00:01)));
    assert_eq!(until("0086400"), Some(utc_datetime!(2026-01-02 12:00)));
    assert_eq!(until("\t60 "), Some(utc_datetime!(2026-01-01 12:01)));
}

/// The three spellings of one moment in RFC 9110, section 5.6.7.
#[test]
fn the_three_forms_of_an_http_date_are_one_moment() {
    let wanted = Some(utc_datetime!(1994-11-06 08:49:37));
    assert_eq!(until("Sun, 06 Nov 1994 08:49:37 GMT"), wanted);
    assert_eq!(until("Sunday, 06-Nov-94 08:49:37 GMT"), wanted);
    assert_eq!(until("Sun Nov  6 08:49:37 1994"), wanted);
}

#[test]
fn leap_days_exist_in_leap_years_only() {
    assert_eq!(until("Tue, 29 Feb 2028 00:00:00 GMT"), Some(utc_datetime!(2028-02-29 0:00)));
    assert_eq!(until("Tuesday, 29-Feb-28 00:00:00 GMT"), Some(utc_datetime!(2028-02-29 0:00)));
    assert_eq!(until("Tue Feb 29 00:00:00 2028"), Some(utc_datetime!(2028-02-29 0:00)));
    assert_eq!(until("Tue, 29 Feb 2000 00:00:00 GMT"), Some(utc_datetime!(2000-02-29 0:00)));
    assert_eq!(until("Mon, 29 Feb 2027 00:00:00 GMT"), None);
    assert_eq!(until("Mon, 29 Feb 2100 00:00:00 GMT"), None);
}

#[test]
fn the_last_second_of_the_calendar_is_read() {
    assert_eq!(until("Fri, 31 Dec 9999 23:59:59 GMT"), Some(utc_datetime!(9999-12-31 23:59:59)));
}

#[test]
fn what_is_no_date_says_nothing() {
    for value in [
        "Thu, 32 Jan 2026 13:00:00 GMT",
        "Thu, 00 Jan 2026 13:00:00 GMT",
        "Fri, 31 Apr 2026 13:00:00 GMT",
        "Thu, 01 Jan 2026 24:00:00 GMT",
        "Thu, 01 Jan 2026 23:60:00 GMT",
        "Wed, 31 Dec 2025 23:59:60 GMT",
        "Mon, 01 Jan 2026 13:00:00 GMT",
        "Thu, 01 Jan 2026 13:00:00",
        "Thu, 01 Jan 2026 13:00:00 UTC",
        "Thu, 01 Jan 2026 13:00:00 +0000",
        "Thu, 01 Jan 26 13:00:00 GMT",
        "thu, 01 jan 2026 13:00:00 gmt",
        "Thu, 1 Jan 2026 13:00:00 GMT",
        "01 Jan 2026 13:00:00 GMT",
        "2026-01-01T13:00:00Z",
        "Thu, 01 Jan 1969 13:00:00 GMT",
        "Sat, 01 Jan 10000 00:00:00 GMT",
    ] {
        assert_eq!(until(value), None, "{value}");
    }
}

#[test]
fn what_is_no_whole_number_says_nothing() {
    for value in [
        "", " ", "-1", "+1", "1.5", "1,5", "1e3", "1e30", "inf", "-inf", "NaN", "0x10", "1_000", "10s",
        "1 0", "10;", "\u{661}",
    ] {
        assert_eq!(until(value), None, "{value:?}");
    }
}

#[test]
fn any_number_of_digits_saturates() {
    for digits in
        ["9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616"]
    {
        assert_eq!(until(digits), Some(UtcDateTime::MAX), "{digits}");
    }
    assert_eq!(until(&"9".repeat(5_000)), Some(UtcDateTime::MAX));
    assert_eq!(until(&format!("{}7", "0".repeat(5_000))), Some(utc_datetime!(2026-01-01 12:00:07)));
    assert_eq!(RetryAfter::parse("1", UtcDateTime::MAX).map(RetryAfter::until), Some(UtcDateTime::MAX));
}

#[test]
fn a_header_value_can_be_given_as_it_is() {
    let value = HeaderValue::from_static("60");
    assert_eq!(RetryAfter::parse(&value, NOW), Some(RetryAfter::seconds(60, NOW)));
    let opaque = HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    assert_eq!(RetryAfter::parse(&opaque, NOW), None);
}

#[test]
fn what_remains_is_never_negative() {
    let wish = RetryAfter::from(utc_datetime!(2026-01-01 12:01));
    assert_eq!(wish.remaining(NOW), seconds(60));
    assert_eq!(wish.remaining(utc_datetime!(2026-01-01 12:02)), Duration::ZERO);
}

proptest! {
    #[test]
    fn any_bytes_at_any_time_are_survived(
        value in proptest::collection::vec(any::<u8>(), 0..64), now in any_moment(),
    ) {
        if let Some(wish) = RetryAfter::parse(&value, now) {
            prop_assert!(value.iter().any(u8::is_ascii_digit));
            prop_assert!(wish.remaining(now) <= Duration::from_secs(20_000 * 366 * 86_400));
        }
    }

    /// Almost dates: the three forms with any numbers in their places.
    #[test]
    fn almost_dates_are_survived(
        day in 0..40_u32, year in 0..12_000_u32, hour in 0..30_u32, minute in 0..70_u32, now in any_moment(),
    ) {
        for value in [
            format!("Thu, {day:02} Jan {year:04} {hour:02}:{minute:02}:00 GMT"),
            format!("Thursday, {day:02}-Jan-{:02} {hour:02}:{minute:02}:00 GMT", year % 100),
            format!("Thu Jan {day:2} {hour:02}:{minute:02}:00 {year:04}"),
        ] {
            if let Some(wish) = RetryAfter::parse(&value, now) {
                prop_assert!((1..=31).contains(&day) && hour < 24 && minute < 60, "{}", value);
                prop_assert_eq!(u32::from(wish.until().day()), day);
            }
        }
    }

    #[test]
    fn whole_seconds_are_exact(wanted in 0..10_000_000_000_u64) {
        let wish = RetryAfter::parse(wanted.to_string(), NOW).unwrap();
        prop_assert_eq!(wish.remaining(NOW), seconds(wanted));
    }
}
