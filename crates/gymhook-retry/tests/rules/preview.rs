//! The preview: every attempt of every preset, and that no real run leaves its bounds.

use core::time::Duration;

use gymhook_retry::{
    Anchor, AttemptNumber, Decision, Jitter, Outcome, RetryAfter, RetryPolicy, RetrySchedule, time_math,
};
use http::StatusCode;
use proptest::prelude::*;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::{any_jitter, seconds};

const START: UtcDateTime = utc_datetime!(2026-01-01 12:00);

/// (earliest, latest) in seconds after the start, and the latest moment of giving up.
fn table(policy: &RetryPolicy) -> (Vec<(u64, u64)>, u64) {
    let after_start = |at| time_math::elapsed(START, at).as_secs();
    let preview = policy.preview(START);
    let gives_up_at = after_start(preview.gives_up_at());
    (preview.map(|row| (after_start(row.earliest), after_start(row.latest))).collect(), gives_up_at)
}

#[test]
fn the_presets_are_the_published_schedules() {
    let gympoint = vec![(0, 0), (300, 330), (2_100, 2_160), (9_300, 9_390)];
    assert_eq!(table(&RetryPolicy::gympoint()), (gympoint, 9_420));
    let first_failure = RetryPolicy::gympoint().with_anchor(Anchor::FirstFailure);
    assert_eq!(table(&first_failure), (vec![(0, 0), (300, 330), (1_800, 1_830), (7_200, 7_230)], 7_260));

    assert_eq!(table(&RetryPolicy::egym()), (vec![(0, 0)], 5));
    assert_eq!(table(&RetryPolicy::perfectgym()), (vec![(0, 0)], 5));
    assert_eq!(table(&RetryPolicy::pg_next_no_retry()), (vec![(0, 0)], 5));
    let pg_next = vec![(0, 0), (600, 605), (1_200, 1_210), (1_800, 1_815)];
    assert_eq!(table(&RetryPolicy::pg_next()), (pg_next, 1_820));

    let point = vec![(0, 0), (0, 90), (0, 360), (0, 1_350), (0, 4_980)];
    assert_eq!(table(&RetryPolicy::point()), (point, 5_010));
}

/// The column "Time since start" of the specification, without jitter.
#[test]
fn standard_webhooks_is_the_table_of_its_specification() {
    let policy =
        RetryPolicy::standard_webhooks().with_jitter(Jitter::None).with_attempt_timeout(Duration::ZERO);
    let at = |hours: u64, minutes: u64, secs: u64| {
        let offset = (hours * 60 + minutes) * 60 + secs;
        (offset, offset)
    };
    let wanted = vec![
        at(0, 0, 0),
        at(0, 0, 5),
        at(0, 5, 5),
        at(0, 35, 5),
        at(2, 35, 5),
        at(7, 35, 5),
        at(17, 35, 5),
        at(31, 35, 5),
        at(51, 35, 5),
        at(75, 35, 5),
    ];
    assert_eq!(table(&policy), (wanted, 75 * 3_600 + 35 * 60 + 5));
    assert_eq!(RetryPolicy::standard_webhooks().jitter(), Jitter::Proportional { percent: 10 });
    assert_eq!(RetryPolicy::standard_webhooks().attempt_timeout(), seconds(30));
}

