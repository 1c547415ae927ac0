//! One test for each promise on the front page.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use gymhook_delivery::{
    AttemptFailure, DeliveryChange, Dispatcher, End, HeldBack, LateReason, LeaseEpoch, Limits, Record,
    Undeliverable,
};
use gymhook_retry::{Anchor, Outcome, OwnFault, RetryPolicy, RetrySchedule};
use world::*;

#[test]
fn a_delivery_is_delivered_once_answered() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    world.answer(7, ok());
    assert_eq!(
        world.steps(7),
        [DeliveryChange::Enqueued, DeliveryChange::AttemptBegan, DeliveryChange::Ended(End::Delivered),]
    );
    assert_eq!((world.wake_at, world.dispatcher.in_flight()), (None, 0));
}

#[test]
fn the_id_is_the_same_in_all_attempts_and_rounds() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    for _ in 0..2 {
        world.answer(7, failure());
        world.wake();
    }
    world.answer(7, ok());
    let _ = world.dispatcher.redeliver(id(7), world.now).unwrap();
    world.drain();
    assert_eq!(world.sent_ids(), [7; 4]);
    let numbers: Vec<_> =
        world.sent.iter().map(|(_, sent)| (sent.round.get(), sent.number.get(), sent.attempt.send)).collect();
    assert_eq!(numbers, [(1, 1, 1), (1, 2, 2), (1, 3, 3), (2, 1, 4)]);
}

#[test]
fn attempts_are_at_most_one_and_the_retries_and_then_there_is_one_end() {
    for retries in 0..4 {
        let mut world = World::new();
        world.add(1, plain_policy().with_retry(world::retries(retries)));
        world.enqueue(7, 1);
        for _ in 0..retries {
            world.answer(7, failure());
            world.wake();
        }
        world.answer(7, failure());
        world.pass_seconds(100_000);
        assert_eq!(world.sent.len(), 1 + retries as usize);
        assert_eq!(world.ends(7), [End::Undeliverable(Undeliverable::Exhausted)]);
    }
}

#[test]
fn a_fault_of_this_side_charges_nothing() {
    let mut world = World::new();
    let retry = RetryPolicy::new(RetrySchedule::never()).with_own_fault_delay(seconds(5));
    world.add(1, plain_policy().with_retry(retry));
    world.enqueue(7, 1);
    for _ in 0..5 {
        world.answer(7, Outcome::Internal(OwnFault::Network));
        assert_eq!(world.flying(), []);
        world.wake();
    }
    world.answer(7, ok());
    assert_eq!(world.sent_at(), [0, 5, 10, 15, 20, 25]);
    assert!(world.sent.iter().all(|(_, sent)| sent.number.get() == 1));
    assert_eq!(world.ends(7), [End::Delivered]);
    assert_eq!(world.endpoint_changes().len(), 1, "added, and no failure counted");
}

#[test]
fn delays_can_count_from_the_first_failure_of_the_round() {
    let mut world = World::new();
    let schedule = RetrySchedule::fixed(vec![seconds(10), seconds(30), seconds(100)]);
    let retry = RetryPolicy::new(schedule).with_anchor(Anchor::FirstFailure);
    world.add(1, plain_policy().with_retry(retry));
    world.enqueue(7, 1);
    for (sent, began) in [(0, 0), (4, 103)] {
        for _ in 0..3 {
            world.pass_seconds(3);
            world.answer(7, failure());
            world.wake();
        }
        world.answer(7, failure());
        // The first attempt fails after 3 s; from there 10, 30 and 100 s, however long the others take.
        assert_eq!(world.sent_at()[sent..], [began, began + 13, began + 33, began + 103]);
        let _ = world.dispatcher.redeliver(id(7), world.now).unwrap();
        world.drain();
    }
}

#[test]
fn nothing_is_sent_early() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    world.pass(core::time::Duration::from_nanos(999)); // within one of the machine's microseconds
    world.answer(7, failure());
    world.pass(seconds(10) - core::time::Duration::from_nanos(1));
    assert_eq!(world.flying(), []);
    world.pass(core::time::Duration::from_micros(1));
    assert_eq!(world.flying(), [7]);
}

#[test]
fn a_wish_to_be_sent_later_is_respected() {
    let mut world = World::plain();
    let later = new(7, 1).with_not_before(Some(START + seconds(60)));
    let _ = world.dispatcher.enqueue(later, world.now).unwrap();
    world.drain();
    world.pass_seconds(120);
    assert_eq!(world.sent_at(), [60]);
}

#[test]
fn an_endpoint_gets_no_more_at_once_than_its_limit() {
    let mut world = World::new();
    world.add(1, plain_policy().with_max_in_flight(count(3)));
    for delivery in 0..50 {
        world.enqueue(delivery, 1);
    }
    assert_eq!(world.under_way.len(), 1, "one to begin with");
    let mut most = 0;
    while let Some(next) = world.flying().first() {
        most = most.max(world.under_way.len());
        world.answer(*next, ok());
    }
    assert_eq!((most, world.sent.len()), (3, 50));
}

