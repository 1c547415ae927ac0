//! The retry budget of all endpoints together: who may retry, and who waits for it in which order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{HeldBack, Limits};
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
