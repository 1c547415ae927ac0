//! Coming back: the same fate after a snapshot anywhere, and nothing lost after a crash anywhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use std::collections::BTreeMap;

use gymhook_delivery::{
    BodyDigest, DeliveryRecord, DeliveryState, Dispatcher, End, EndpointRecord, LateReason, LeaseEpoch,
    Limits, Rate, Record, RestoredAs, Snapshot, SnapshotError, Undeliverable,
};
use gymhook_retry::{Outcome, RetryBudget};
use world::*;

/// Two endpoints, one of them ordered, with a budget, a rate and deliveries in every state.
fn busy() -> World {
    let limits = Limits::new(count(4)).with_share_percent(50);
    let mut world = World::with(limits, Some(RetryBudget::new(20, 60, 3, START).unwrap()));
    world.add(1, plain_policy().with_rate(Some(Rate::new(count(3), seconds(2)))));
    world.add(2, plain_policy().with_ordered(true));
    world.add(3, plain_policy().with_breaker(Some(gymhook_delivery::BreakerPolicy::default())));
    for delivery in 0..60 {
        world.enqueue(delivery, 1 + delivery % 3);
    }
    world
}

/// Answers what is under way by a fixed pattern, and lets time pass. Returns whatever came out.
fn live(world: &mut World, steps: usize) -> Vec<String> {
    let from = (world.journal.len(), world.sent.len());
    for step in 0..steps {
        if let Some(attempt) = world.under_way.first().copied() {
            let mix = step * 7 + attempt.attempt.send as usize;
            let outcome = if mix.is_multiple_of(3) { ok() } else { failure() };
            world.answer(attempt.attempt.delivery.as_uuid().as_u128(), outcome);
        }
        world.pass(core::time::Duration::from_millis(700));
    }
    let records = world.journal[from.0..].iter().map(|record| format!("{record:?}"));
    let sent = world.sent[from.1..].iter().map(|sent| format!("{sent:?}"));
    records.chain(sent).collect()
}

#[test]
fn a_snapshot_anywhere_has_the_same_fate() {
    for steps in 0..60 {
        let mut original = busy();
        live(&mut original, steps);
        let json = serde_json::to_vec(&original.dispatcher.snapshot()).unwrap();
        let restored = Dispatcher::restore(Snapshot::from_json(&json).unwrap()).unwrap();
        assert_eq!(serde_json::to_vec(&restored.snapshot()).unwrap(), json);

        let mut copy = World::around(restored);
        copy.now = original.now;
        copy.under_way.clone_from(&original.under_way);
        copy.journal.clone_from(&original.journal);
        copy.wake_at = original.wake_at;
        assert_eq!(live(&mut copy, 80), live(&mut original, 80), "after {steps} steps");
        assert_eq!(copy.dispatcher.snapshot(), original.dispatcher.snapshot());
    }
}

#[test]
fn a_snapshot_between_two_outputs_loses_none() {
    let mut world = World::plain();
    world.enqueue(1, 1);
    world.dispatcher.handle_outcome(&world.under_way[0].attempt, &ok(), world.now);
    let _ = world.dispatcher.enqueue(new(2, 1), world.now).unwrap();
    let mut copy = Dispatcher::restore(world.dispatcher.snapshot()).unwrap();
    for _ in 0..10 {
        assert_eq!(copy.poll_output(), world.dispatcher.poll_output());
    }
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let run = || {
        let mut world = busy();
        let trace = live(&mut world, 100);
        (trace, serde_json::to_vec(&world.dispatcher.snapshot()).unwrap())
    };
    assert_eq!(run(), run());
}

/// What a store keeps: the latest record of everything.
#[derive(Clone, Default)]
struct Store {
    endpoints: BTreeMap<u128, EndpointRecord>,
    deliveries: BTreeMap<u128, DeliveryRecord>,
}

impl Store {
    fn write(&mut self, record: &Record) {
        match record {
            Record::Delivery { delivery, .. } => {
                self.deliveries.insert(delivery.id.as_uuid().as_u128(), *delivery);
            }
            Record::Endpoint { endpoint, .. } => {
                self.endpoints.insert(endpoint.id.as_uuid().as_u128(), *endpoint);
            }
            Record::LateAnswer(_) => {}
        }
    }

    fn restore(&self, epoch: u64, from: &World) -> World {
        let mut world = World::around(Dispatcher::new(from.dispatcher.limits().clone(), None, from.now));
        let now = world.now;
        for record in self.endpoints.values() {
            let policy = from.dispatcher.endpoint(record.id).unwrap().policy().clone();
            world.dispatcher.restore_endpoint(record, policy, LeaseEpoch::new(epoch), now).unwrap();
        }
        for record in self.deliveries.values() {
            let restored = world.dispatcher.restore_delivery(record, now).unwrap();
            let in_flight = matches!(record.state, DeliveryState::InFlight { .. });
            assert_eq!(restored, if in_flight { RestoredAs::AttemptLost } else { RestoredAs::Recorded });
        }
        world.drain();
        world
    }
}

