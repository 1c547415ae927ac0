//! The circuit breaker: when it opens, how it finds out that its endpoint is back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{
    AutoDisable, BreakerPolicy, BreakerState, End, EndpointChange, HeldBack, LeaseEpoch, Undeliverable,
};
use gymhook_retry::{Classify, Outcome, OwnFault};
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

/// What the end of an attempt does, in the order of the table's columns: succeeded, refused by an answer, gone, asked
/// to wait, failed, fault of ours, lost.
fn ends() -> [Outcome; 7] {
    [
        ok(),
        status(StatusCode::UNPROCESSABLE_ENTITY),
        status(StatusCode::GONE),
        asks_to_wait(StatusCode::TOO_MANY_REQUESTS, START + seconds(3_600)),
        failure(),
        Outcome::Internal(OwnFault::Network),
        Outcome::Crashed,
    ]
}

/// Closed after two failures in a row, with an allowance of 4 and 12 attempts under way.
fn closed() -> World {
    let retry = retries(100).with_classify(Classify::new().rejecting_client_errors().disabling_on_gone());
    let policy = plain_policy().with_retry(retry).with_max_in_flight(count(16)).with_breaker(breaker(3));
    let mut world = World::new();
    world.add(1, policy);
    for delivery in 0..100 {
        world.enqueue(delivery, 1);
    }
    for delivery in 0..15 {
        world.answer(delivery, ok());
    }
    world.answer(15, failure());
    world.answer(16, failure());
    assert_eq!((health(&world), world.under_way.len()), ((BreakerState::Closed { failed: 2 }, 4), 14));
    world
}

/// Opened at the start of time, with 5 attempts from before under way and an allowance of 10.
fn open() -> World {
    let mut world = closed();
    world.answer(17, failure());
    for delivery in 18..26 {
        world.answer(delivery, ok());
    }
    let until = START + seconds(30);
    assert_eq!(health(&world), (BreakerState::Open { until, probes_failed: 0 }, 10));
    assert_eq!(world.under_way.len(), 5);
    world
}

/// Half open, with 5 attempts from before under way, the probe and an allowance of 10.
fn half_open() -> World {
    let mut world = open();
    world.pass_seconds(30);
    assert_eq!(health(&world), (BreakerState::HalfOpen { probes_failed: 0 }, 10));
    assert_eq!((world.under_way.len(), world.under_way[5].probe), (6, true));
    world
}

fn health(world: &World) -> (BreakerState, u32) {
    let endpoint = world.dispatcher.endpoint(endpoint(1)).unwrap();
    (endpoint.breaker(), endpoint.allowance())
}

/// The breaker and the allowance after the attempt at this place has ended in each way.
fn after_each_end(world: fn() -> World, place: usize) -> [(BreakerState, u32); 7] {
    ends().map(|end| {
        let mut world = world();
        let delivery = world.flying()[place];
        world.answer(delivery, end);
        health(&world)
    })
}

#[test]
fn every_end_of_an_attempt_moves_breaker_and_allowance_as_the_table_says() {
    let reopens = |seconds_from_start, probes_failed| BreakerState::Open {
        until: START + seconds(seconds_from_start),
        probes_failed,
    };
    let none = BreakerState::Closed { failed: 0 };

    let two = BreakerState::Closed { failed: 2 };
    let expected = [(none, 5), (none, 4), (two, 4), (two, 2), (reopens(30, 0), 2), (two, 4), (two, 4)];
    assert_eq!(after_each_end(closed, 0), expected, "closed");

    let allowances = [11, 10, 10, 5, 5, 10, 10];
    let still = reopens(30, 0);
    assert_eq!(after_each_end(open, 0), allowances.map(|allowance| (still, allowance)), "open");

    let probing = BreakerState::HalfOpen { probes_failed: 0 };
    let expected = allowances.map(|allowance| (probing, allowance));
    assert_eq!(after_each_end(half_open, 0), expected, "half open, an attempt from before");

    let (twice, as_long) = (reopens(90, 1), reopens(60, 0));
    let expected = [(none, 1), (none, 1), (none, 1), (none, 1), (twice, 5), (as_long, 10), (as_long, 10)];
    assert_eq!(after_each_end(half_open, 5), expected, "half open, the probe");
}

#[test]
fn a_policy_without_a_breaker_closes_it() {
    let mut world = open();
    world.dispatcher.update_policy(endpoint(1), plain_policy(), world.now).unwrap();
    world.drain();
    assert_eq!(health(&world).0, BreakerState::Closed { failed: 0 });
    assert_eq!(world.under_way.len(), 10);
}

#[test]
fn enabling_makes_the_next_attempt_a_probe_from_whatever_was_known() {
    for world in [closed, open] {
        let mut world = world();
        world.under_way.clear();
        world.pass_seconds(10);
        world.dispatcher.disable(endpoint(1), world.now).unwrap();
        world.dispatcher.enable(endpoint(1), world.now).unwrap();
        let until = START + seconds(10);
        assert_eq!(health(&world), (BreakerState::Open { until, probes_failed: 0 }, 1));
    }
}

#[test]
fn who_takes_a_half_open_endpoint_over_sends_a_probe_of_his_own_at_once() {
    let mut world = half_open();
    let released = world.dispatcher.release_endpoint(endpoint(1), world.now).unwrap();
    assert_eq!(released.breaker, BreakerState::HalfOpen { probes_failed: 0 });
    let mut next = World::new();
    next.now = world.now;
    let policy = plain_policy().with_breaker(breaker(3));
    next.dispatcher.restore_endpoint(&released, policy, LeaseEpoch::new(1), next.now).unwrap();
    next.enqueue(200, 1);
    next.enqueue(201, 1);
    assert_eq!(next.flying(), [200], "what the earlier owner waits for tells this one nothing");
    assert!(next.under_way[0].probe);
}
