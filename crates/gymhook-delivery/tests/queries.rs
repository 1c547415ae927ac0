//! What can be seen of the machine from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{HeldBack, LeaseEpoch, Limits};
use gymhook_retry::RetryBudget;
use world::*;

#[test]
fn what_is_held_waits_or_is_under_way_is_counted() {
    let mut world = World::plain();
    world.add(2, plain_policy());
    let counts = |world: &World| {
        let dispatcher = &world.dispatcher;
        let of =
            |to| (dispatcher.waiting(endpoint(to)), dispatcher.endpoint(endpoint(to)).unwrap().in_flight());
        (dispatcher.len(), dispatcher.in_flight(), of(1), of(2))
    };
    assert!(world.dispatcher.is_empty());
    assert_eq!(counts(&world), (0, 0, (0, 0), (0, 0)));
    for delivery in 0..5 {
        world.enqueue(delivery, 1);
    }
    world.enqueue(9, 2);
    assert!(!world.dispatcher.is_empty());
    assert_eq!(counts(&world), (6, 2, (4, 1), (0, 1)));
    world.answer(0, ok()); // earns a second attempt at a time
    world.answer(9, ok());
    assert_eq!(counts(&world), (6, 2, (2, 2), (0, 0)));
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::InFlight { attempts: 2 }));
    world.dispatcher.forget(id(0)).unwrap();
    world.dispatcher.forget(id(9)).unwrap();
    world.enqueue(10, 2);
    assert_eq!(counts(&world), (5, 3, (2, 2), (0, 1)));
}

#[test]
fn nothing_is_held_back_where_nothing_waits() {
    let mut world = World::plain();
    world.enqueue(1, 1);
    world.dispatcher.disable(endpoint(1), world.now).unwrap();
    assert_eq!(world.dispatcher.held_back(endpoint(1)), None);
    world.enqueue(2, 1);
    assert!(matches!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::Disabled { .. })));
}

#[test]
fn a_lease_is_its_number() {
    let lease = LeaseEpoch::new(41);
    assert_eq!((lease.get(), lease.to_string()), (41, "41".to_owned()));
}

#[test]
fn whatever_has_its_turn_to_come_is_held_back_by_the_slots_alone() {
    let budget = RetryBudget::new(0, 0, 1, START).unwrap();
    let mut world = World::with(Limits::new(count(1)), Some(budget));
    for to in [1, 2, 3] {
        world.add(to, plain_policy());
    }
    world.enqueue(11, 1);
    world.answer(11, failure());
    world.enqueue(13, 3); // takes the only slot
    world.pass_seconds(10);
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::Slots), "the budget has its retry");
    world.answer(13, failure());
    assert_eq!(world.flying(), [11], "the budget's only retry");
    world.pass_seconds(10);
    assert_eq!(world.dispatcher.held_back(endpoint(3)), Some(HeldBack::RetryBudget));
    world.enqueue(14, 3);
    assert_eq!(world.dispatcher.held_back(endpoint(3)), Some(HeldBack::Slots), "it has a first attempt, too");
}
