//! An endpoint on hold: what is in flight ends, and nothing else begins.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{
    DeliveryRecord, DeliveryState, Dispatcher, End, HeldBack, LeaseEpoch, Limits, Record, RestoredAs,
};
use gymhook_retry::RetryBudget;
use world::*;

fn hold(world: &mut World, number: u128) {
    world.dispatcher.hold(endpoint(number), world.now).unwrap();
    world.drain();
}

/// The last record of a delivery.
fn recorded(world: &World, number: u128) -> DeliveryRecord {
    let records = world.journal.iter().rev().filter_map(|record| match record {
        Record::Delivery { delivery, .. } => Some(*delivery),
        Record::Endpoint { .. } | Record::LateAnswer(_) => None,
    });
    records.into_iter().find(|record| record.id == id(number)).unwrap()
}

#[test]
fn on_hold_nothing_begins_and_what_is_in_flight_counts() {
    let mut world = World::plain();
    for delivery in 1..=3 {
        world.enqueue(delivery, 1);
    }
    assert_eq!(world.flying(), [1], "an endpoint begins with one attempt in flight");
    hold(&mut world, 1);
    world.answer(1, ok());
    assert_eq!((world.flying(), world.ends(1)), (vec![], vec![End::Delivered]));
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::OnHold));
    // A new one, a test event and a year change nothing.
    world.enqueue(4, 1);
    let test = DeliveryRecord { id: id(5), sequence: 5, test: true, ..recorded(&world, 4) };
    assert_eq!(world.dispatcher.restore_delivery(&test, world.now), Ok(RestoredAs::Recorded));
    world.drain();
    world.pass_seconds(365 * 86_400);
    assert_eq!(world.sent_ids(), [1]);
    assert_eq!(world.dispatcher.waiting(endpoint(1)), 4);
}

#[test]
fn what_fails_on_hold_is_charged_once_and_waits_for_the_next_owner() {
    let mut world = World::plain();
    world.enqueue(1, 1);
    hold(&mut world, 1);
    world.answer(1, failure());
    world.pass_seconds(1_000);
    assert_eq!(world.sent_ids(), [1]);
    let held = world.dispatcher.delivery(id(1)).unwrap();
    let due = START + seconds(10);
    assert_eq!((held.attempt().get(), held.state()), (2, DeliveryState::Waiting { due }));
    let delivery = recorded(&world, 1);

    let record = world.dispatcher.release_endpoint(endpoint(1), world.now).unwrap();
    let mut next = World::around(Dispatcher::new(Limits::new(count(10)), None, world.now));
    next.dispatcher.restore_endpoint(&record, plain_policy(), LeaseEpoch::new(2), world.now).unwrap();
    assert_eq!(next.dispatcher.restore_delivery(&delivery, world.now), Ok(RestoredAs::Recorded));
    next.drain();
    next.answer(1, ok());
    assert_eq!((next.sent[0].1.number.get(), next.ends(1)), (2, vec![End::Delivered]));
}

#[test]
fn the_others_go_on_and_the_same_endpoint_does_once_it_is_added_again() {
    let mut world = World::plain();
    world.add(2, plain_policy());
    hold(&mut world, 1);
    world.enqueue(1, 1);
    world.enqueue(2, 2);
    assert_eq!(world.flying(), [2]);
    world.dispatcher.release_endpoint(endpoint(1), world.now).unwrap();
    world.add(1, plain_policy());
    world.enqueue(3, 1);
    assert_eq!(world.flying(), [2, 3]);
}

#[test]
fn an_ordered_endpoint_on_hold_keeps_its_order() {
    let mut world = World::new();
    world.add(1, plain_policy().with_ordered(true));
    for delivery in 1..=3 {
        world.enqueue(delivery, 1);
    }
    hold(&mut world, 1);
    world.answer(1, failure());
    world.pass_seconds(1_000);
    assert_eq!(world.sent_ids(), [1]);
    assert_eq!(
        world.dispatcher.first_due(endpoint(1)),
        Some(START + seconds(10)),
        "the first blocks the others"
    );
}

/// Three endpoints with a retry each, of which the budget has one a minute: one is in flight.
fn short_of_retries() -> World {
    let budget = RetryBudget::new(0, 1, 1, START).unwrap();
    let mut world = World::with(Limits::new(count(1_000)), Some(budget));
    for number in 1..=3 {
        world.add(number, plain_policy());
        world.enqueue(number, number);
        world.answer(number, failure());
    }
    world.pass_seconds(11);
    assert_eq!(world.sent_ids().len(), 4);
    world
}

/// Else a retry that is never sent would keep what others wait for.
#[test]
fn on_hold_an_endpoint_gives_back_its_place_in_the_queue_for_the_budget() {
    let mut world = short_of_retries();
    world.pass_seconds(60);
    let order = world.sent_ids().split_off(3);
    let [_, second] = order[..] else { panic!("two retries in the first minutes: {order:?}") };
    let third = 6 - order.iter().sum::<u128>();

    let mut world = short_of_retries();
    hold(&mut world, second);
    world.pass_seconds(60);
    assert_eq!(world.sent_ids().split_off(3)[1..], [third]);
}

#[test]
fn the_first_due_time_is_that_of_what_waits() {
    let mut world = World::plain();
    let first = |world: &World| world.dispatcher.first_due(endpoint(1));
    assert_eq!((first(&world), world.dispatcher.first_due(endpoint(9))), (None, None));
    world.enqueue(1, 1);
    assert_eq!(first(&world), None, "it is in flight");
    world.answer(1, failure());
    assert_eq!(first(&world), Some(START + seconds(10)));
    hold(&mut world, 1);
    world.enqueue(2, 1);
    assert_eq!(first(&world), Some(START));
}

#[test]
fn an_unknown_endpoint_cannot_be_held() {
    let mut world = World::new();
    let error = world.dispatcher.hold(endpoint(7), world.now).unwrap_err();
    assert_eq!(error.endpoint, endpoint(7));
}
