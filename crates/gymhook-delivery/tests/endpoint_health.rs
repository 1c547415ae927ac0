//! Rate, Retry-After, auto-disable: what protects an endpoint, and what its owner is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{
    AutoDisable, BreakerPolicy, DisableReason, End, EndpointChange, EndpointRecord, HeldBack, LeaseEpoch,
    Rate, Undeliverable,
};
use gymhook_retry::Outcome;
use http::StatusCode;
use world::*;

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
}

/// Whatever keeps an endpoint from being sent to, a test event goes out, and no end of it changes the endpoint.
#[test]
fn a_test_event_is_sent_whatever_the_endpoints_health_and_leaves_it_as_it_was() {
    let breaker = BreakerPolicy::new(count(1), seconds(600), seconds(600));
    let policy = || plain_policy().with_breaker(Some(breaker));
    type Step = fn(&mut World);
    let unwell: [(&str, Step); 4] = [
        ("disabled", |world| world.dispatcher.disable(endpoint(1), world.now).unwrap()),
        ("breaker open", |world| {
            world.enqueue(1, 1);
            world.answer(1, failure());
        }),
        ("asked to wait", |world| {
            world.enqueue(1, 1);
            let until = world.now + seconds(600);
            world.answer(1, asks_to_wait(StatusCode::SERVICE_UNAVAILABLE, until));
        }),
        ("half open", |world| {
            world.dispatcher.disable(endpoint(1), world.now).unwrap();
            world.dispatcher.enable(endpoint(1), world.now).unwrap();
            world.enqueue(1, 1);
            assert!(world.under_way[0].probe);
        }),
    ];
    let ends = [ok(), failure(), status(StatusCode::GONE), Outcome::Crashed];
    for (name, step) in unwell {
        for end in ends {
            let mut world = World::new();
            world.add(1, policy());
            step(&mut world);
            world.drain();
            let before = world.dispatcher.endpoint(endpoint(1)).unwrap().record();
            let changes = world.endpoint_changes();
            world.enqueue(2, 1);
            let flying = world.flying();
            let _ = world.dispatcher.send_test(new(7, 1), world.now).unwrap();
            world.drain();
            assert_eq!(world.flying().last(), Some(&7), "{name}");
            assert!(!world.under_way.last().unwrap().probe, "{name}");
            world.answer(7, end);
            assert_eq!(world.ends(7).len(), 1, "{name}");
            assert_eq!(world.flying(), flying, "{name}: and nothing else");
            assert_eq!(world.dispatcher.endpoint(endpoint(1)).unwrap().record(), before, "{name}");
            assert_eq!(world.endpoint_changes(), changes, "{name}");
        }
    }
}

#[test]
fn a_test_event_overtakes_and_holds_to_the_limits_of_the_policy() {
    let rate = Rate::new(count(1), seconds(10));
    let mut world = World::new();
    world.add(1, plain_policy().with_ordered(true).with_rate(Some(rate)));
    for delivery in [1, 2] {
        world.enqueue(delivery, 1);
    }
    let _ = world.dispatcher.send_test(new(7, 1), world.now).unwrap();
    world.pass_seconds(12);
    assert_eq!(world.flying(), [1], "one at a time");
    world.answer(1, ok());
    assert_eq!(world.flying(), [7], "before what is older");
    world.answer(7, failure());
    assert!(world.flying().is_empty(), "it has taken a token");
    world.pass_seconds(10);
    assert_eq!(world.flying(), [2]);
    assert_eq!(world.dispatcher.waiting_tests(endpoint(1)), 0);
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
fn the_same_wish_again_is_no_news() {
    let mut world = World::plain();
    for delivery in 0..5 {
        world.enqueue(delivery, 1);
    }
    world.answer(0, ok());
    let until = START + seconds(600);
    world.answer(1, asks_to_wait(StatusCode::TOO_MANY_REQUESTS, until));
    world.answer(2, asks_to_wait(StatusCode::TOO_MANY_REQUESTS, until));
    let held = EndpointChange::HeldBack { until };
    assert_eq!(world.endpoint_changes().iter().filter(|change| **change == held).count(), 1);
}

#[test]
fn another_owner_goes_on_counting_and_repeats_no_warning() {
    let rule = AutoDisable::never().with_failed_in_a_row(Some(count(4))).with_warnings([50, 75]);
    let policy = plain_policy().with_retry(retries(0)).with_auto_disable(rule);
    let mut world = World::new();
    world.add(1, policy.clone());
    for delivery in [1, 2] {
        world.enqueue(delivery, 1);
        world.answer(delivery, failure());
    }
    assert_eq!(world.endpoint_changes().last(), Some(&EndpointChange::Warned { percent: 50 }));
    let left = world.dispatcher.endpoint(endpoint(1)).unwrap();
    assert_eq!((left.failed_in_a_row(), left.failing_since()), (2, Some(START)));

    let mut next = World::new();
    let record = left.record();
    next.dispatcher.restore_endpoint(&record, policy, LeaseEpoch::new(1), next.now).unwrap();
    for delivery in [3, 4] {
        next.enqueue(delivery, 1);
        next.answer(delivery, failure());
    }
    assert_eq!(
        next.endpoint_changes(),
        [
            EndpointChange::DeliveryFailed { in_a_row: 3 },
            EndpointChange::Warned { percent: 75 },
            EndpointChange::DeliveryFailed { in_a_row: 4 },
            EndpointChange::Disabled { reason: DisableReason::FailedInARow { deliveries: 4 } },
        ]
    );
}

#[test]
fn a_success_ends_a_row_of_failures_though_nobody_wrote_down_when_it_began() {
    let mut world = World::new();
    let record = EndpointRecord { failed_in_a_row: 3, ..EndpointRecord::new(endpoint(1)) };
    let rule = AutoDisable::never().with_failed_in_a_row(Some(count(4)));
    let policy = plain_policy().with_retry(retries(0)).with_auto_disable(rule);
    world.dispatcher.restore_endpoint(&record, policy, LeaseEpoch::new(1), world.now).unwrap();
    world.enqueue(1, 1);
    world.answer(1, ok());
    assert_eq!(world.endpoint_changes(), [EndpointChange::Recovered]);
    world.enqueue(2, 1);
    world.answer(2, failure());
    assert_eq!(world.endpoint_changes().last(), Some(&EndpointChange::DeliveryFailed { in_a_row: 1 }));
    world.enqueue(3, 1);
    world.answer(3, ok());
    world.enqueue(4, 1);
    world.answer(4, ok());
    let recovered =
        world.endpoint_changes().iter().filter(|change| **change == EndpointChange::Recovered).count();
    assert_eq!(recovered, 2, "who has not failed has not recovered");
}
