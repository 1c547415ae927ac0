//! Deciding about a retry: each contender is one schedule or one outcome, and none is a floor.

use core::hint::black_box;
use core::time::Duration;

use gymhook::retry::{
    Anchor, AttemptNumber, Decision, Fault, Jitter, Outcome as Seen, RetryAfter, RetryPolicy, RetrySchedule,
    draw,
};
use http::StatusCode;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::{Group, Outcome};

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);

/// One group for `decide` and one for `delay_after`.
pub fn groups() -> impl Iterator<Item = Outcome<Group>> {
    let builds: [fn() -> Outcome<Group>; 2] = [decide, delay_after];
    builds.into_iter().map(|build| build())
}

fn decide() -> Outcome<Group> {
    let slow_down = Seen::Response {
        status: StatusCode::SERVICE_UNAVAILABLE,
        retry_after: Some(RetryAfter::seconds(90, NOW)),
    };
    let timeout = Seen::Failure(Fault::Timeout);
    let anchored = RetryPolicy::gympoint().with_anchor(Anchor::FirstFailure);
    let grown = RetryPolicy::new(exponential(1_000)?).with_jitter(Jitter::Decorrelated);
    Group::new("decide", 0)
        .with_goals(
            "delivered",
            &[],
            Some(0),
            deciding(RetryPolicy::point(), 1, Seen::response(StatusCode::OK)),
        )?
        .with_goals("list, timeout", &[], Some(0), deciding(RetryPolicy::standard_webhooks(), 3, timeout))?
        .with_goals("list, from the first failure", &[], Some(0), deciding(anchored, 3, timeout))?
        .with_goals("exponential, full jitter", &[], Some(0), deciding(RetryPolicy::point(), 3, timeout))?
        .with_goals("exponential, Retry-After", &[], Some(0), deciding(RetryPolicy::point(), 3, slow_down))?
        .with_goals("exponential, attempt 900", &[], Some(0), deciding(grown, 900, timeout))?
        .with_goals("given up", &[], Some(0), deciding(RetryPolicy::point(), 5, timeout))
}

fn delay_after() -> Outcome<Group> {
    let list = RetryPolicy::standard_webhooks().schedule().clone();
    let constant = RetrySchedule::constant(Duration::from_secs(600), 1_000);
    Group::new("delay_after", 0)
        .with_goals("list", &[], Some(0), delaying(list, 3))?
        .with_goals("constant", &[], Some(0), delaying(constant, 3))?
        .with_goals("exponential", &[], Some(0), delaying(exponential(1_000)?, 3))?
        .with_goals("exponential, attempt 900", &[], Some(0), delaying(exponential(1_000)?, 900))
}

fn exponential(retries: u32) -> Outcome<RetrySchedule> {
    Ok(RetrySchedule::exponential(Duration::from_secs(1), 3, Duration::from_secs(3_600), retries)?)
}

/// The draw is part of it: no decision is made without one.
fn deciding(policy: RetryPolicy, attempt: u32, outcome: Seen) -> impl Fn() -> bool {
    let attempt = AttemptNumber::new(attempt).unwrap_or(AttemptNumber::MAX);
    let first_failure = attempt.is_retry().then_some(NOW - Duration::from_secs(300));
    let id = 0x0192_ab34_0000_7000_8000_0000_0000_0001_u128.to_be_bytes();
    move || {
        let draw = draw(black_box(id), attempt);
        let (attempt, outcome) = (black_box(attempt), black_box(&outcome));
        let decision = black_box(&policy).decide(attempt, first_failure, outcome, draw, NOW);
        !matches!(black_box(decision), Decision::EndpointGone)
    }
}

fn delaying(schedule: RetrySchedule, failed: u32) -> impl Fn() -> bool {
    let failed = AttemptNumber::new(failed).unwrap_or(AttemptNumber::MAX);
    move || black_box(black_box(&schedule).delay_after(black_box(failed))).is_some()
}
