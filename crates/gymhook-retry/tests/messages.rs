//! Every message of this crate's errors, for a person to read: what happened, where, what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::error::Error;
use core::time::Duration;

use gymhook_retry::{Fault, RetryBudget, RetrySchedule};
use time::macros::utc_datetime;

fn row(error: impl Error + 'static, said: &str) -> (Box<dyn Error>, &str) {
    (Box::new(error), said)
}

#[test]
fn every_message_says_what_happened_where_and_what_to_do() {
    let now = utc_datetime!(2026-01-01 00:00);
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
    let exponential = |initial, factor, max| RetrySchedule::exponential(initial, factor, max, 3).unwrap_err();
    let mut spent = RetryBudget::new(20, 0, 1, now).unwrap();
    spent.try_retry(now).unwrap();
    let rows = [
        row(exponential(minute, 0, hour), "the factor of an exponential schedule is zero: set at least 1"),
        row(
            exponential(Duration::ZERO, 2, hour),
            "the first delay of an exponential schedule is zero, and would never grow: set a longer one",
        ),
        row(
            exponential(hour, 2, minute),
            "the first delay 3600s exceeds the longest delay 60s: swap or change them",
        ),
        row(
            RetryBudget::new(101, 10, 100, now).unwrap_err(),
            "a retry share of 101 % is more than all of the traffic: set at most 100",
        ),
        row(
            RetryBudget::new(20, 10, 0, now).unwrap_err(),
            "a burst of zero never allows a retry: set at least 1",
        ),
        row(spent.try_retry(now).unwrap_err(), "the retry budget is exhausted"),
        row("tiemout".parse::<Fault>().unwrap_err(), "no fault has this name: see Fault::ALL"),
    ];
    for (error, said) in rows {
        assert_eq!(error.to_string(), said, "{error:?}");
        assert!(!said.ends_with('.') && !said.starts_with(char::is_uppercase), "{said}");
    }
}
