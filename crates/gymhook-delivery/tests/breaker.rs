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
    AutoDisable, BreakerPolicy, BreakerState, End, EndpointChange, HeldBack, Undeliverable,
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
