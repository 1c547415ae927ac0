//! Schedules: every form, its ends, and arithmetic that never overflows.

use core::time::Duration;

use gymhook_retry::{AttemptNumber, RetrySchedule, ScheduleError};
use proptest::prelude::*;

use crate::{any_attempt, any_schedule, attempt, seconds};

fn delays(schedule: &RetrySchedule, attempts: u32) -> Vec<Option<Duration>> {
    (1..=attempts).map(|failed| schedule.delay_after(attempt(failed))).collect()
}

#[test]
fn never_has_no_retry() {
    assert_eq!(RetrySchedule::never().delay_after(AttemptNumber::FIRST), None);
    assert_eq!(RetrySchedule::never().retries(), 0);
    assert_eq!(RetrySchedule::never(), RetrySchedule::fixed(Vec::new()));
}

#[test]
fn a_list_is_read_in_its_order() {
    let schedule = RetrySchedule::fixed(vec![seconds(9), seconds(1), seconds(5)]);
    assert_eq!(delays(&schedule, 4), [Some(seconds(9)), Some(seconds(1)), Some(seconds(5)), None]);
    assert_eq!((schedule.retries(), schedule.cap()), (3, None));
}

#[test]
fn a_constant_repeats_itself() {
    let schedule = RetrySchedule::constant(seconds(7), 2);
    assert_eq!(delays(&schedule, 3), [Some(seconds(7)), Some(seconds(7)), None]);
    assert_eq!((schedule.retries(), schedule.cap()), (2, None));
}

#[test]
fn an_exponential_grows_to_its_cap() {
    let schedule = RetrySchedule::exponential(seconds(1), 3, seconds(10), 4).unwrap();
    let wanted = [Some(seconds(1)), Some(seconds(3)), Some(seconds(9)), Some(seconds(10)), None];
    assert_eq!(delays(&schedule, 5), wanted);
    assert_eq!((schedule.retries(), schedule.cap()), (4, Some(seconds(10))));
}

#[test]
fn growth_beyond_64_bits_of_nanoseconds_is_exact() {
    // (3 s + 7 ns) × 1000^4; 64 bits of nanoseconds end at 1.8 × 10^10 s.
    let initial = Duration::new(3, 7);
    let schedule = RetrySchedule::exponential(initial, 1_000, Duration::MAX, 9).unwrap();
    assert_eq!(schedule.delay_after(attempt(5)), Some(Duration::new(3_000_000_000_000 + 7_000, 0)));
    assert_eq!(schedule.delay_after(attempt(9)), Some(Duration::MAX));
}

#[test]
fn an_exponential_that_makes_no_sense_is_refused() {
    let exponential = |initial, factor, max| RetrySchedule::exponential(initial, factor, max, 3);
    assert_eq!(exponential(seconds(1), 0, seconds(2)), Err(ScheduleError::ZeroFactor));
    assert_eq!(exponential(Duration::ZERO, 2, seconds(2)), Err(ScheduleError::ZeroInitial));
    let (initial, max) = (seconds(3), seconds(2));
    assert_eq!(exponential(initial, 2, max), Err(ScheduleError::MaxBelowInitial { initial, max }));
    assert!(exponential(seconds(2), 2, seconds(2)).is_ok());
    assert!(exponential(seconds(2), 1, seconds(2)).is_ok());
}

#[test]
fn the_last_number_has_no_retry_after_it() {
    let schedule = RetrySchedule::constant(seconds(1), u32::MAX);
    assert_eq!(schedule.delay_after(attempt(u32::MAX - 1)), Some(seconds(1)));
    assert_eq!(schedule.delay_after(AttemptNumber::MAX), None);
    assert_eq!(schedule.retries(), u32::MAX - 1);
    assert_eq!(AttemptNumber::MAX.next(), AttemptNumber::MAX);
}

#[test]
fn attempts_count_from_one() {
    assert_eq!(AttemptNumber::new(0), None);
    assert_eq!(AttemptNumber::FIRST.get(), 1);
    assert!(!AttemptNumber::FIRST.is_retry());
    assert!(attempt(2).is_retry());
    assert_eq!((AttemptNumber::FIRST.predecessors(), attempt(5).predecessors()), (0, 4));
    assert_eq!(attempt(5).next(), attempt(6));
    assert_eq!(attempt(5).to_string(), "5");
}

proptest! {
    /// What `retries` counts is exactly where `delay_after` ends.
    #[test]
    fn delays_exist_for_as_many_attempts_as_there_are_retries(schedule in any_schedule(), failed in any_attempt()) {
        prop_assert_eq!(schedule.delay_after(failed).is_some(), failed.get() <= schedule.retries());
    }

    #[test]
    fn no_delay_exceeds_the_cap(schedule in any_schedule(), failed in any_attempt()) {
        if let (Some(delay), Some(cap)) = (schedule.delay_after(failed), schedule.cap()) {
            prop_assert!(delay <= cap);
        }
    }

    /// Growth agrees with repeated multiplication in wider arithmetic.
    #[test]
    fn growth_agrees_with_repeated_multiplication(nanos in 1_u64.., factor in 1_u32..50, failed in 1_u32..40) {
        let schedule = RetrySchedule::exponential(Duration::from_nanos(nanos), factor, Duration::MAX, 40).unwrap();
        let mut wanted = u128::from(nanos);
        for _ in 1..failed {
            wanted = wanted.saturating_mul(u128::from(factor)).min(Duration::MAX.as_nanos());
        }
        prop_assert_eq!(schedule.delay_after(attempt(failed)).unwrap().as_nanos(), wanted);
    }
}
