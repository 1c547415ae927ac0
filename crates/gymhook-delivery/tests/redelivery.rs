//! Cancelling and redelivering: what a person may ask for, whatever is going on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{Cancelled, DeliveryState, End, Redelivered, Then, Undeliverable};
use gymhook_retry::{Outcome, OwnFault};
use world::*;

#[test]
fn every_round_ends_exactly_once() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    world.answer(7, ok());
    for _ in 0..3 {
        assert_eq!(world.dispatcher.redeliver(id(7), world.now), Ok(Redelivered::Now));
        world.drain();
        world.answer(7, ok());
    }
    assert_eq!(world.ends(7), [End::Delivered; 4]);
    assert!(world.dispatcher.cancel(id(7), world.now).is_err());
    world.pass_seconds(1_000_000);
    assert_eq!(world.ends(7).len(), 4);
}

#[test]
fn a_round_that_waits_gives_way_to_a_redelivery() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    world.answer(7, failure());
    assert_eq!(world.dispatcher.redeliver(id(7), world.now), Ok(Redelivered::Now));
    world.drain();
    assert_eq!(world.ends(7), [End::Superseded]);
    let numbers = |world: &World| world.sent.last().map(|(_, sent)| (sent.round.get(), sent.number.get()));
    assert_eq!(numbers(&world), Some((2, 1)));
    for _ in 0..3 {
        world.answer(7, failure());
        world.wake();
    }
    world.answer(7, failure());
    assert_eq!(world.ends(7), [End::Superseded, End::Undeliverable(Undeliverable::Exhausted)]);
    assert_eq!(world.sent.len(), 5, "one in the first round, one and three retries in the second");
}

#[test]
fn a_redelivery_during_an_attempt_follows_it_whatever_its_end() {
    for (outcome, end) in [(ok(), End::Delivered), (failure(), End::Superseded)] {
        let mut world = World::plain();
        world.enqueue(7, 1);
        assert_eq!(world.dispatcher.redeliver(id(7), world.now), Ok(Redelivered::AfterAttempt));
        world.drain();
        assert_eq!(world.sent.len(), 1);
        let state = world.dispatcher.delivery(id(7)).map(gymhook_delivery::Delivery::state);
        assert!(matches!(state, Some(DeliveryState::InFlight { then: Then::Redeliver, .. })));
        world.answer(7, outcome);
        assert_eq!(world.ends(7), [end]);
        world.answer(7, ok());
        assert_eq!(world.ends(7), [end, End::Delivered]);
    }
}

#[test]
fn a_cancellation_during_an_attempt_counts_if_that_fails() {
    for (outcome, end) in [(ok(), End::Delivered), (failure(), End::Cancelled)] {
        let mut world = World::plain();
        world.enqueue(7, 1);
        assert_eq!(world.dispatcher.cancel(id(7), world.now), Ok(Cancelled::AfterAttempt));
        world.answer(7, outcome);
        world.pass_seconds(1_000);
        assert_eq!((world.ends(7), world.sent.len()), (vec![end], 1));
    }
}

#[test]
fn of_what_is_asked_during_an_attempt_the_latest_counts() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    let _ = world.dispatcher.redeliver(id(7), world.now).unwrap();
    let _ = world.dispatcher.cancel(id(7), world.now).unwrap();
    world.answer(7, failure());
    assert_eq!((world.ends(7), world.flying()), (vec![End::Cancelled], vec![]));

    world.enqueue(8, 1);
    let _ = world.dispatcher.cancel(id(8), world.now).unwrap();
    let _ = world.dispatcher.redeliver(id(8), world.now).unwrap();
    world.answer(8, failure());
    assert_eq!((world.ends(8), world.flying()), (vec![End::Superseded], vec![8]));
}

#[test]
fn what_was_asked_during_an_attempt_happens_whoever_is_to_blame_for_its_end() {
    for outcome in [failure(), Outcome::Internal(OwnFault::Network), Outcome::Crashed] {
        let mut world = World::plain();
        world.enqueue(1, 1);
        let _ = world.dispatcher.cancel(id(1), world.now).unwrap();
        world.answer(1, outcome);
        assert_eq!((world.ends(1), world.flying()), (vec![End::Cancelled], vec![]));

        world.enqueue(2, 1);
        let _ = world.dispatcher.redeliver(id(2), world.now).unwrap();
        world.answer(2, outcome);
        assert_eq!((world.ends(2), world.flying()), (vec![End::Superseded], vec![2]));
        assert_eq!(world.sent.last().map(|(_, sent)| (sent.round.get(), sent.number.get())), Some((2, 1)));
    }
}

#[test]
fn what_was_given_up_is_listed_in_the_order_of_enqueueing() {
    let mut world = World::new();
    world.add(1, plain_policy().with_retry(retries(0)));
    world.add(2, plain_policy().with_retry(retries(0)));
    for delivery in [9, 3, 7, 5] {
        world.enqueue(delivery, 1);
    }
    world.enqueue(4, 2);
    for (delivery, outcome) in [(9, failure()), (3, ok()), (7, failure()), (4, failure())] {
        world.answer(delivery, outcome);
    }
    let _ = world.dispatcher.cancel(id(5), world.now).unwrap();
    world.answer(5, failure());
    assert_eq!(world.dispatcher.undeliverable(endpoint(1)), [id(9), id(7)]);
    let _ = world.dispatcher.redeliver(id(9), world.now).unwrap();
    assert_eq!(world.dispatcher.undeliverable(endpoint(1)), [id(7)]);
}