#[test]
fn a_crash_after_any_record_loses_nothing() {
    let mut whole = busy();
    live(&mut whole, 40);
    for crash in (3..whole.journal.len()).step_by(7) {
        let mut store = Store::default();
        whole.journal[..crash].iter().for_each(|record| store.write(record));
        let mut world = store.restore(1, &whole);
        while world.wake_at.is_some() || !world.under_way.is_empty() {
            world.answer_all(ok());
            if world.wake_at.is_some() {
                world.wake();
            }
        }
        world.journal.iter().for_each(|record| store.write(record));
        for (delivery, record) in &store.deliveries {
            let DeliveryState::Finished { .. } = record.state else {
                panic!("delivery {delivery} is stuck after a crash at {crash}: {record:?}")
            };
        }
    }
}

#[test]
fn a_crash_consumes_the_attempt_so_a_poison_delivery_ends() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    let mut store = Store::default();
    world.journal.iter().for_each(|record| store.write(record));
    let mut sent = 1;
    for epoch in 1..20 {
        let mut next = store.restore(epoch, &world);
        if next.wake_at.is_some() {
            next.wake();
        }
        next.journal.iter().for_each(|record| store.write(record));
        sent += next.sent.len();
        next.now += seconds(1);
        world = next; // and crashes again
    }
    assert_eq!(sent, 4, "one and three retries");
    let finished = matches!(
        store.deliveries[&7].state,
        DeliveryState::Finished { end: End::Undeliverable(Undeliverable::Lost), .. }
    );
    assert!(finished, "{:?}", store.deliveries[&7]);
}

#[test]
fn a_snapshot_can_be_told_that_its_attempts_are_lost() {
    let world = busy();
    let under_way = world.under_way.clone();
    assert_eq!(under_way.len(), 3);
    let mut copy = World::around(Dispatcher::restore(world.dispatcher.snapshot()).unwrap());
    copy.dispatcher.lose_attempts_under_way(copy.now);
    copy.dispatcher.drain();
    copy.drain();
    assert_eq!(copy.dispatcher.in_flight(), 0);
    for late in &under_way {
        copy.dispatcher.handle_outcome(&late.attempt, &ok(), copy.now);
    }
    copy.drain();
    assert_eq!(copy.late_answers(), [LateReason::NotInFlight; 3]);
}

#[test]
fn an_answer_of_an_earlier_lease_is_late() {
    let mut world = World::plain();
    world.enqueue(7, 1);
    let mut store = Store::default();
    world.journal.iter().for_each(|record| store.write(record));
    let old = world.under_way[0].attempt;

    let mut next = store.restore(1, &world);
    next.dispatcher.handle_outcome(&old, &ok(), next.now);
    next.drain();
    let current = LeaseEpoch::new(1);
    assert_eq!(next.late_answers(), [LateReason::OtherLease { current }]);
    next.wake();
    assert_eq!(next.under_way[0].attempt.lease, current);
    next.dispatcher.handle_outcome(&old, &Outcome::Crashed, next.now);
    next.drain();
    assert_eq!(next.late_answers(), [LateReason::OtherLease { current }; 2]);
    next.answer(7, ok());
    assert_eq!(next.ends(7), [End::Delivered]);
}

#[test]
fn a_released_endpoint_is_gone_and_comes_back_as_it_was() {
    let mut world = World::plain();
    world.add(2, plain_policy());
    for delivery in 0..6 {
        world.enqueue(delivery, 1);
    }
    world.answer(0, ok());
    world.answer(1, failure());
    world.enqueue(100, 2);
    let flying: Vec<_> =
        world.under_way.iter().filter(|attempt| attempt.attempt.endpoint == endpoint(1)).copied().collect();
    let released = world.dispatcher.release_endpoint(endpoint(1), world.now).unwrap();
    assert_eq!((world.dispatcher.len(), world.dispatcher.in_flight()), (1, 1));
    for attempt in &flying {
        world.dispatcher.handle_outcome(&attempt.attempt, &ok(), world.now);
    }
    world.drain();
    assert_eq!(world.late_answers(), vec![LateReason::UnknownDelivery; flying.len()]);

    let mut store = Store::default();
    world.journal.iter().for_each(|record| store.write(record));
    let lease = LeaseEpoch::new(5);
    world.dispatcher.restore_endpoint(&released, plain_policy(), lease, world.now).unwrap();
    for record in store.deliveries.values().filter(|record| record.endpoint == endpoint(1)) {
        let _ = world.dispatcher.restore_delivery(record, world.now).unwrap();
    }
    world.drain();
    world.under_way.retain(|attempt| attempt.attempt.lease == lease);
    while world.dispatcher.waiting(endpoint(1)) > 0 || !world.under_way.is_empty() {
        world.answer_all(ok());
        world.pass_seconds(10);
    }
    for delivery in 0..6 {
        assert_eq!(world.ends(delivery), [End::Delivered]);
    }
}

