//! Ordered endpoints: one at a time, the oldest first, and what blocks is named.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{Cancelled, DeliveryState, End, HeldBack, Undeliverable};
use world::*;

#[test]
fn an_ordered_endpoint_keeps_its_order_and_says_what_blocks_it() {
    let mut world = World::new();
    world.add(1, plain_policy().with_ordered(true));
    for delivery in [30, 10, 20] {
        world.enqueue(delivery, 1);
    }
    assert_eq!(world.flying(), [30]);
    let blocked = |world: &World| match world.dispatcher.held_back(endpoint(1)) {
        Some(HeldBack::Behind { delivery, state }) => (delivery, state),
        other => panic!("{other:?}"),
    };
    assert!(matches!(blocked(&world), (head, DeliveryState::InFlight { .. }) if head == id(30)));

    world.answer(30, failure());
    assert_eq!(world.flying(), []);
    assert_eq!(blocked(&world), (id(30), DeliveryState::Waiting { due: START + seconds(10) }));

    for _ in 0..3 {
        world.wake();
        assert_eq!(world.flying(), [30]);
        world.answer(30, failure());
    }
    assert_eq!(world.ends(30), [End::Undeliverable(Undeliverable::Exhausted)]);
    assert_eq!(world.flying(), [10]);
    world.answer(10, ok());
    world.answer(20, ok());
    assert_eq!(world.sent_ids(), [30, 30, 30, 30, 10, 20]);
    assert_eq!(world.dispatcher.held_back(endpoint(1)), None);
}

#[test]
fn cancelling_what_blocks_an_ordered_endpoint_lets_the_next_one_go() {
    let mut world = World::new();
    world.add(1, plain_policy().with_ordered(true));
    world.enqueue(1, 1);
    world.enqueue(2, 1);
    world.answer(1, failure());
    assert_eq!(world.dispatcher.cancel(id(1), world.now), Ok(Cancelled::Now));
    world.drain();
    assert_eq!(world.flying(), [2]);
}

#[test]
fn an_ordered_endpoint_sends_a_redelivery_before_what_is_younger() {
    let mut world = World::new();
    world.add(1, plain_policy().with_ordered(true).with_retry(retries(0)));
    for delivery in 1..=4 {
        world.enqueue(delivery, 1);
    }
    world.answer(1, failure());
    assert_eq!(world.flying(), [2]);
    let _ = world.dispatcher.redeliver(id(1), world.now).unwrap();
    world.answer(2, ok());
    world.answer(1, ok());
    world.answer(3, ok());
    assert_eq!(world.sent_ids(), [1, 2, 1, 3, 4]);
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
