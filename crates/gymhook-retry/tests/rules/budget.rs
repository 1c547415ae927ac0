//! The retry budget: its share, its reserve, and a clock that does as it likes.

use gymhook_retry::{BudgetError, RetryBudget, time_math};
use proptest::prelude::*;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::{any_moment, seconds};

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);

fn take_all(budget: &mut RetryBudget, now: UtcDateTime) -> u32 {
    let mut taken = 0;
    while budget.try_retry(now).is_ok() {
        taken += 1;
    }
    taken
}

#[test]
fn it_starts_full_and_ends_empty() {
    let mut budget = RetryBudget::new(20, 0, 7, NOW).unwrap();
    assert_eq!(budget.available(), 7);
    assert_eq!(take_all(&mut budget, NOW), 7);
    assert_eq!(budget.available(), 0);
    assert_eq!(budget.try_retry(NOW).unwrap_err().available_at, None, "no reserve, so only traffic pays");
}

#[test]
fn traffic_pays_its_share() {
    for percent in [0, 1, 20, 33, 100] {
        let mut budget = RetryBudget::new(percent, 0, 1_000, NOW).unwrap();
        take_all(&mut budget, NOW);
        for _ in 0..500 {
            budget.record_first_attempt(NOW);
        }
        assert_eq!(take_all(&mut budget, NOW), u32::from(percent) * 5);
    }
}

#[test]
fn the_reserve_pays_with_time() {
    let mut budget = RetryBudget::new(0, 10, 100, NOW).unwrap();
    take_all(&mut budget, NOW);
    let six_seconds = time_math::later(NOW, seconds(6));
    assert_eq!(budget.try_retry(NOW).unwrap_err().available_at, Some(six_seconds));
    assert!(budget.clone().try_retry(time_math::later(NOW, seconds(5))).is_err());
    assert!(budget.clone().try_retry(six_seconds).is_ok());
    assert_eq!(take_all(&mut budget, time_math::later(NOW, seconds(300))), 50);
}

/// 7 a minute are 8,571.43 ms each: asked again at the promised time_math, a retry is there, and not a millisecond before.
#[test]
fn the_promised_moment_is_exact() {
    let mut budget = RetryBudget::new(0, 7, 100, NOW).unwrap();
    take_all(&mut budget, NOW);
    let promised = budget.try_retry(NOW).unwrap_err().available_at.unwrap();
    assert_eq!(time_math::elapsed(NOW, promised).as_millis(), 8_572);
    let just_before = promised - time::Duration::milliseconds(1);
    assert!(budget.clone().try_retry(just_before).is_err());
    assert!(budget.try_retry(promised).is_ok());
}

#[test]
fn savings_end_at_the_burst() {
    let mut budget = RetryBudget::new(100, 60_000, 5, NOW).unwrap();
    for _ in 0..100 {
        budget.record_first_attempt(NOW);
    }
    assert_eq!(take_all(&mut budget, utc_datetime!(9999-12-31 23:59)), 5);
}

#[test]
fn a_clock_that_steps_back_pays_nothing_and_stalls_nothing() {
    let mut budget = RetryBudget::new(0, 60, 100, NOW).unwrap();
    take_all(&mut budget, NOW);
    let back = utc_datetime!(2025-01-01 0:00);
    assert!(budget.try_retry(back).is_err(), "nothing is paid in");
    assert_eq!(
        take_all(&mut budget, time_math::later(back, seconds(2))),
        2,
        "time counts from where it stepped to"
    );
}

#[test]
fn the_defaults_are_a_fifth_and_a_little() {
    let mut budget = RetryBudget::with_defaults(NOW);
    assert_eq!(budget, RetryBudget::new(20, 10, 100, NOW).unwrap());
    assert_eq!(take_all(&mut budget, NOW), 100);
}

#[test]
fn a_budget_that_bounds_nothing_or_allows_nothing_is_refused() {
    assert_eq!(RetryBudget::new(101, 0, 1, NOW), Err(BudgetError::ShareAboveAll { percent: 101 }));
    assert_eq!(RetryBudget::new(20, 10, 0, NOW), Err(BudgetError::NoBurst));
    assert!(RetryBudget::new(100, u32::MAX, u32::MAX, NOW).is_ok());
}

proptest! {
    /// The bound of the documentation, whatever the order of calls, while the clock runs forwards.
    #[test]
    fn retries_stay_within_their_share(
        percent in 0..=100_u8, reserve in 0..200_u32, burst in 1..50_u32,
        steps in proptest::collection::vec((0..5_000_u64, any::<bool>()), 0..400),
    ) {
        let mut budget = RetryBudget::new(percent, reserve, burst, NOW).unwrap();
        let (mut now, mut elapsed_ms, mut first_attempts, mut retries) = (NOW, 0, 0_u64, 0_u64);
        for (ms, is_retry) in steps {
            now = time_math::later(now, core::time::Duration::from_millis(ms));
            elapsed_ms += ms;
            if is_retry {
                retries += u64::from(budget.try_retry(now).is_ok());
            } else {
                budget.record_first_attempt(now);
                first_attempts += 1;
            }
            let allowed = u64::from(burst) * 6_000_000
                + u64::from(percent) * first_attempts * 60_000
                + u64::from(reserve) * elapsed_ms * 100;
            prop_assert!(retries * 6_000_000 <= allowed);
            prop_assert!(budget.available() <= burst);
        }
    }

    #[test]
    fn any_clock_and_any_size_is_survived(
        percent in 0..=100_u8, reserve in any::<u32>(), burst in 1..=u32::MAX,
        moments in proptest::collection::vec(any_moment(), 1..20),
    ) {
        let mut budget = RetryBudget::new(percent, reserve, burst, moments[0]).unwrap();
        for now in moments {
            budget.record_first_attempt(now);
            if let Err(exhausted) = budget.try_retry(now) {
                prop_assert!(exhausted.available_at.is_none_or(|at| at >= now));
            }
            prop_assert!(budget.available() <= burst);
        }
    }
}
