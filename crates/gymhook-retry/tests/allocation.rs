//! Deciding allocates nothing.

use core::hint::black_box;
use core::time::Duration;

use gymhook_retry::{
    Anchor, AttemptNumber, Classify, Fault, Jitter, Outcome, RetryAfter, RetryBudget, RetryPolicy,
    RetrySchedule, Verdict, draw,
};
use http::{HeaderValue, StatusCode};
use time::macros::utc_datetime;

fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(vec![1_u8]))), 1);
}

#[test]
fn no_decision_allocates() {
    let now = utc_datetime!(2026-01-01 12:00);
    let exponential =
        RetrySchedule::exponential(Duration::from_secs(1), 3, Duration::from_secs(3_600), 1_000).unwrap();
    let policies = [
        RetryPolicy::gympoint(),
        RetryPolicy::point().with_anchor(Anchor::FirstFailure),
        RetryPolicy::standard_webhooks(),
        RetryPolicy::new(exponential)
            .with_jitter(Jitter::Decorrelated)
            .with_classify(Classify::new().with(StatusCode::CONFLICT, Verdict::Accept)),
    ];
    let outcomes = [
        Outcome::response(StatusCode::OK),
        Outcome::response(StatusCode::CONFLICT),
        Outcome::Response {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: Some(RetryAfter::seconds(90, now)),
        },
        Outcome::Failure(Fault::Timeout),
        Outcome::Crashed,
    ];
    let counted = allocations(|| {
        for policy in &policies {
            for outcome in &outcomes {
                for attempt in [1, 2, 3, 900].into_iter().filter_map(AttemptNumber::new) {
                    let draw = draw("dlv_01", attempt);
                    black_box(policy.decide(attempt, Some(now), black_box(outcome), draw, now));
                    black_box(policy.schedule().delay_after(attempt));
                }
            }
            black_box(policy.preview(now).gives_up_at());
        }
    });
    assert_eq!(counted, 0);
}

#[test]
fn neither_a_preset_nor_a_header_nor_a_budget_allocates() {
    let now = utc_datetime!(2026-01-01 12:00);
    let headers = ["120", "Thu, 01 Jan 2026 13:00:00 GMT", "inf"].map(HeaderValue::from_static);
    let counted = allocations(|| {
        black_box(RetryPolicy::standard_webhooks());
        for header in &headers {
            black_box(RetryAfter::parse(header, now));
        }
        let mut budget = RetryBudget::with_defaults(now);
        budget.record_first_attempt(now);
        black_box(budget.try_retry(now).is_ok());
    });
    assert_eq!(counted, 0);
}
