//! Breaker, allowance, rate, Retry-After, auto-disable: what protects an endpoint, and what its owner is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{
    AutoDisable, BreakerPolicy, BreakerState, DisableReason, End, EndpointChange, HeldBack, Limits, Rate,
    TestEventError, Undeliverable,
};
use gymhook_retry::{Classify, Outcome, OwnFault, RetryBudget};
use http::StatusCode;
use world::*;

fn breaker(trips_after: u32) -> Option<BreakerPolicy> {
    Some(BreakerPolicy::new(count(trips_after), seconds(30), seconds(100)))
}

/// An endpoint whose breaker has just opened, after three failures at the start of time, with 100 waiting.
fn tripped() -> World {
    let mut world = World::new();
    world.add(
        1,
        plain_policy().with_breaker(breaker(3)).with_retry(retries(100)).with_max_in_flight(count(8)),
    );
    for delivery in 0..100 {
        world.enqueue(delivery, 1);
    }
    for delivery in 0..3 {
        world.answer(delivery, failure());
    }
    world
}

#[test]
fn failures_in_a_row_open_the_breaker_and_nothing_more_is_sent() {
    let mut world = tripped();
    let until = START + seconds(30);
    assert_eq!(
        world.endpoint_changes()[1..],
        [EndpointChange::StartedFailing, EndpointChange::BreakerOpened { until },]
    );
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::BreakerOpen { until }));
    world.pass(seconds(30) - core::time::Duration::from_micros(1));
    assert_eq!(world.sent.len(), 3);
}

#[test]
fn a_success_between_failures_keeps_the_breaker_closed() {
    let mut world = World::new();
    world.add(1, plain_policy().with_breaker(breaker(3)));
    for delivery in 0..30 {
        world.enqueue(delivery, 1);
        world.answer(delivery, if delivery % 3 == 2 { ok() } else { failure() });
    }
    assert_eq!(world.sent.len(), 30);
}

#[test]
fn one_probe_goes_first_and_then_the_flow_doubles() {
    let mut world = tripped();
    world.pass_seconds(30);
    assert_eq!(world.under_way.len(), 1);
    assert!(world.under_way[0].probe);
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::Probing));
    world.pass_seconds(5);
    assert_eq!(world.under_way.len(), 1, "while the probe is under way nothing else is");

    let mut flow = Vec::new();
    for _ in 0..5 {
        flow.push(world.under_way.len());
        world.answer_all(ok());
    }
    // The probe, then one; from there each round of answers doubles what is under way, up to the limit of 8.
    assert_eq!(flow, [1, 1, 2, 4, 8]);
    assert!(world.endpoint_changes().contains(&EndpointChange::BreakerClosed));
}

#[test]
fn each_probe_that_fails_doubles_the_pause() {
    let mut world = tripped();
    for probe_at in [30, 90, 190, 290] {
        world.wake();
        assert_eq!(world.now, START + seconds(probe_at));
        assert_eq!(world.under_way.len(), 1);
        world.answer_all(failure());
    }
}

#[test]
fn a_fault_of_this_side_proves_nothing_about_the_endpoint() {
    let mut world = tripped();
    for probe_at in [30, 60, 90] {
        world.wake();
        assert_eq!(world.now, START + seconds(probe_at));
        world.answer_all(Outcome::Internal(OwnFault::Resources));
    }
    let state = world.dispatcher.endpoint(endpoint(1)).unwrap().breaker();
    assert_eq!(state, BreakerState::Open { until: START + seconds(120), probes_failed: 0 });
}

#[test]
fn a_lost_probe_is_followed_by_another() {
    let mut world = tripped();
    world.pass_seconds(30);
    world.pass_seconds(60); // lost: 30 s until its deadline, 30 s of grace
    world.under_way.clear();
    world.pass_seconds(30);
    assert_eq!(world.under_way.len(), 1);
    assert!(world.under_way[0].probe);
}

#[test]
fn an_answer_that_refuses_one_notification_shows_that_the_endpoint_is_there() {
    let mut world = World::new();
    let retry = retries(3).with_classify(Classify::new().rejecting_client_errors());
    world.add(1, plain_policy().with_retry(retry).with_breaker(breaker(1)));
    for delivery in 0..5 {
        world.enqueue(delivery, 1);
        world.answer(delivery, status(StatusCode::UNPROCESSABLE_ENTITY));
        assert_eq!(world.ends(delivery), [End::Undeliverable(Undeliverable::Rejected)]);
    }
}

