//! The decision: charging, holding, Retry-After, anchors, and its bounds for every input.

use core::time::Duration;

use gymhook_retry::{
    Anchor, AttemptNumber, Classify, Decision, Fault, GiveUp, Jitter, Outcome, OwnFault, RetryAfter,
    RetryPolicy, RetrySchedule, Verdict, time_math,
};
use http::StatusCode;
use proptest::prelude::*;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::{any_attempt, any_draw, any_duration, any_jitter, any_moment, any_schedule, attempt, seconds};

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
const FAILED: Outcome = Outcome::Failure(Fault::Timeout);

fn asked(status: StatusCode, wait: u64) -> Outcome {
    Outcome::Response { status, retry_after: Some(RetryAfter::seconds(wait, NOW)) }
}

fn wait(decision: Decision) -> Duration {
    let Decision::RetryAt { at, .. } = decision else { panic!("no retry: {decision:?}") };
    time_math::elapsed(NOW, at)
}

fn hourly() -> RetryPolicy {
    RetryPolicy::new(RetrySchedule::constant(seconds(3_600), 2))
}

#[test]
fn each_outcome_leads_to_its_decision() {
    let decide = |number, outcome| hourly().decide(attempt(number), None, &outcome, 0, NOW);
    let in_an_hour = |number| Decision::RetryAt {
        at: utc_datetime!(2026-01-01 13:00),
        attempt: attempt(number),
        charged: true,
        hold_endpoint_until: None,
    };
    assert_eq!(decide(1, Outcome::response(StatusCode::OK)), Decision::Delivered);
    assert_eq!(decide(1, FAILED), in_an_hour(2));
    assert_eq!(decide(2, Outcome::Panicked), in_an_hour(3));
    let exhausted = Decision::Undeliverable { reason: GiveUp::Exhausted, hold_endpoint_until: None };
    assert_eq!(decide(3, FAILED), exhausted);
    assert_eq!(decide(3, Outcome::Crashed), exhausted);
    assert_eq!(decide(3, Outcome::Panicked), exhausted);
    assert_eq!(decide(1, Outcome::response(StatusCode::GONE)), in_an_hour(2));
    let gone = hourly().with_classify(Classify::new().disabling_on_gone());
    let gone = gone.decide(attempt(1), None, &Outcome::response(StatusCode::GONE), 0, NOW);
    assert_eq!(gone, Decision::EndpointGone);
}

