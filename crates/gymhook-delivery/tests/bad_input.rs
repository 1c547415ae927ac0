//! What a caller, a clock or a store can get wrong: each has a typed answer or a stated rule.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use core::time::Duration;

use gymhook_delivery::{
    AddEndpointError, AutoDisable, BodyDigest, BreakerPolicy, CancelError, DeliveryRecord, DeliveryState,
    Dispatcher, End, EnqueueError, Enqueued, ForgetError, Limits, NewDelivery, Output, Rate, RedeliverError,
    RestoreDeliveryError, Snapshot, UnknownEndpoint,
};
use gymhook_retry::{AttemptNumber, Jitter, Outcome, OwnFault, RetryPolicy, RetrySchedule};
use http::StatusCode;
use time::UtcDateTime;
use world::*;

#[test]
fn unknown_endpoints_are_named() {
    let mut world = World::new();
    let nowhere = UnknownEndpoint { endpoint: endpoint(9) };
    let enqueue = EnqueueError::UnknownEndpoint { endpoint: endpoint(9) };
    let now = world.now;
    assert_eq!(world.dispatcher.enqueue(new(1, 9), now), Err(enqueue));
    assert_eq!(world.dispatcher.send_test(new(1, 9), now), Err(enqueue));
    assert_eq!(world.dispatcher.disable(endpoint(9), now), Err(nowhere));
    assert_eq!(world.dispatcher.enable(endpoint(9), now), Err(nowhere));
    assert_eq!(world.dispatcher.update_policy(endpoint(9), plain_policy(), now), Err(nowhere));
    assert_eq!(world.dispatcher.release_endpoint(endpoint(9), now), None);
    assert_eq!(world.dispatcher.held_back(endpoint(9)), None);
    assert_eq!(world.dispatcher.undeliverable(endpoint(9)), []);
}

#[test]
fn unknown_deliveries_are_named() {
    let mut world = World::plain();
    let (delivery, now) = (id(9), world.now);
    assert_eq!(world.dispatcher.cancel(delivery, now), Err(CancelError::Unknown { delivery }));
    assert_eq!(world.dispatcher.redeliver(delivery, now), Err(RedeliverError::Unknown { delivery }));
    assert_eq!(world.dispatcher.forget(delivery), Err(ForgetError::Unknown { delivery }));
    assert!(world.dispatcher.delivery(delivery).is_none());
}

#[test]
fn one_of_many_redeliveries_may_be_unknown() {
    let mut world = World::plain();
    for delivery in [1, 2] {
        world.enqueue(delivery, 1);
        world.answer(delivery, ok());
    }
    let answers = world.dispatcher.redeliver_many([id(1), id(9), id(2)], world.now);
    world.drain();
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(world.flying(), [1, 2]);
}

#[test]
fn the_same_delivery_again_is_no_delivery_more() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    let again = world.dispatcher.enqueue(new(7, 1), world.now);
    assert!(matches!(again, Ok(Enqueued::Duplicate { state: DeliveryState::InFlight { .. } })));
    world.answer(7, ok());
    let finished = DeliveryState::Finished { at: START, end: End::Delivered };
    assert_eq!(world.dispatcher.enqueue(new(7, 1), world.now), Ok(Enqueued::Duplicate { state: finished }));
    world.drain();
    assert_eq!((world.sent.len(), world.dispatcher.len()), (1, 1));
}

#[test]
fn another_body_endpoint_or_purpose_under_one_id_is_a_conflict() {
    let mut world = World::plain();
    world.add(2, plain_policy());
    world.enqueue(7, 1);
    let conflict = EnqueueError::Conflict { delivery: id(7) };
    let other_body = NewDelivery::new(new(7, 1).id, new(7, 1).endpoint, BodyDigest::new([1; 32]));
    assert_eq!(world.dispatcher.enqueue(other_body, world.now), Err(conflict));
    assert_eq!(world.dispatcher.enqueue(new(7, 2), world.now), Err(conflict));
    assert_eq!(world.dispatcher.send_test(new(7, 1), world.now), Err(conflict));
    world.drain();
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn what_is_there_is_not_added_again() {
    let mut world = World::plain();
    let here = AddEndpointError::AlreadyHere { endpoint: endpoint(1) };
    assert_eq!(world.dispatcher.add_endpoint(endpoint(1), plain_policy(), world.now), Err(here));
    let record = world.dispatcher.endpoint(endpoint(1)).unwrap().record();
    let restored = world.dispatcher.restore_endpoint(&record, plain_policy(), Default::default(), world.now);
    assert_eq!(restored, Err(here));
}

#[test]
fn what_has_not_ended_is_not_forgotten() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    let unfinished = ForgetError::Unfinished { delivery: id(7) };
    assert_eq!(world.dispatcher.forget(id(7)), Err(unfinished));
    world.answer(7, failure());
    assert_eq!(world.dispatcher.forget(id(7)), Err(unfinished));
    assert_eq!(world.dispatcher.forget_finished(UtcDateTime::MAX), 0);
    world.wake();
    world.answer(7, ok());
    assert_eq!(world.dispatcher.forget_finished(world.now), 0, "not before this moment");
    assert_eq!(world.dispatcher.forget_finished(world.now + seconds(1)), 1);
    assert!(world.dispatcher.is_empty());
    world.enqueue(7, 1);
}