#[test]
fn the_answer_to_an_attempt_from_before_does_not_move_an_open_breaker() {
    let mut world = World::new();
    world.add(1, plain_policy().with_breaker(breaker(1)));
    for delivery in 0..4 {
        world.enqueue(delivery, 1);
    }
    world.answer(0, ok());
    assert_eq!(world.flying(), [1, 2]);
    world.answer(1, failure());
    let open = world.dispatcher.endpoint(endpoint(1)).unwrap().breaker();
    world.answer(2, ok());
    assert_eq!(world.dispatcher.endpoint(endpoint(1)).unwrap().breaker(), open);
    assert_eq!(world.flying(), []);
}

#[test]
fn retry_after_holds_back_everything_that_goes_to_the_endpoint() {
    for code in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
        let mut world = World::new();
        world.add(1, plain_policy());
        world.add(2, plain_policy());
        for delivery in 0..10 {
            world.enqueue(delivery, 1);
        }
        let until = START + seconds(600);
        world.answer(0, asks_to_wait(code, until));
        world.enqueue(20, 2);
        assert_eq!(world.flying(), [20], "another endpoint does not wait");
        assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::AskedToWait { until }));
        world.answer(20, ok());
        world.pass(seconds(600) - core::time::Duration::from_micros(1));
        assert_eq!(world.sent.len(), 2);
        world.pass_seconds(1);
        assert_eq!(world.sent.len(), 3);
    }
}

#[test]
fn a_shorter_wish_does_not_undo_a_longer_one() {
    let mut world = World::new();
    world.add(1, plain_policy());
    for delivery in 0..5 {
        world.enqueue(delivery, 1);
    }
    world.answer(0, ok());
    assert_eq!(world.flying(), [1, 2]);
    world.answer(1, asks_to_wait(StatusCode::TOO_MANY_REQUESTS, START + seconds(600)));
    world.answer(2, asks_to_wait(StatusCode::TOO_MANY_REQUESTS, START + seconds(5)));
    world.pass_seconds(599);
    assert_eq!(world.flying(), []);
}

#[test]
fn a_rate_is_kept_over_every_stretch_of_time() {
    let mut world = World::new();
    let rate = Rate::new(count(2), seconds(1)).with_burst(count(4));
    world.add(1, plain_policy().with_rate(Some(rate)));
    for delivery in 0..100 {
        world.enqueue(delivery, 1);
    }
    while world.sent.len() < 100 {
        world.answer_all(ok());
        if world.under_way.is_empty() {
            world.wake();
        }
    }
    let sent = world.sent_at();
    for (from, at) in sent.iter().enumerate() {
        for (to, later) in sent.iter().enumerate().skip(from) {
            let (attempts, span) = (i64::try_from(to - from).unwrap() + 1, later - at);
            assert!(attempts <= 4 + 2 * (span + 1), "{attempts} attempts in {span} s");
        }
    }
    assert_eq!(*sent.last().unwrap(), 48, "four at once, the other 96 at two a second");
}

#[test]
fn a_rate_without_burst_spaces_attempts_evenly() {
    let mut world = World::new();
    world.add(1, plain_policy().with_rate(Some(Rate::new(count(1), seconds(10)))));
    world.enqueue(1, 1);
    world.enqueue(2, 1);
    world.enqueue(3, 1);
    world.answer(1, ok());
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::Rate { until: START + seconds(10) }));
    world.pass_seconds(15);
    world.pass_seconds(15);
    assert_eq!(world.sent_at(), [0, 10, 20]);
}

#[test]
fn gone_disables_the_endpoint_at_once_and_keeps_what_waits() {
    let mut world = World::plain();
    world.enqueue(1, 1);
    world.enqueue(2, 1);
    world.answer(1, status(StatusCode::GONE));
    assert_eq!(world.ends(1), [End::Undeliverable(Undeliverable::Gone)]);
    assert!(world.endpoint_changes().contains(&EndpointChange::Disabled { reason: DisableReason::Gone }));
    world.pass_seconds(100_000);
    assert_eq!((world.sent.len(), world.dispatcher.waiting(endpoint(1))), (1, 1));
}

/// An endpoint that fails every delivery at its only attempt, one delivery every 10 s.
fn fails(rule: AutoDisable, deliveries: u128) -> World {
    let mut world = World::new();
    world.add(1, plain_policy().with_retry(retries(0)).with_auto_disable(rule));
    for delivery in 0..deliveries {
        world.enqueue(delivery, 1);
        if !world.flying().is_empty() {
            world.answer(delivery, failure());
        }
        world.pass_seconds(10);
    }
    world
}