#[test]
fn all_endpoints_together_get_no_more_than_the_slots_and_none_more_than_its_share() {
    let mut world = World::with(Limits::new(count(10)).with_share_percent(30), None);
    for to in 0..20 {
        world.add(to, plain_policy());
    }
    for round in 0..10 {
        for to in 0..20 {
            world.enqueue(round * 20 + to, to);
        }
    }
    assert_eq!(world.under_way.len(), 10);
    assert_eq!(world.dispatcher.held_back(endpoint(19)), Some(HeldBack::Slots));
    for _ in 0..190 {
        let next = world.flying()[0];
        world.answer(next, ok());
        assert_eq!(world.under_way.len(), 10);
        for to in 0..20 {
            let held =
                world.under_way.iter().filter(|attempt| attempt.attempt.endpoint == endpoint(to)).count();
            assert!(held <= 3, "{held} slots of 10 are held by one endpoint");
        }
    }
}

#[test]
fn an_endpoint_alone_gets_its_share_of_the_slots_and_no_more() {
    let mut world = World::with(Limits::new(count(10)).with_share_percent(30), None);
    world.add(1, plain_policy());
    for delivery in 0..50 {
        world.enqueue(delivery, 1);
    }
    let mut most = 0;
    while let Some(next) = world.flying().first() {
        most = most.max(world.under_way.len());
        world.answer(*next, ok());
    }
    assert_eq!((most, world.sent.len()), (3, 50));
}

#[test]
fn nothing_is_sent_to_a_disabled_endpoint_and_nothing_is_lost_meanwhile() {
    let mut world = World::plain();
    world.enqueue(1, 1);
    world.dispatcher.disable(endpoint(1), world.now).unwrap();
    world.answer(1, failure());
    for delivery in 2..10 {
        world.enqueue(delivery, 1);
    }
    world.pass_seconds(1_000_000);
    assert_eq!(world.sent.len(), 1);
    assert!(matches!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::Disabled { .. })));

    world.dispatcher.enable(endpoint(1), world.now).unwrap();
    world.drain();
    while let Some(next) = world.flying().first() {
        world.answer(*next, ok());
    }
    for delivery in 1..10 {
        assert_eq!(world.ends(delivery), [End::Delivered]);
    }
}

#[test]
fn a_late_or_foreign_answer_changes_nothing_and_is_reported() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    let first = world.answer(7, failure()).attempt;
    world.wake();
    let second = world.under_way[0].attempt;
    let before = world.dispatcher.snapshot();

    let unknown = gymhook_delivery::AttemptRef { delivery: id(8), ..second };
    let elsewhere = gymhook_delivery::AttemptRef { endpoint: endpoint(2), ..second };
    let other_owner = gymhook_delivery::AttemptRef { lease: LeaseEpoch::new(9), ..second };
    for stranger in [first, unknown, elsewhere, other_owner] {
        world.dispatcher.handle_outcome(&stranger, &ok(), world.now);
        world.drain();
    }
    assert_eq!(
        world.late_answers(),
        [
            LateReason::OtherAttempt { current: 2 },
            LateReason::UnknownDelivery,
            LateReason::UnknownDelivery,
            LateReason::OtherLease { current: LeaseEpoch::default() },
        ]
    );
    assert_eq!(world.dispatcher.snapshot(), before);

    world.answer(7, ok());
    let after = world.dispatcher.snapshot();
    world.dispatcher.handle_outcome(&second, &failure(), world.now);
    world.drain();
    assert_eq!(world.late_answers().last(), Some(&LateReason::NotInFlight));
    assert_eq!(world.dispatcher.snapshot(), after);
}

#[test]
fn an_answer_that_never_comes_costs_an_attempt() {
    let mut world = World::new();
    let retry = plain_policy().retry().clone().with_lost_delay(seconds(0));
    world.add(1, plain_policy().with_retry(retry));
    world.enqueue(7, 1);
    world.pass_seconds(1_000);
    // 30 s until the deadline, 30 s of grace, and then at once.
    assert_eq!(world.sent_at(), [0, 60, 120, 180]);
    assert_eq!(world.ends(7), [End::Undeliverable(Undeliverable::Lost)]);
    for late in core::mem::take(&mut world.under_way) {
        world.dispatcher.handle_outcome(&late.attempt, &ok(), world.now);
        world.drain();
    }
    assert_eq!(world.late_answers(), [LateReason::NotInFlight; 4]);
    assert_eq!(world.ends(7).len(), 1);
}

#[test]
fn a_clock_that_steps_back_neither_repeats_nor_skips() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    world.answer(7, failure());
    world.now = START - seconds(3_600);
    world.dispatcher.handle_timeout(world.now);
    world.drain();
    assert_eq!((world.flying(), world.wake_at), (vec![], Some(START + seconds(10))));
    world.enqueue(8, 1); // an hour ago, says the clock
    assert_eq!(world.flying(), [8]);
    world.answer(8, failure());
    world.now = START;
    world.pass_seconds(10);
    world.answer(7, ok());
    assert_eq!(world.flying(), [8], "ten seconds after the latest time that was seen");
}