#[test]
fn a_rate_is_kept_across_a_crash() {
    let policy = || plain_policy().with_rate(Some(Rate::new(count(1), seconds(100))));
    let mut world = World::new();
    world.add(1, policy());
    world.enqueue(1, 1);
    world.enqueue(2, 1);
    world.answer(1, ok());
    let mut store = Store::default();
    world.journal.iter().for_each(|record| store.write(record));
    let mut next = store.restore(1, &world);
    next.pass_seconds(99);
    assert_eq!(next.flying(), []);
    next.pass_seconds(1);
    assert_eq!(next.flying(), [2]);
}

#[test]
fn a_probe_that_was_under_way_is_sent_again_and_the_way_is_felt_from_one() {
    let mut world = World::new();
    let breaker = gymhook_delivery::BreakerPolicy::new(count(1), seconds(30), seconds(30));
    world.add(1, plain_policy().with_breaker(Some(breaker)));
    for delivery in 0..10 {
        world.enqueue(delivery, 1);
    }
    world.answer(0, failure());
    world.wake();
    while !world.under_way.is_empty() && !world.under_way[0].probe {
        world.wake();
    }
    assert!(world.under_way[0].probe);
    let mut store = Store::default();
    world.journal.iter().for_each(|record| store.write(record));
    let next = store.restore(1, &world);
    assert_eq!(next.under_way.len(), 1);
    assert!(next.under_way[0].probe);
}

#[test]
fn a_row_written_by_a_store_is_a_delivery_like_any_other() {
    let mut world = World::plain();
    let row = DeliveryRecord::new(id(7), endpoint(1), BodyDigest::new([0; 32]), 41, START + seconds(5));
    assert_eq!(world.dispatcher.restore_delivery(&row, world.now), Ok(RestoredAs::Recorded));
    world.drain();
    assert_eq!(world.flying(), []);
    world.wake();
    world.answer(7, ok());
    world.enqueue(8, 1);
    assert_eq!((world.sent_at(), world.ends(7)), (vec![5, 5], vec![End::Delivered]));
    assert_eq!(world.dispatcher.delivery(id(8)).unwrap().sequence(), 42);
}

#[test]
fn snapshots_cut_short_of_another_version_or_broken_are_refused() {
    let mut world = busy();
    live(&mut world, 20);
    let json = serde_json::to_string(&world.dispatcher.snapshot()).unwrap();
    for length in (0..json.len()).step_by(17) {
        let error = Snapshot::from_json(&json.as_bytes()[..length]).unwrap_err();
        assert!(error.is_cut_short(), "{length}: {error:?}");
    }
    let other = json.replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(Snapshot::from_json(other.as_bytes()), Err(SnapshotError::OtherVersion { found: 2 })));
    let later = r#"{"version":3,"nothing":"known"}"#;
    assert!(matches!(Snapshot::from_json(later.as_bytes()), Err(SnapshotError::OtherVersion { found: 3 })));
    assert!(matches!(Snapshot::from_json(b"[]"), Err(SnapshotError::Malformed(_))));
    assert!(matches!(Snapshot::from_json(&[0xff; 9]), Err(SnapshotError::Malformed(_))));
}

#[test]
fn a_snapshot_that_contradicts_itself_is_refused() {
    let mut world = busy();
    live(&mut world, 20);
    let original = serde_json::to_value(world.dispatcher.snapshot()).unwrap();
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = original.clone();
        change(&mut value);
        let json = serde_json::to_vec(&value).unwrap();
        Dispatcher::restore(Snapshot::from_json(&json).unwrap()).unwrap_err()
    };
    let pop = |key: &'static str| {
        refused(&move |value| {
            value[key].as_array_mut().unwrap().pop();
        })
    };
    assert!(matches!(pop("deliveries"), SnapshotError::CutShort));
    assert!(matches!(pop("endpoints"), SnapshotError::CutShort));
    assert!(matches!(pop("in_flight"), SnapshotError::Inconsistent));
    let repeat = |key: &'static str| {
        refused(&move |value| {
            let list = value[key].as_array_mut().unwrap();
            let first = list[0].clone();
            list.push(first);
        })
    };
    for key in ["deliveries", "endpoints", "in_flight"] {
        assert!(matches!(repeat(key), SnapshotError::Inconsistent), "{key}");
    }
    let strange =
        refused(&|value| value["ring"] = serde_json::json!(["00000000-0000-0000-0000-0000000000ff"]));
    assert!(matches!(strange, SnapshotError::Inconsistent));
    let no_time = refused(&|value| value["now"]["nanoseconds"] = serde_json::json!(4_000_000_000_u32));
    assert!(matches!(no_time, SnapshotError::Inconsistent));
}