#[test]
fn attempts_are_numbered_from_one_without_a_gap() {
    let policy = RetryPolicy::pg_next();
    assert_eq!(policy.preview(START).map(|row| row.attempt.get()).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn a_retry_after_in_every_answer_is_the_worst_case() {
    let policy = RetryPolicy::pg_next();
    let preview = policy.preview(START);
    // Three days and four attempts of 5 s.
    assert_eq!(preview.gives_up_at_throttled(), utc_datetime!(2026-01-04 12:00:20));
    assert_eq!(preview.gives_up_at(), utc_datetime!(2026-01-01 12:30:20));
    let strict = policy.with_retry_after_max(Duration::ZERO);
    assert_eq!(strict.preview(START).gives_up_at_throttled(), utc_datetime!(2026-01-01 12:30:20));
}

#[test]
fn the_end_of_a_preview_is_known_however_far_it_was_read() {
    let policy = RetryPolicy::gympoint();
    let mut preview = policy.preview(START);
    let whole = preview.gives_up_at();
    for _ in 0..6 {
        preview.next();
        assert_eq!(preview.gives_up_at(), whole);
    }
}

#[test]
fn a_billion_retries_cost_nothing_until_they_are_read() {
    let policy = RetryPolicy::new(RetrySchedule::constant(seconds(1), u32::MAX));
    assert_eq!(
        policy.preview(START).take(3).last().map(|row| row.earliest),
        Some(time_math::later(START, seconds(2)))
    );
}

#[test]
fn the_end_of_time_is_the_end() {
    let policy =
        RetryPolicy::new(RetrySchedule::constant(Duration::MAX, 3)).with_attempt_timeout(Duration::MAX);
    let preview = policy.preview(UtcDateTime::MAX);
    assert_eq!(preview.gives_up_at(), UtcDateTime::MAX);
    assert_eq!(preview.count(), 4);
}

fn any_sane_schedule() -> impl Strategy<Value = RetrySchedule> {
    let delay = || (0..100_000_u64).prop_map(Duration::from_millis);
    prop_oneof![
        proptest::collection::vec(delay(), 0..6).prop_map(RetrySchedule::fixed),
        (delay(), 0..6_u32).prop_map(|(delay, retries)| RetrySchedule::constant(delay, retries)),
        (1..1_000_u64, 1..9_u32, 1_000..90_000_u64, 0..6_u32).prop_map(|(initial, factor, max, retries)| {
            RetrySchedule::exponential(
                Duration::from_millis(initial),
                factor,
                Duration::from_millis(max),
                retries,
            )
            .unwrap()
        }),
    ]
}

proptest! {
    /// Whatever is drawn, however long attempts take and whatever the endpoint asks, no attempt is outside its row.
    #[test]
    fn no_run_leaves_the_preview(
        schedule in any_sane_schedule(), jitter in any_jitter(), from_first in any::<bool>(),
        took in proptest::collection::vec(0..=5_000_u64, 8), draws in proptest::collection::vec(any::<u64>(), 8),
        wishes in proptest::collection::vec(proptest::option::of(0..200_u64), 8),
    ) {
        let policy = RetryPolicy::new(schedule)
            .with_jitter(jitter)
            .with_anchor(if from_first { Anchor::FirstFailure } else { Anchor::FailedAttempt })
            .with_attempt_timeout(seconds(5))
            .with_retry_after_max(seconds(120));
        let asked_nothing = wishes.iter().all(Option::is_none);
        let rows: Vec<_> = policy.preview(START).collect();
        let (mut attempt, mut at, mut first) = (AttemptNumber::FIRST, START, None);
        for (index, row) in rows.iter().enumerate() {
            prop_assert_eq!(row.attempt, attempt);
            prop_assert!(row.earliest <= at && at <= row.latest_throttled);
            prop_assert!(row.earliest <= row.latest && row.latest <= row.latest_throttled);
            prop_assert!(!asked_nothing || at <= row.latest);
            let ended = time_math::later(at, Duration::from_millis(took[index]));
            let retry_after = wishes[index].map(|wish| RetryAfter::seconds(wish, ended));
            let outcome = Outcome::Response { status: StatusCode::SERVICE_UNAVAILABLE, retry_after };
            let decision = policy.decide(attempt, first, &outcome, draws[index], ended);
            first = first.or(Some(ended));
            match decision {
                Decision::RetryAt { at: due, attempt: next, .. } => (at, attempt) = (due, next),
                Decision::Delivered | Decision::Undeliverable { .. } | Decision::EndpointGone => {
                    prop_assert_eq!(index + 1, rows.len());
                }
            }
        }
    }
}