#[test]
fn failed_deliveries_in_a_row_warn_in_stages_and_then_disable() {
    let rule = AutoDisable::never().with_failed_in_a_row(Some(count(10))).with_warnings([50, 80]);
    let world = fails(rule, 20);
    assert_eq!(world.sent.len(), 10);
    let told: Vec<_> = world
        .endpoint_changes()
        .into_iter()
        .filter(|change| !matches!(change, EndpointChange::DeliveryFailed { in_a_row } if ![5, 8, 10].contains(in_a_row)))
        .collect();
    assert_eq!(
        told,
        [
            EndpointChange::Added,
            EndpointChange::StartedFailing,
            EndpointChange::DeliveryFailed { in_a_row: 5 },
            EndpointChange::Warned { percent: 50 },
            EndpointChange::DeliveryFailed { in_a_row: 8 },
            EndpointChange::Warned { percent: 80 },
            EndpointChange::DeliveryFailed { in_a_row: 10 },
            EndpointChange::Disabled { reason: DisableReason::FailedInARow { deliveries: 10 } },
        ]
    );
    assert_eq!(world.dispatcher.waiting(endpoint(1)), 10, "what came later is kept");
}

#[test]
fn failing_for_too_long_disables() {
    let rule = AutoDisable::never().with_failing_for(Some(seconds(60))).with_warnings([50]);
    let world = fails(rule, 20);
    assert_eq!(world.sent_at(), [0, 10, 20, 30, 40, 50, 60]);
    let span = DisableReason::FailingFor { span: seconds(60) };
    assert_eq!(world.endpoint_changes().last(), Some(&EndpointChange::Disabled { reason: span }));
    let warned = world
        .endpoint_changes()
        .iter()
        .filter(|change| matches!(change, EndpointChange::Warned { .. }))
        .count();
    assert_eq!(warned, 1);
}

#[test]
fn one_success_starts_the_count_over() {
    let mut world = World::new();
    let rule = AutoDisable::never().with_failed_in_a_row(Some(count(3))).with_warnings([60]);
    world.add(1, plain_policy().with_retry(retries(0)).with_auto_disable(rule));
    for delivery in 0..30 {
        world.enqueue(delivery, 1);
        world.answer(delivery, if delivery % 3 == 2 { ok() } else { failure() });
    }
    let warnings = world
        .endpoint_changes()
        .iter()
        .filter(|change| matches!(change, EndpointChange::Warned { .. }))
        .count();
    assert_eq!((world.sent.len(), warnings), (30, 10));
}

#[test]
fn attempts_do_not_count_as_failed_deliveries() {
    let mut world = World::new();
    let rule = AutoDisable::never().with_failed_in_a_row(Some(count(2)));
    world.add(1, plain_policy().with_retry(retries(5)).with_auto_disable(rule));
    world.enqueue(1, 1);
    for _ in 0..5 {
        world.answer(1, failure());
        world.wake();
    }
    world.answer(1, ok());
    assert_eq!(world.ends(1), [End::Delivered]);
}

#[test]
fn an_enabled_endpoint_is_probed_and_starts_over() {
    let mut world = World::new();
    let rule = AutoDisable::never().with_failed_in_a_row(Some(count(2)));
    world.add(1, plain_policy().with_retry(retries(0)).with_auto_disable(rule).with_breaker(breaker(5)));
    for delivery in 0..10 {
        world.enqueue(delivery, 1);
    }
    world.answer(0, failure());
    world.answer(1, failure());
    assert_eq!(world.flying(), []);
    world.dispatcher.enable(endpoint(1), world.now).unwrap();
    world.drain();
    assert_eq!(world.under_way.len(), 1);
    assert!(world.under_way[0].probe);
    world.answer_all(failure());
    world.wake();
    world.answer_all(ok());
    assert_eq!(world.endpoint_changes().last(), Some(&EndpointChange::Recovered));
    assert_eq!(world.under_way.len(), 1, "two failures ago is another life");
}

#[test]
fn enabling_while_a_probe_is_under_way_sends_no_second_one() {
    let mut world = tripped();
    world.wake();
    assert_eq!(world.under_way.len(), 1);
    world.dispatcher.disable(endpoint(1), world.now).unwrap();
    world.dispatcher.enable(endpoint(1), world.now).unwrap();
    world.drain();
    assert_eq!(world.under_way.len(), 1);
    world.answer_all(failure());
    let held = world.dispatcher.held_back(endpoint(1));
    assert!(matches!(held, Some(HeldBack::BreakerOpen { .. })), "the probe counts as one: {held:?}");
}

