//! The rules that the crate promises, one module each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod budget;
mod classify;
mod decide;
mod draw;
mod jitter;
mod preview;
mod retry_after;
mod schedule;
mod snapshot;

use core::time::Duration;

use gymhook_retry::{AttemptNumber, Jitter, RetrySchedule};
use proptest::prelude::*;
use time::UtcDateTime;

fn attempt(number: u32) -> AttemptNumber {
    AttemptNumber::new(number).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lengths of every magnitude: nothing, nanoseconds, days, centuries and all there is.
fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0_u64..4_000).prop_map(Duration::from_nanos),
        (0_u64..4_000_000).prop_map(Duration::from_millis),
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)),
    ]
}

fn any_attempt() -> impl Strategy<Value = AttemptNumber> {
    prop_oneof![8 => 1_u32..12, 1 => 1..=u32::MAX, 1 => Just(u32::MAX)].prop_map(attempt)
}

fn any_retries() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0_u32..12, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn any_schedule() -> impl Strategy<Value = RetrySchedule> {
    prop_oneof![
        proptest::collection::vec(any_duration(), 0..8).prop_map(RetrySchedule::fixed),
        (any_duration(), any_retries()).prop_map(|(delay, retries)| RetrySchedule::constant(delay, retries)),
        (any_duration(), prop_oneof![1_u32..6, any::<u32>()], any_duration(), any_retries()).prop_filter_map(
            "a valid exponential schedule",
            |(initial, factor, max, retries)| {
                RetrySchedule::exponential(initial, factor, max, retries).ok()
            }
        ),
    ]
}

fn any_jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        any::<u8>().prop_map(|percent| Jitter::Proportional { percent }),
    ]
}

/// Draws at both ends and everywhere between.
fn any_draw() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0), 1 => Just(u64::MAX), 6 => any::<u64>()]
}

/// Moments over the whole range, with its ends.
fn any_moment() -> impl Strategy<Value = UtcDateTime> {
    let (first, last) = (UtcDateTime::MIN.unix_timestamp(), UtcDateTime::MAX.unix_timestamp());
    prop_oneof![
        1 => Just(UtcDateTime::MIN),
        1 => Just(UtcDateTime::MAX),
        3 => (first..=last).prop_map(|at| UtcDateTime::from_unix_timestamp(at).unwrap()),
        3 => (0..4_000_000_000_i64).prop_map(|at| UtcDateTime::from_unix_timestamp(at).unwrap()),
    ]
}
