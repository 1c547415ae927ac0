//! Jitter: its bounds, its cap, and that it is spread evenly between them.

use core::time::Duration;

use gymhook_retry::{AttemptNumber, Jitter, RetrySchedule, draw};
use proptest::prelude::*;

use crate::{any_attempt, any_draw, any_jitter, any_schedule, attempt, seconds};

const BINS: usize = 20;
const SAMPLES: u32 = 20_000;

fn bounds(jitter: Jitter, schedule: &RetrySchedule, failed: u32) -> (Duration, Duration) {
    let spread = jitter.spread(schedule, attempt(failed)).unwrap();
    (spread.shortest(), spread.longest())
}

/// Pearson's statistic of the waits of many deliveries, sorted into equal bins of the interval that is expected.
fn chi_square(jitter: Jitter, schedule: &RetrySchedule, failed: u32, from: Duration, to: Duration) -> f64 {
    let mut counts = [0_u32; BINS];
    for id in 0..SAMPLES {
        let failed = attempt(failed);
        let wait = jitter.spread(schedule, failed).unwrap().pick(draw(format!("delivery {id}"), failed));
        assert!(from <= wait && wait <= to, "{wait:?} is outside of {from:?} to {to:?}");
        let bin = (wait - from).as_nanos() * BINS as u128 / ((to - from).as_nanos() + 1);
        counts[usize::try_from(bin).unwrap()] += 1;
    }
    let expected = f64::from(SAMPLES) / BINS as f64;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

fn assert_uniform(jitter: Jitter, schedule: &RetrySchedule, failed: u32, from: Duration, to: Duration) {
    let statistic = chi_square(jitter, schedule, failed, from, to);
    // 19 degrees of freedom: exceeded once in 10,000 honest samples. One bin out of 20 left empty alone adds 1,000.
    assert!(statistic < 50.8, "{jitter:?}: chi-square {statistic:.1} over {BINS} bins");
}

fn constant() -> RetrySchedule {
    RetrySchedule::constant(seconds(60), 5)
}

fn exponential() -> RetrySchedule {
    RetrySchedule::exponential(seconds(10), 2, seconds(100), 9).unwrap()
}

#[test]
fn none_is_exact() {
    assert_eq!(bounds(Jitter::None, &constant(), 1), (seconds(60), seconds(60)));
    assert_eq!(Jitter::None.spread(&constant(), attempt(1)).unwrap().pick(u64::MAX), seconds(60));
}

#[test]
fn full_spreads_evenly_from_nothing() {
    assert_uniform(Jitter::Full, &constant(), 2, Duration::ZERO, seconds(60));
}

#[test]
fn equal_spreads_evenly_over_the_upper_half() {
    assert_uniform(Jitter::Equal, &constant(), 2, seconds(30), seconds(60));
}

#[test]
fn proportional_spreads_evenly_to_both_sides() {
    assert_uniform(Jitter::Proportional { percent: 10 }, &constant(), 2, seconds(54), seconds(66));
    assert_uniform(Jitter::Proportional { percent: 100 }, &constant(), 2, Duration::ZERO, seconds(120));
}

#[test]
fn decorrelated_spreads_evenly_from_the_first_to_thrice_the_previous() {
    assert_uniform(Jitter::Decorrelated, &exponential(), 1, seconds(10), seconds(30));
    assert_uniform(Jitter::Decorrelated, &exponential(), 2, seconds(10), seconds(30));
    assert_uniform(Jitter::Decorrelated, &exponential(), 3, seconds(10), seconds(60));
    assert_uniform(Jitter::Decorrelated, &exponential(), 5, seconds(10), seconds(100));
}

/// A cap that cut into the interval and let the rest pile up on it would put a quarter of all waits there.
#[test]
fn the_cap_leaves_no_pile() {
    let schedule = RetrySchedule::exponential(seconds(50), 2, seconds(100), 4).unwrap();
    assert_uniform(Jitter::Proportional { percent: 50 }, &schedule, 2, seconds(50), seconds(100));
}

#[test]
fn proportions_beyond_all_count_as_all() {
    let all = bounds(Jitter::Proportional { percent: 100 }, &constant(), 1);
    assert_eq!(bounds(Jitter::Proportional { percent: 255 }, &constant(), 1), all);
    assert_eq!(bounds(Jitter::Proportional { percent: 0 }, &constant(), 1), (seconds(60), seconds(60)));
    assert_eq!(bounds(Jitter::Proportional { percent: 25 }, &constant(), 1), (seconds(45), seconds(75)));
}

#[test]
fn the_ends_of_the_longest_spread_are_within_reach() {
    let forever = RetrySchedule::constant(Duration::MAX, 1);
    let spread = Jitter::Full.spread(&forever, AttemptNumber::FIRST).unwrap();
    assert_eq!(spread.pick(0), Duration::ZERO);
    assert_eq!(spread.pick(u64::MAX), Duration::from_secs(u64::MAX));
    assert_eq!(spread.pick(1 << 63), Duration::from_secs(1 << 63));
}

proptest! {
    #[test]
    fn every_pick_is_within_its_spread_and_the_cap(
        schedule in any_schedule(), jitter in any_jitter(), failed in any_attempt(), draw in any_draw(),
    ) {
        let spread = jitter.spread(&schedule, failed);
        prop_assert_eq!(spread.is_some(), schedule.delay_after(failed).is_some());
        if let Some(spread) = spread {
            let wait = spread.pick(draw);
            prop_assert!(spread.shortest() <= wait && wait <= spread.longest());
            prop_assert!(schedule.cap().is_none_or(|cap| wait <= cap));
        }
    }

    #[test]
    fn a_higher_draw_never_waits_less(
        schedule in any_schedule(), jitter in any_jitter(), low in any_draw(), high in any_draw(),
    ) {
        if let Some(spread) = jitter.spread(&schedule, AttemptNumber::FIRST) {
            prop_assert!(spread.pick(low.min(high)) <= spread.pick(low.max(high)));
        }
    }

    #[test]
    fn both_ends_are_within_reach(nanos in any::<u64>(), jitter in any_jitter()) {
        let schedule = RetrySchedule::constant(Duration::from_nanos(nanos) / 4, 1);
        let spread = jitter.spread(&schedule, AttemptNumber::FIRST).unwrap();
        prop_assert_eq!(spread.pick(0), spread.shortest());
        prop_assert_eq!(spread.pick(u64::MAX), spread.longest());
    }
}
