//! A driver that holds a window only: what it sets aside and brings back has the fate of what was held all along.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{DeliveryState, End, EndpointPolicy, Limits, RestoredAs, SetAsideError};
use gymhook_retry::RetryBudget;
use world::*;

#[test]
fn what_was_set_aside_is_not_sent_and_goes_on_where_it_was() {
    let mut world = World::plain();
    world.enqueue(1, 1);
    world.answer(1, failure());
    let record = world.dispatcher.set_aside(id(1), world.now).unwrap();
    assert_eq!(record.state, DeliveryState::Waiting { due: START + seconds(10) });
    assert!(world.dispatcher.is_empty());
    world.pass_seconds(86_400);
    assert_eq!(world.flying(), [0_u128; 0]);

    assert_eq!(world.dispatcher.restore_delivery(&record, world.now), Ok(RestoredAs::Recorded));
    world.drain();
    assert_eq!((world.under_way[0].number.get(), world.under_way[0].attempt.send), (2, 2));
    world.answer(1, ok());
    assert_eq!(world.ends(1), [End::Delivered]);
}

#[test]
fn its_neighbours_keep_their_times() {
    let mut world = World::plain();
    for delivery in 1..=3 {
        world.enqueue(delivery, 1);
        world.answer(delivery, failure());
        world.pass_seconds(1);
    }
    world.dispatcher.set_aside(id(1), world.now).unwrap();
    world.drain();
    world.pass_seconds(8);
    world.answer(2, ok());
    world.pass_seconds(30);
    assert_eq!(world.sent_ids(), [1, 2, 3, 2, 3]);
    assert_eq!(world.sent_at()[3..], [11, 12]);
}

#[test]
fn a_place_in_the_queue_for_the_retry_budget_is_given_up() {
    let budget = RetryBudget::new(0, 60, 1, START).unwrap();
    let mut world = World::with(Limits::new(count(100)), Some(budget));
    for endpoint in 1..=3 {
        world.add(endpoint, plain_policy());
        world.enqueue(endpoint, endpoint);
        world.answer(endpoint, failure());
    }
    world.pass_seconds(10); // one retry is paid for, two wait
    assert_eq!(world.flying().len(), 1);
    world.dispatcher.set_aside(id(2), world.now).unwrap();
    world.drain();
    world.pass_seconds(1); // the next one is not 2's any more
    assert_eq!(world.flying(), [1, 3]);
}

#[test]
fn only_what_waits_at_an_unordered_endpoint_is_set_aside() {
    let mut world = World::plain();
    world.add(2, EndpointPolicy::new(retries(1)).with_ordered(true));
    assert_eq!(world.dispatcher.set_aside(id(1), world.now), Err(SetAsideError::Unknown { delivery: id(1) }));
    world.enqueue(1, 1);
    assert_eq!(
        world.dispatcher.set_aside(id(1), world.now),
        Err(SetAsideError::NotWaiting { delivery: id(1) })
    );
    world.answer(1, ok());
    assert_eq!(
        world.dispatcher.set_aside(id(1), world.now),
        Err(SetAsideError::NotWaiting { delivery: id(1) })
    );
    world.enqueue(2, 2);
    world.enqueue(3, 2);
    assert_eq!(
        world.dispatcher.set_aside(id(3), world.now),
        Err(SetAsideError::Ordered { endpoint: endpoint(2) })
    );
    world.answer(2, ok());
    assert_eq!(world.flying(), [3], "a refusal changes nothing");
}