/// The crash was ours: the next attempt follows soon, later each time, spread, and never later than after a failure.
#[test]
fn a_lost_attempt_is_followed_soon() {
    let wait = |policy: &RetryPolicy, number, draw| {
        let decision = policy.decide(attempt(number), None, &Outcome::Crashed, draw, NOW);
        let Decision::RetryAt { at, attempt: next, charged, hold_endpoint_until } = decision else {
            panic!("{decision:?}")
        };
        assert_eq!((next.get(), charged, hold_endpoint_until), (number + 1, true, None));
        Duration::try_from(at - NOW).unwrap()
    };
    // Half the delay for the least draw, all of it for the greatest; twice as much after each attempt.
    let gympoint = RetryPolicy::gympoint();
    assert_eq!([1, 2, 3].map(|number| wait(&gympoint, number, 0)), [2_500, 5_000, 10_000].map(millis));
    assert_eq!(
        [1, 2, 3].map(|number| wait(&gympoint, number, u64::MAX)),
        [5_000, 10_000, 20_000].map(millis)
    );
    // The schedule's own step is the limit, also for a delay that no calendar holds.
    let minutely = RetryPolicy::new(RetrySchedule::constant(seconds(60), 40)).with_lost_delay(seconds(25));
    assert_eq!([1, 2, 3, 40].map(|number| wait(&minutely, number, u64::MAX)), [25, 50, 60, 60].map(seconds));
    let never_sooner = minutely.clone().with_lost_delay(Duration::MAX);
    assert_eq!([1, 40].map(|number| wait(&never_sooner, number, 0)), [60, 60].map(seconds));
    let at_once = minutely.with_lost_delay(Duration::ZERO);
    assert_eq!(wait(&at_once, 40, u64::MAX), Duration::ZERO);
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn a_rejected_delivery_is_given_up_with_retries_left() {
    let policy = hourly().with_classify(Classify::new().rejecting_client_errors());
    let decision =
        policy.decide(AttemptNumber::FIRST, None, &Outcome::response(StatusCode::NOT_FOUND), 0, NOW);
    assert_eq!(decision, Decision::Undeliverable { reason: GiveUp::Rejected, hold_endpoint_until: None });
    assert!(decision.is_terminal() && decision.is_charged());
}

/// Even where the schedule has nothing left: nobody asked the endpoint yet.
#[test]
fn a_fault_of_ours_charges_nothing() {
    let policy = RetryPolicy::egym().with_own_fault_delay(seconds(3));
    let decision = policy.decide(attempt(1), None, &Outcome::Internal(OwnFault::Storage), 0, NOW);
    let wanted = Decision::RetryAt {
        at: utc_datetime!(2026-01-01 12:00:03),
        attempt: attempt(1),
        charged: false,
        hold_endpoint_until: None,
    };
    assert_eq!(decision, wanted);
    assert!(!decision.is_terminal() && !decision.is_charged());
}

#[test]
fn the_wait_after_a_fault_of_ours_is_spread_too() {
    let with = |jitter| hourly().with_own_fault_delay(seconds(100)).with_jitter(jitter);
    let wait_with = |jitter, draw| {
        wait(with(jitter).decide(attempt(1), None, &Outcome::Internal(OwnFault::Network), draw, NOW))
    };
    assert_eq!((wait_with(Jitter::Full, 0), wait_with(Jitter::Full, u64::MAX)), (seconds(0), seconds(100)));
    assert_eq!(wait_with(Jitter::Equal, 0), seconds(50));
    let thrice = (seconds(100), seconds(300));
    assert_eq!((wait_with(Jitter::Decorrelated, 0), wait_with(Jitter::Decorrelated, u64::MAX)), thrice);
}

#[test]
fn only_a_throttling_answer_holds_the_endpoint() {
    let hold = |number, outcome| {
        let decision = hourly().decide(attempt(number), None, &outcome, 0, NOW);
        decision.hold_endpoint_until()
    };
    let until = Some(utc_datetime!(2026-01-01 12:01));
    assert_eq!(hold(1, asked(StatusCode::SERVICE_UNAVAILABLE, 60)), until);
    assert_eq!(hold(1, asked(StatusCode::TOO_MANY_REQUESTS, 60)), until);
    assert_eq!(
        hold(3, asked(StatusCode::TOO_MANY_REQUESTS, 60)),
        until,
        "the delivery ends, the wish still applies"
    );
    assert_eq!(hold(1, asked(StatusCode::TOO_MANY_REQUESTS, 0)), None);
    assert_eq!(hold(1, asked(StatusCode::BAD_GATEWAY, 60)), None);
    assert_eq!(hold(1, asked(StatusCode::OK, 60)), None);
    assert_eq!(hold(1, Outcome::response(StatusCode::TOO_MANY_REQUESTS)), None);
    let day = Some(utc_datetime!(2026-01-02 12:00));
    assert_eq!(
        hold(1, asked(StatusCode::TOO_MANY_REQUESTS, u64::MAX)),
        day,
        "no longer than the policy allows"
    );
}

/// A table of your own may throttle on a status that carries no wish.
#[test]
fn throttling_without_a_wish_holds_nothing() {
    let policy = hourly().with_classify(Classify::new().with(StatusCode::BAD_GATEWAY, Verdict::Throttle));
    let decision = policy.decide(attempt(1), None, &Outcome::response(StatusCode::BAD_GATEWAY), 0, NOW);
    assert_eq!((wait(decision), decision.hold_endpoint_until()), (seconds(3_600), None));
}

#[test]
fn retry_after_lengthens_and_never_shortens() {
    let wait_for = |asked_for| {
        wait(hourly().decide(attempt(1), None, &asked(StatusCode::SERVICE_UNAVAILABLE, asked_for), 0, NOW))
    };
    assert_eq!(wait_for(0), seconds(3_600));
    assert_eq!(wait_for(3_599), seconds(3_600));
    assert_eq!(wait_for(3_601), seconds(3_601));
    assert_eq!(wait_for(86_400), seconds(86_400));
    assert_eq!(wait_for(86_401), seconds(86_400));
    assert_eq!(wait_for(u64::MAX), seconds(86_400));
}

/// It is a wish about the next request, so any answer that is retried may carry it.
#[test]
fn retry_after_is_respected_on_any_retried_answer() {
    for status in [StatusCode::FOUND, StatusCode::NOT_FOUND, StatusCode::BAD_GATEWAY] {
        let decision = hourly().decide(attempt(1), None, &asked(status, 7_200), 0, NOW);
        assert_eq!(wait(decision), seconds(7_200), "{status}");
    }
}

#[test]
fn a_limit_of_zero_ignores_retry_after() {
    let policy = hourly().with_retry_after_max(Duration::ZERO);
    let decision = policy.decide(attempt(1), None, &asked(StatusCode::SERVICE_UNAVAILABLE, 86_400), 0, NOW);
    assert_eq!((wait(decision), decision.hold_endpoint_until()), (seconds(3_600), None));
}

#[test]
fn jitter_spreads_upwards_from_a_retry_after() {
    let waits = |policy: &RetryPolicy, asked_for| {
        [0, u64::MAX].map(|draw| {
            wait(policy.decide(
                attempt(1),
                None,
                &asked(StatusCode::SERVICE_UNAVAILABLE, asked_for),
                draw,
                NOW,
            ))
        })
    };
    let list = RetryPolicy::new(RetrySchedule::fixed(vec![seconds(100)])).with_jitter(Jitter::Equal);
    assert_eq!(waits(&list, 50), [seconds(50), seconds(100)], "no later than the schedule begins anyway");
    assert_eq!(waits(&list, 51), [seconds(51), seconds(101)], "the same width from there");
    assert_eq!(waits(&list, 1_000), [seconds(1_000), seconds(1_050)]);
    assert_eq!(
        waits(&list, 86_390),
        [seconds(86_390), seconds(86_400)],
        "not past what is respected at most"
    );

    let capped = RetrySchedule::exponential(seconds(60), 2, seconds(100), 3).unwrap();
    let capped = RetryPolicy::new(capped).with_jitter(Jitter::Full);
    assert_eq!(waits(&capped, 30), [seconds(30), seconds(90)]);
    assert_eq!(waits(&capped, 70), [seconds(70), seconds(100)], "not past the cap of the schedule");
    assert_eq!(waits(&capped, 100), [seconds(100), seconds(100)]);
    assert_eq!(waits(&capped, 101), [seconds(101), seconds(161)], "the Retry-After alone exceeds the cap");

    let long = RetryPolicy::new(RetrySchedule::constant(seconds(200_000), 1)).with_jitter(Jitter::Full);
    assert_eq!(waits(&long, 1_000), [seconds(1_000), seconds(200_000)], "the schedule may outlast the limit");
}

#[test]
fn a_list_counts_from_the_first_failure_if_told_to() {
    let policy = RetryPolicy::gympoint().with_anchor(Anchor::FirstFailure);
    let first = utc_datetime!(2026-01-01 12:00);
    let due = |number, first, now| match policy.decide(attempt(number), first, &FAILED, 0, now) {
        Decision::RetryAt { at, .. } => at,
        Decision::Delivered | Decision::Undeliverable { .. } | Decision::EndpointGone => panic!("no retry"),
    };
    assert_eq!(due(1, None, first), utc_datetime!(2026-01-01 12:05));
    assert_eq!(due(2, Some(first), utc_datetime!(2026-01-01 12:05:30)), utc_datetime!(2026-01-01 12:30));
    assert_eq!(due(3, Some(first), utc_datetime!(2026-01-01 12:30:30)), utc_datetime!(2026-01-01 14:00));
    let late = utc_datetime!(2026-01-01 15:00);
    assert_eq!(due(3, Some(first), late), late, "what is overdue is due at once");
    let before = utc_datetime!(2026-01-01 11:00);
    assert_eq!(due(2, Some(first), before), utc_datetime!(2026-01-01 11:30), "a clock that stepped back");
}

/// Attempts of 10 s each do not move the rhythm of a rule.
#[test]
fn a_rule_keeps_its_rhythm_from_the_first_failure() {
    let offsets = |schedule| {
        let policy = RetryPolicy::new(schedule).with_anchor(Anchor::FirstFailure);
        let (mut at, mut offsets) = (NOW, Vec::new());
        for number in 1.. {
            let ended = time_math::later(at, seconds(10));
            let first = time_math::later(NOW, seconds(10));
            match policy.decide(attempt(number), Some(first), &FAILED, 0, ended) {
                Decision::RetryAt { at: due, .. } => at = due,
                Decision::Delivered | Decision::Undeliverable { .. } | Decision::EndpointGone => break,
            }
            offsets.push(time_math::elapsed(first, at).as_secs());
        }
        offsets
    };
    assert_eq!(offsets(RetrySchedule::constant(seconds(60), 4)), [60, 120, 180, 240]);
    let doubling = RetrySchedule::exponential(seconds(60), 2, seconds(200), 5).unwrap();
    assert_eq!(offsets(doubling), [60, 180, 380, 580, 780]);
    let exact_cap = RetrySchedule::exponential(seconds(60), 2, seconds(240), 4).unwrap();
    assert_eq!(offsets(exact_cap), [60, 180, 420, 660]);
    let flat = RetrySchedule::exponential(seconds(60), 1, seconds(200), 3).unwrap();
    assert_eq!(offsets(flat), [60, 120, 180]);
}

/// The longest delays there are, added up: the end of time, without an overflow on the way.
#[test]
fn the_rhythm_of_the_longest_delays_ends_with_time() {
    let longest = Duration::MAX;
    for (initial, factor) in [(longest, 2), (longest - Duration::from_nanos(1), u32::MAX), (longest / 3, 2)] {
        let schedule = RetrySchedule::exponential(initial, factor, longest, u32::MAX).unwrap();
        let policy = RetryPolicy::new(schedule).with_anchor(Anchor::FirstFailure);
        for number in [1, 2, 3, u32::MAX - 1] {
            let decision = policy.decide(attempt(number), Some(NOW), &FAILED, 0, NOW);
            let Decision::RetryAt { at, .. } = decision else { panic!("no retry: {decision:?}") };
            assert_eq!(at, UtcDateTime::MAX);
        }
    }
}

/// With a billion attempts behind, a sum that were added up one by one would take minutes.
#[test]
fn the_rhythm_of_a_billion_attempts_is_known_at_once() {
    for factor in [1, 2] {
        let schedule = RetrySchedule::exponential(seconds(1), factor, seconds(64), u32::MAX).unwrap();
        let policy = RetryPolicy::new(schedule).with_anchor(Anchor::FirstFailure);
        let decision = policy.decide(attempt(1_000_000_000), Some(UtcDateTime::MIN), &FAILED, 0, NOW);
        assert!(!decision.is_terminal());
    }
}

fn any_policy() -> impl Strategy<Value = RetryPolicy> {
    (any_schedule(), any_jitter(), any::<bool>(), any_duration(), any_duration()).prop_map(
        |(schedule, jitter, first_failure, retry_after_max, own_fault_delay)| {
            RetryPolicy::new(schedule)
                .with_jitter(jitter)
                .with_anchor(if first_failure { Anchor::FirstFailure } else { Anchor::FailedAttempt })
                .with_retry_after_max(retry_after_max)
                .with_own_fault_delay(own_fault_delay)
        },
    )
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (100..1000_u16, proptest::option::of(any_moment())).prop_map(|(code, wish)| Outcome::Response {
            status: StatusCode::from_u16(code).unwrap(),
            retry_after: wish.map(RetryAfter::from),
        }),
        Just(FAILED),
        Just(Outcome::Internal(OwnFault::Shutdown)),
        Just(Outcome::Crashed),
        Just(Outcome::Panicked),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_decision_keeps_the_rules(
        policy in any_policy(), number in any_attempt(), first in proptest::option::of(any_moment()),
        outcome in any_outcome(), draw in any_draw(), now in any_moment(),
    ) {
        let decision = policy.decide(number, first, &outcome, draw, now);
        prop_assert_eq!(decision, policy.decide(number, first, &outcome, draw, now));
        let Decision::RetryAt { at, attempt: next, charged, hold_endpoint_until } = decision else {
            return Ok(());
        };
        prop_assert!(at >= now, "never in the past");
        prop_assert_eq!(next.get(), number.get() + u32::from(charged), "one attempt further, or the same again");
        prop_assert!(next.get() <= policy.schedule().retries().saturating_add(1).max(number.get()));

        let floor = outcome.retry_after().map_or(Duration::ZERO, |wish| wish.remaining(now)).min(policy.retry_after_max());
        prop_assert!(at >= time_math::later(now, floor), "never before Retry-After, as far as it is respected");
        prop_assert!(hold_endpoint_until.is_none_or(|until| now < until || now == UtcDateTime::MAX));
        prop_assert!(hold_endpoint_until.is_none_or(|until| until <= at));
        if let (true, Some(cap)) = (charged, policy.schedule().cap()) {
            prop_assert!(at <= time_math::later(now, cap.max(policy.retry_after_max())), "never past the cap");
        }
    }

    /// With nothing asked for and no jitter, a retry takes place exactly as scheduled, at the end of time at the latest.
    #[test]
    fn a_plain_retry_is_exact(schedule in any_schedule(), number in any_attempt(), draw in any_draw(), now in any_moment()) {
        let policy = RetryPolicy::new(schedule);
        let wanted = match policy.schedule().delay_after(number) {
            None => Decision::Undeliverable { reason: GiveUp::Exhausted, hold_endpoint_until: None },
            Some(delay) => Decision::RetryAt {
                at: time_math::later(now, delay),
                attempt: number.next(),
                charged: true,
                hold_endpoint_until: None,
            },
        };
        prop_assert_eq!(policy.decide(number, None, &FAILED, draw, now), wanted);
    }

    /// Counting from the first failure never waits longer than counting from the last.
    #[test]
    fn the_first_failure_never_waits_longer(
        policy in any_policy(), number in any_attempt(), first in any_moment(), draw in any_draw(), now in any_moment(),
    ) {
        let due = |anchor| policy.clone().with_anchor(anchor).decide(number, Some(first), &FAILED, draw, now);
        if let (Decision::RetryAt { at: from_first, .. }, Decision::RetryAt { at: from_last, .. }) =
            (due(Anchor::FirstFailure), due(Anchor::FailedAttempt))
        {
            prop_assert!(from_first <= from_last);
        }
    }
}