#[test]
fn one_finished_delivery_can_be_forgotten_among_others() {
    let mut world = World::plain();
    for delivery in 1..=5 {
        world.enqueue(delivery, 1);
        world.answer(delivery, ok());
    }
    assert_eq!(world.dispatcher.forget(id(3)), Ok(()));
    let cancelled = world.dispatcher.cancel(id(4), world.now);
    assert_eq!(cancelled, Err(CancelError::Finished { delivery: id(4), end: End::Delivered }));
    assert_eq!(world.dispatcher.forget_finished(UtcDateTime::MAX), 4);
}

#[test]
fn deliveries_are_restored_to_a_known_endpoint_and_once() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    world.answer(7, failure());
    let delivery = DeliveryRecord::new(id(7), endpoint(1), BodyDigest::new([0; 32]), 0, START);
    let held = RestoreDeliveryError::AlreadyHeld { delivery: id(7) };
    assert_eq!(world.dispatcher.restore_delivery(&delivery, world.now), Err(held));
    let elsewhere = DeliveryRecord { endpoint: endpoint(2), ..delivery };
    let unknown = RestoreDeliveryError::UnknownEndpoint { endpoint: endpoint(2) };
    assert_eq!(world.dispatcher.restore_delivery(&elsewhere, world.now), Err(unknown));
}

#[test]
fn a_schedule_without_retries_means_one_attempt() {
    let mut world = World::new();
    world.add(1, plain_policy().with_retry(RetryPolicy::new(RetrySchedule::never())));
    world.enqueue(7, 1);
    world.answer(7, failure());
    world.pass_seconds(1_000);
    assert_eq!((world.sent.len(), world.ends(7).len()), (1, 1));
}

/// Drives a machine whose every duration is `length` from `start` on, and answers in every way.
fn drive(length: Duration, start: UtcDateTime) {
    let retry = RetryPolicy::new(RetrySchedule::constant(length, 2))
        .with_jitter(Jitter::Full)
        .with_attempt_timeout(length)
        .with_own_fault_delay(length)
        .with_retry_after_max(length);
    let policy = gymhook_delivery::EndpointPolicy::new(retry)
        .with_rate(Some(Rate::new(count(1), length).with_burst(count(u32::MAX))))
        .with_breaker(Some(BreakerPolicy::new(count(1), length, length)))
        .with_auto_disable(AutoDisable::default().with_failing_for(Some(length)));
    let limits = Limits::new(count(u32::MAX)).with_share_percent(255).with_answer_grace(length);
    let mut dispatcher = Dispatcher::new(limits, None, start);
    dispatcher.add_endpoint(endpoint(1), policy, start).unwrap();
    let outcomes = [
        failure(),
        Outcome::Crashed,
        Outcome::Internal(OwnFault::Storage),
        asks_to_wait(StatusCode::TOO_MANY_REQUESTS, UtcDateTime::MAX),
        asks_to_wait(StatusCode::TOO_MANY_REQUESTS, UtcDateTime::MIN),
        ok(),
    ];
    let mut ended = 0;
    for delivery in 0..20 {
        let _ = dispatcher.enqueue(new(delivery, 1), start).unwrap();
    }
    for step in 0..500 {
        match dispatcher.poll_output() {
            Output::Attempt(attempt) => {
                dispatcher.handle_outcome(&attempt.attempt, &outcomes[step % outcomes.len()], start);
            }
            Output::Record(gymhook_delivery::Record::Delivery { change, .. }) => {
                ended += usize::from(matches!(change, gymhook_delivery::DeliveryChange::Ended(_)));
            }
            Output::Record(_) => {}
            Output::WakeAt(at) => {
                dispatcher.enable(endpoint(1), start).unwrap();
                dispatcher.handle_timeout(at.unwrap_or(UtcDateTime::MAX));
            }
        }
    }
    assert_eq!(dispatcher.len(), 20);
    assert!(ended > 0, "with durations of {length:?} from {start} nothing ever ends");
}

#[test]
fn zero_and_maximal_durations_are_survived_at_both_ends_of_time() {
    for length in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        for start in [UtcDateTime::MIN, UtcDateTime::UNIX_EPOCH, UtcDateTime::MAX] {
            drive(length, start);
        }
    }
}

#[test]
fn the_highest_attempt_number_is_no_problem() {
    let mut world = World::plain();
    world.add(2, plain_policy().with_retry(retries(u32::MAX)));
    let record = DeliveryRecord {
        attempt: AttemptNumber::MAX,
        sends: u32::MAX,
        sequence: u64::MAX,
        round: core::num::NonZeroU32::MAX,
        ..DeliveryRecord::new(id(1), endpoint(2), BodyDigest::new([0; 32]), 0, START)
    };
    let _ = world.dispatcher.restore_delivery(&record, world.now).unwrap();
    world.drain();
    world.answer(1, failure());
    assert_eq!(world.ends(1).len(), 1);
    let _ = world.dispatcher.redeliver(id(1), world.now).unwrap();
    world.drain();
    world.answer(1, ok());
    world.enqueue(2, 2);
    world.answer(2, ok());
}

#[test]
fn a_wake_up_nobody_asked_for_does_nothing() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    world.answer(7, failure());
    let before = world.dispatcher.snapshot();
    for _ in 0..3 {
        world.dispatcher.handle_timeout(world.now);
        world.drain();
    }
    assert_eq!(world.dispatcher.snapshot(), before);
}

#[test]
fn only_a_snapshot_that_ends_too_early_is_called_cut_short() {
    let errors =
        [(&b"[]"[..], false), (br#"{"version":3}"#, false), (br#"{"version":1,"end"#, true), (b"", true)];
    for (json, cut_short) in errors {
        let error = Snapshot::from_json(json).unwrap_err();
        assert_eq!(error.is_cut_short(), cut_short, "{error:?}");
    }
}
