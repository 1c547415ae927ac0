//! The retry budget of all endpoints together: who may retry, and who waits for it in which order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{Dispatcher, HeldBack, Limits};
use gymhook_retry::RetryBudget;
use world::*;

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

#[test]
fn one_endpoint_alone_has_no_more_retries_than_the_budget() {
    let budget = RetryBudget::new(0, 0, 2, START).unwrap();
    let mut world = World::with(Limits::new(count(100)), Some(budget));
    world.add(1, plain_policy().with_retry(retries(10)));
    world.enqueue(7, 1);
    for _ in 0..3 {
        world.answer_all(failure());
        world.pass_seconds(10);
    }
    world.pass_seconds(1_000);
    assert_eq!(world.sent_at(), [0, 10, 20], "two retries, and then none");
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::RetryBudget));
}

#[test]
fn at_an_ordered_endpoint_too_the_budget_is_for_retries_alone() {
    let budget = RetryBudget::new(0, 0, 1, START).unwrap();
    let mut world = World::with(Limits::new(count(100)), Some(budget));
    world.add(1, plain_policy().with_ordered(true));
    for delivery in [1, 2] {
        world.enqueue(delivery, 1);
        world.answer(delivery, ok());
    }
    world.enqueue(3, 1);
    world.answer(3, failure());
    world.pass_seconds(10);
    assert_eq!(world.flying(), [3], "the first attempts left the budget's one retry");
    world.answer(3, failure());
    world.pass_seconds(10);
    assert_eq!(world.flying(), []);
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::RetryBudget));

    world.add(2, plain_policy().with_ordered(true));
    world.enqueue(4, 2);
    assert_eq!(world.flying(), [4], "a first attempt is none");
}

#[test]
fn a_retry_that_the_budget_has_queues_for_its_turn_like_anything_else() {
    let budget = RetryBudget::new(0, 0, 5, START).unwrap();
    let mut world = World::with(Limits::new(count(1)), Some(budget));
    for to in [1, 2, 3] {
        world.add(to, plain_policy());
    }
    world.enqueue(11, 1);
    world.answer(11, failure());
    world.enqueue(13, 3); // takes the only slot
    world.pass_seconds(10); // now the retry is due
    world.enqueue(12, 2);
    world.answer(13, ok());
    assert_eq!(world.flying(), [11], "it was due first");
}

#[test]
fn who_waits_for_the_budget_keeps_his_place_in_a_snapshot() {
    let budget = RetryBudget::new(100, 0, 1, START).unwrap();
    let mut world = World::with(Limits::new(count(100)), Some(budget));
    for to in 1..=9 {
        world.add(to, plain_policy());
    }
    for (place, to) in [5, 3, 4, 2].into_iter().enumerate() {
        world.enqueue(to, to);
        world.answer(to, failure());
        world.pass_seconds(u64::try_from(place).unwrap() + 1);
    }
    world.pass_seconds(10);
    world.answer_all(ok()); // 5 took what there was; 3, 4 and 2 wait
    assert_eq!(world.sent_ids()[4..], [5]);

    let mut copy = World::around(Dispatcher::restore(world.dispatcher.snapshot()).unwrap());
    for world in [&mut world, &mut copy] {
        world.sent.clear();
        for first in [6, 7, 8] {
            world.enqueue(first, first); // pays one retry
        }
        assert_eq!(world.sent_ids(), [6, 3, 7, 4, 8, 2]);
    }
}