#[test]
fn a_test_event_has_one_attempt_and_no_consequences_for_auto_disable() {
    let mut world = World::new();
    let rule = AutoDisable::never().with_failed_in_a_row(Some(count(1)));
    world.add(1, plain_policy().with_auto_disable(rule));
    let _ = world.dispatcher.send_test(new(7, 1), world.now).unwrap();
    world.drain();
    assert!(world.under_way[0].test);
    world.answer(7, failure());
    world.pass_seconds(1_000);
    assert_eq!((world.sent.len(), world.ends(7)), (1, vec![End::Undeliverable(Undeliverable::Exhausted)]));
    assert_eq!(world.endpoint_changes(), [EndpointChange::Added]);

    world.dispatcher.disable(endpoint(1), world.now).unwrap();
    let refused = world.dispatcher.send_test(new(8, 1), world.now);
    assert_eq!(refused, Err(TestEventError::Disabled { endpoint: endpoint(1) }));
}

#[test]
fn a_new_policy_counts_at_once_and_what_was_decided_stays_decided() {
    let mut world = World::plain();
    for delivery in 0..10 {
        world.enqueue(delivery, 1);
    }
    world.answer(0, failure());
    let never = plain_policy().with_retry(retries(0)).with_rate(Some(Rate::new(count(1), seconds(1))));
    world.dispatcher.update_policy(endpoint(1), never, world.now).unwrap();
    world.drain();
    world.answer(1, failure());
    assert_eq!(world.ends(1), [End::Undeliverable(Undeliverable::Exhausted)], "by the new policy");
    for _ in 0..12 {
        world.pass_seconds(1);
        world.answer_all(ok());
    }
    assert_eq!(world.ends(0), [End::Delivered], "its retry had been decided");
    let firsts = world.sent_at();
    assert!(firsts[2..].windows(2).all(|pair| pair[1] > pair[0]), "{firsts:?}");
}

#[test]
fn order_can_be_switched_on_and_off_while_deliveries_wait() {
    let mut world = World::plain();
    for delivery in [5, 4, 3, 2, 1] {
        world.enqueue(delivery, 1);
    }
    world.answer(5, failure());
    world.dispatcher.update_policy(endpoint(1), plain_policy().with_ordered(true), world.now).unwrap();
    world.answer(4, ok());
    assert_eq!(world.flying(), [], "5 is the oldest, and waits");
    world.wake();
    assert_eq!(world.flying(), [5]);
    world.answer(5, failure());
    world.dispatcher.update_policy(endpoint(1), plain_policy(), world.now).unwrap();
    world.drain();
    assert_eq!(world.flying(), [3]);
    world.answer(3, ok());
    assert_eq!(world.flying(), [2, 1]);
}

#[test]
fn the_retry_budget_lets_retries_wait_and_first_attempts_pass() {
    let budget = RetryBudget::new(50, 0, 2, START).unwrap();
    let mut world = World::with(Limits::new(count(100)), Some(budget));
    for to in 0..6 {
        world.add(to, plain_policy());
        world.enqueue(to, to);
    }
    world.answer_all(failure());
    world.pass_seconds(10);
    assert_eq!(world.under_way.len(), 2, "what was saved up");
    assert_eq!(world.dispatcher.held_back(endpoint(5)), Some(HeldBack::RetryBudget));
    assert_eq!(world.wake_at, world.under_way.first().map(|attempt| attempt.deadline + seconds(30)));

    world.enqueue(100, 5);
    assert_eq!(world.under_way.len(), 3, "a first attempt passes, and pays half a retry");
    world.enqueue(101, 0);
    assert_eq!(world.flying()[2..], [100], "0 has its hands full: nothing was begun, nothing was paid");
    world.enqueue(102, 4);
    assert_eq!(world.flying()[2..], [100, 102, 2], "the second half: a retry begins");
}

#[test]
fn the_budgets_reserve_wakes_the_retries() {
    let budget = RetryBudget::new(0, 6, 1, START).unwrap();
    let mut world = World::with(Limits::new(count(100)), Some(budget));
    for to in 0..4 {
        world.add(to, plain_policy().with_retry(retries(1)));
        world.enqueue(to, to);
    }
    world.answer_all(failure());
    for _ in 0..4 {
        world.wake();
        world.answer_all(ok());
    }
    assert_eq!(world.sent_at(), [0, 0, 0, 0, 10, 20, 30, 40]);
}