#[test]
fn a_clock_that_jumps_forward_makes_what_is_due_due_once() {
    let mut world = World::plain();
    for delivery in 0..5 {
        world.enqueue(delivery, 1);
    }
    while let Some(next) = world.flying().first() {
        world.answer(*next, failure());
    }
    let jump = START + seconds(10 * 365 * 86_400);
    world.now = jump;
    world.dispatcher.handle_timeout(jump);
    world.drain();
    while let Some(next) = world.flying().first() {
        world.answer(*next, ok());
    }
    for delivery in 0..5 {
        assert_eq!(world.ends(delivery), [End::Delivered]);
        assert_eq!(world.sent_ids().iter().filter(|sent| **sent == delivery).count(), 2);
    }
}

#[test]
fn an_answer_reported_after_a_jump_still_counts() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    world.now = START + seconds(86_400);
    world.answer(7, ok());
    assert_eq!((world.ends(7), world.sent.len()), (vec![End::Delivered], 1));
}

#[test]
fn retries_cannot_hold_up_first_attempts() {
    let mut world = World::new();
    world.add(1, plain_policy().with_max_in_flight(count(1)));
    for delivery in 0..5 {
        world.enqueue(delivery, 1);
    }
    for delivery in 0..5 {
        world.answer(delivery, failure());
    }
    for delivery in 10..15 {
        world.enqueue(delivery, 1);
    }
    world.answer(10, failure());
    world.pass_seconds(20);
    // The allowance is one: each next attempt begins when the one before is answered.
    while let Some(next) = world.flying().first() {
        world.answer(*next, ok());
    }
    assert_eq!(world.sent_ids()[5..], [10, 11, 0, 12, 1, 13, 2, 14, 3, 4, 10]);
}

#[test]
fn a_drained_machine_begins_nothing_and_takes_answers() {
    let mut world = World::plain();
    world.enqueue(1, 1);
    world.dispatcher.drain();
    world.enqueue(2, 1);
    world.answer(1, ok());
    world.pass_seconds(100);
    assert_eq!((world.sent_ids(), world.wake_at), (vec![1], None));
    assert_eq!(world.dispatcher.held_back(endpoint(1)), Some(HeldBack::Draining));
    world.dispatcher.resume();
    world.drain();
    assert_eq!(world.flying(), [2]);
}

#[test]
fn a_fault_of_this_side_is_not_the_failure_from_which_delays_count() {
    let mut world = World::new();
    let schedule = RetrySchedule::fixed(vec![seconds(10), seconds(30)]);
    let retry = RetryPolicy::new(schedule).with_anchor(Anchor::FirstFailure).with_own_fault_delay(seconds(5));
    world.add(1, plain_policy().with_retry(retry));
    world.enqueue(7, 1);
    world.answer(7, Outcome::Internal(OwnFault::Network));
    world.wake();
    world.answer(7, failure());
    world.pass_seconds(60);
    assert_eq!(world.sent_at(), [0, 5, 15], "five seconds after our fault, ten after the failure");
}

#[test]
fn what_a_retry_comes_after_is_recorded() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    let afters = [
        (failure(), AttemptFailure::Failed),
        (Outcome::Internal(OwnFault::Network), AttemptFailure::OurFault),
        (Outcome::Crashed, AttemptFailure::Lost),
    ];
    for (outcome, after) in afters {
        world.answer(7, outcome);
        assert_eq!(world.steps(7).last(), Some(&DeliveryChange::RetryScheduled { after }));
        world.wake();
    }
}

#[test]
fn the_answer_to_a_finished_delivery_of_another_endpoint_is_no_answer_to_that_delivery() {
    let mut world = World::plain();
    world.add(2, plain_policy());
    world.enqueue(7, 1);
    let attempt = world.answer(7, ok()).attempt;
    let elsewhere = gymhook_delivery::AttemptRef { endpoint: endpoint(2), ..attempt };
    world.dispatcher.handle_outcome(&elsewhere, &ok(), world.now);
    world.drain();
    assert_eq!(world.late_answers(), [LateReason::UnknownDelivery]);
}

#[test]
fn attempts_that_are_lost_at_the_same_moment_are_lost_in_the_order_in_which_they_began() {
    let mut world = World::new();
    let deliveries = [4, 9, 1, 7, 3, 8, 2, 6, 5];
    for to in deliveries {
        world.add(to, plain_policy());
        world.enqueue(to, to);
    }
    let mut copy = World::around(Dispatcher::restore(world.dispatcher.snapshot()).unwrap());
    copy.dispatcher.handle_timeout(copy.now);
    copy.drain();
    for world in [&mut world, &mut copy] {
        world.journal.clear();
        world.wake();
        let lost = |record: &Record| match record {
            Record::Delivery { delivery, .. } => Some(delivery.id.as_uuid().as_u128()),
            Record::Endpoint { .. } | Record::LateAnswer(_) => None,
        };
        assert_eq!(world.journal.iter().filter_map(lost).collect::<Vec<_>>(), deliveries);
    }
}
