//! Follow-ups: notifications that a commit enqueues in the transaction that ends the one that they follow from, or that
//! are enqueued together with it (`NewNotification::with_follow_ups`). Their races are here, too, and not in `races`.

use core::time::Duration;

use gymhook_delivery::{DeliveryState, End, Enqueued};

use super::Harness;
use super::stage::{HOUR, Stage, attempt, begun, delivery, ended, endpoint, held, notification, skip, stale};
use crate::{Batch, Lease, NewNotification, Refused, RepeatCheck, State, Store, Unstorable, body_digest};

/// The batch of a delivery to endpoint `to` that was handled, with what follows from it.
async fn handled<H: Harness>(
    stage: &Stage<'_, H>,
    lease: Lease,
    number: u128,
    follow_ups: impl IntoIterator<Item = NewNotification>,
) -> Batch {
    let record = begun(stage.record(number).await, stage.now + HOUR);
    Batch {
        leases: vec![lease],
        deliveries: vec![ended(record, stage.now, End::Delivered)],
        attempts: vec![(lease.endpoint, attempt(&record, 1, stage.now))],
        follow_ups: follow_ups.into_iter().map(|new| (lease.endpoint, new)).collect(),
        ..Batch::default()
    }
}

/// How many deliveries wait at an endpoint.
async fn waiting<H: Harness>(stage: &Stage<'_, H>, number: u128) -> u64 {
    stage.store.endpoint_stats(endpoint(number), stage.now).await.unwrap().expect("it is there").waiting
}

/// They are enqueued, to any endpoint and whole, with the record.
pub async fn what_follows_is_enqueued_with_the_record<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let origin = Some("{\"headers\":[]}".to_owned());
    let later = NewNotification { origin, not_before: Some(stage.now + HOUR), ..notification(11, 2) };
    let follow_ups = [notification(10, 2), later.clone(), notification(12, 1)];
    let committed = stage.commit(handled(&stage, lease, 1, follow_ups).await).await;
    assert_eq!((committed.lost, committed.refused), (Vec::new(), Vec::new()));

    assert_eq!(stage.row(1).await.state, State::Delivered);
    for (number, to) in [(10, 2), (11, 2), (12, 1)] {
        let row = stage.row(number).await;
        assert_eq!((row.state, row.endpoint, row.enqueued_at), (State::Waiting, endpoint(to), stage.now));
        let body = stage.store.body(delivery(number)).await.unwrap();
        assert_eq!(body, Some(notification(number, to).body));
    }
    assert_eq!(stage.row(11).await.origin, later.origin);
    assert_eq!(stage.fetch(endpoint(2), 9).await.deliveries, [stage.record(10).await]);
    assert!(stage.record(10).await.sequence < stage.record(11).await.sequence, "in their order");
}

/// Of an endpoint whose lease is lost nothing is enqueued, nor refused; of the others in the batch everything is.
pub async fn a_lost_lease_enqueues_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let lost = stale(held(&stage.lease(1, 1).await));
    let good = held(&stage.lease(1, 2).await);
    let mut batch = handled(&stage, lost, 1, [notification(10, 3), notification(11, 9)]).await;
    let rest = handled(&stage, good, 2, [notification(12, 3)]).await;
    batch.leases.extend(rest.leases);
    batch.deliveries.extend(rest.deliveries);
    batch.follow_ups.extend(rest.follow_ups);
    // Covered by no lease.
    batch.follow_ups.push((endpoint(3), notification(13, 3)));
    let committed = stage.commit(batch).await;
    assert_eq!((committed.lost, committed.refused), (vec![endpoint(1)], Vec::new()));
    assert_eq!((stage.row(1).await.state, stage.row(2).await.state), (State::Waiting, State::Delivered));
    assert_eq!(stage.row(12).await.state, State::Waiting);
    for number in [10, 11, 13] {
        assert_eq!(stage.store.delivery(delivery(number)).await, Ok(None), "{number}");
    }
    let only_lost = handled(&stage, lost, 1, [notification(10, 3)]).await;
    assert_eq!(stage.commit(only_lost).await.lost, [endpoint(1)]);
    assert_eq!(waiting(&stage, 3).await, 1);
}

/// A batch whose answer was lost, and is repeated, enqueues each once.
pub async fn a_repeated_batch_enqueues_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let batch = handled(&stage, lease, 1, [notification(10, 2), notification(11, 2)]).await;
    assert_eq!(stage.commit(batch.clone()).await.refused, []);
    let before = (stage.row(10).await, stage.row(11).await);
    let again = stage.commit(batch).await;
    assert_eq!((again.lost, again.refused), (Vec::new(), Vec::new()));
    assert_eq!((stage.row(10).await, stage.row(11).await), before);
    assert_eq!(waiting(&stage, 2).await, 2);
    assert_eq!(stage.attempts(delivery(1)).await.unwrap().len(), 1);
}

/// One that is refused is reported, and keeps neither the record nor the others from being written.
pub async fn a_refused_one_keeps_nothing_else_back<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    let fingerprint = *body_digest(b"a repeat").as_bytes();
    let checked = |number| NewNotification {
        repeat_check: Some(RepeatCheck { fingerprint, window: HOUR }),
        ..notification(number, 2)
    };
    stage.enqueue([notification(1, 1), notification(5, 2), checked(6)]).await;
    assert!(stage.delete_subscription(3).await.unwrap());
    let lease = held(&stage.lease(1, 1).await);
    let conflict = NewNotification { body: notification(6, 2).body, ..notification(5, 2) };
    let nul = NewNotification { event_type: "a\0b".to_owned(), ..notification(14, 2) };
    let follow_ups = [
        notification(10, 9),
        notification(11, 2),
        notification(12, 3),
        conflict,
        checked(13),
        nul,
        notification(5, 2),
        notification(15, 2),
    ];
    let committed = stage.commit(handled(&stage, lease, 1, follow_ups).await).await;
    let field = "event type";
    let expected = [
        (10, Refused::UnknownEndpoint { endpoint: endpoint(9) }),
        (12, Refused::UnknownEndpoint { endpoint: endpoint(3) }),
        (5, Refused::Conflict { delivery: delivery(5) }),
        (13, Refused::Repeat { delivery: delivery(6) }),
        (14, Refused::Unstorable { delivery: delivery(14), field, problem: Unstorable::Nul }),
    ];
    assert_eq!(committed.refused, expected.map(|(number, refused)| (delivery(number), refused)));
    assert_eq!(committed.lost, []);
    assert_eq!(stage.row(1).await.state, State::Delivered);
    assert_eq!(stage.attempts(delivery(1)).await.unwrap().len(), 1);
    for number in [11, 15] {
        assert_eq!(stage.row(number).await.state, State::Waiting, "{number}");
    }
    assert_eq!(waiting(&stage, 2).await, 4);
}

/// Two workers that handle two things at the same time enqueue what follows from both of them once.
pub async fn two_batches_enqueue_the_same_one_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let [one, two] = [stage.lease(1, 1).await, stage.lease(2, 2).await].map(|leased| held(&leased));
    let first = handled(&stage, one, 1, [notification(10, 3), notification(11, 3)]).await;
    let second = handled(&stage, two, 2, [notification(11, 3), notification(10, 3)]).await;
    let (first, second) = tokio::join!(stage.commit(first), stage.commit(second));
    assert_eq!((first.refused, second.refused), (Vec::new(), Vec::new()));
    assert_eq!((stage.row(1).await.state, stage.row(2).await.state), (State::Delivered, State::Delivered));
    assert_eq!(waiting(&stage, 3).await, 2);
}

/// Every worker of the process hears of it, as of what is enqueued: one may send what another one's handler passes on.
pub async fn each_worker_hears_of_it<H: Harness>(harness: &H) {
    const PATIENT: Duration = Duration::from_secs(30);
    const QUIET: Duration = Duration::from_millis(200);
    let stage = Stage::with(harness, [1, 2]).await;
    let workers = [stage.store.clone(), stage.store.clone()];
    let hear = |worker: usize, limit| tokio::time::timeout(limit, workers[worker].work_arrived());
    // Where a store begins to listen with the first call.
    while hear(0, QUIET).await.is_ok() || hear(1, QUIET).await.is_ok() {}
    stage.enqueue([notification(1, 1)]).await;
    if hear(0, PATIENT / 10).await.is_err() {
        return skip("this store does not tell of what is enqueued");
    }
    hear(1, PATIENT).await.expect("both are told of what is enqueued");
    while hear(0, QUIET).await.is_ok() || hear(1, QUIET).await.is_ok() {}
    let lease = held(&stage.lease(1, 1).await);
    stage.commit(handled(&stage, lease, 1, [notification(10, 2)]).await).await;
    for worker in [0, 1] {
        let heard = hear(worker, PATIENT).await.expect("it is told");
        assert!(heard.is_empty() || heard == [endpoint(2)], "{heard:?}");
    }
}

/// It is delivered without an attempt, its endpoint has no work, and what follows from it waits.
pub async fn what_needs_no_handler_is_delivered_with_what_follows<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    let origin = Some("{\"headers\":[]}".to_owned());
    let later = NewNotification { origin, not_before: Some(stage.now + HOUR), ..notification(11, 3) };
    let received = notification(1, 1).with_follow_ups(vec![notification(10, 2), later.clone()]);
    stage
        .enqueue([received.clone(), notification(2, 1).with_follow_ups(Vec::new()), notification(3, 1)])
        .await;

    let state = DeliveryState::Finished { at: stage.now, end: End::Delivered };
    for number in [1, 2] {
        let record = stage.record(number).await;
        assert_eq!((record.state, record.sends), (state, 0), "{number}");
        assert_eq!(stage.attempts(delivery(number)).await, Ok(Vec::new()), "{number}");
    }
    assert_eq!(stage.store.body(delivery(1)).await, Ok(Some(received.body.clone())));
    assert_eq!(stage.record(3).await.state, DeliveryState::Waiting { due: stage.now }, "as ever");
    for (number, to, due) in [(10, 2, stage.now), (11, 3, stage.now + HOUR)] {
        let row = stage.row(number).await;
        assert_eq!((row.endpoint, row.enqueued_at), (endpoint(to), stage.now));
        assert_eq!(stage.record(number).await.state, DeliveryState::Waiting { due });
        assert_eq!(stage.store.body(delivery(number)).await, Ok(Some(notification(number, to).body)));
    }
    assert_eq!(stage.row(11).await.origin, later.origin);
    let mut sequences = Vec::new();
    for number in [1, 10, 11, 2, 3] {
        sequences.push(stage.row(number).await.sequence);
    }
    let mut distinct = sequences.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 5, "{sequences:?}");
    assert!(sequences[0] < sequences[3] && sequences[3] < sequences[4], "in their order: {sequences:?}");
    assert!(sequences[0] < sequences[1] && sequences[1] < sequences[2], "in their order: {sequences:?}");

    let waiting = stage.fetch(endpoint(1), 9).await.deliveries;
    assert_eq!(waiting, [stage.record(3).await]);
    assert_eq!(stage.fetch(endpoint(2), 9).await.deliveries, [stage.record(10).await]);
    let stats = stage.store.endpoint_stats(endpoint(1), stage.now).await.unwrap().expect("it is there");
    assert_eq!((stats.waiting, stats.in_flight), (1, 0));
}

/// What is a duplicate enqueues nothing, whatever follows from it now.
pub async fn a_duplicate_enqueues_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1).with_follow_ups(vec![notification(10, 2)]), notification(2, 1)]).await;
    let before = (stage.row(1).await, stage.row(2).await, stage.row(10).await);
    let again = vec![
        notification(1, 1).with_follow_ups(vec![notification(10, 2), notification(11, 2)]),
        notification(2, 1).with_follow_ups(vec![notification(12, 2)]),
        notification(1, 1),
    ];
    let enqueued = stage.store.enqueue(again, stage.now + HOUR).await.unwrap();
    let handled =
        Enqueued::Duplicate { state: DeliveryState::Finished { at: stage.now, end: End::Delivered } };
    let waits = Enqueued::Duplicate { state: DeliveryState::Waiting { due: stage.now } };
    assert_eq!(enqueued, [Ok(handled), Ok(waits), Ok(handled)]);
    assert_eq!((stage.row(1).await, stage.row(2).await, stage.row(10).await), before);
    for number in [11, 12] {
        assert_eq!(stage.store.delivery(delivery(number)).await, Ok(None), "{number}");
    }
}

/// Nor does what is refused.
pub async fn what_is_refused_enqueues_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let fingerprint = *body_digest(b"a repeat").as_bytes();
    let check = Some(RepeatCheck { fingerprint, window: HOUR });
    let checked = |number| NewNotification { repeat_check: check, ..notification(number, 1) };
    stage.enqueue([checked(1).with_follow_ups(vec![notification(10, 2)])]).await;
    let follow_up = |number| vec![notification(number, 2)];
    let batch = vec![
        checked(2).with_follow_ups(follow_up(11)),
        NewNotification { body: "other".into(), ..notification(1, 1) }.with_follow_ups(follow_up(12)),
        notification(3, 9).with_follow_ups(follow_up(13)),
        NewNotification { event_type: "a\0b".to_owned(), ..notification(4, 1) }
            .with_follow_ups(follow_up(14)),
        checked(5).with_follow_ups(follow_up(15)),
        notification(6, 1).with_follow_ups(follow_up(16)),
    ];
    let enqueued = stage.store.enqueue(batch, stage.now).await.unwrap();
    assert!(enqueued[..5].iter().all(Result::is_err), "{enqueued:?}");
    assert_eq!(enqueued[0], Err(Refused::Repeat { delivery: delivery(1) }));
    assert_eq!(enqueued[5], Ok(Enqueued::New));
    for number in 11..=15 {
        assert_eq!(stage.store.delivery(delivery(number)).await, Ok(None), "{number}");
    }
    assert_eq!((stage.row(6).await.state, stage.row(16).await.state), (State::Delivered, State::Waiting));
}

/// If one of those that follow is not new, for whatever reason, it waits for its handler, which says so.
pub async fn what_cannot_be_passed_on_waits_for_its_handler<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    let fingerprint = *body_digest(b"a repeat").as_bytes();
    let repeat_check = Some(RepeatCheck { fingerprint, window: HOUR });
    let checked = |number| NewNotification { repeat_check, ..notification(number, 2) };
    stage.enqueue([notification(5, 2), checked(6)]).await;
    assert!(stage.delete_subscription(3).await.unwrap());
    let conflict = NewNotification { body: notification(6, 2).body, ..notification(5, 2) };
    let nul = NewNotification { event_type: "a\0b".to_owned(), ..notification(24, 2) };
    let in_turn = notification(25, 2).with_follow_ups(vec![notification(26, 2)]);
    let cases = [
        (11, notification(20, 9)),
        (12, notification(21, 3)),
        (13, notification(5, 2)),
        (14, conflict),
        (15, checked(22)),
        (16, nul),
        (17, in_turn),
    ];
    let with = |(number, bad): &(u128, NewNotification)| {
        notification(*number, 1).with_follow_ups(vec![bad.clone(), notification(number + 100, 2)])
    };
    // All in one call, and beside one that is handled.
    let all = cases.iter().map(with).chain([notification(18, 1).with_follow_ups(vec![notification(118, 2)])]);
    stage.enqueue(all).await;
    for (number, bad) in &cases {
        let record = stage.record(*number).await;
        let row = stage.row(*number).await;
        let expected = notification(*number, 1).record(row.sequence, stage.now);
        assert_eq!(record, expected, "{number}: {bad:?}");
    }
    assert_eq!((stage.row(18).await.state, stage.row(118).await.state), (State::Delivered, State::Waiting));
    let waiting = stage.fetch(endpoint(1), 99).await.deliveries;
    assert_eq!(waiting.len(), cases.len(), "they are fetched: {waiting:?}");
    for number in [20, 21, 22, 24, 25, 26] {
        assert_eq!(stage.store.delivery(delivery(number)).await, Ok(None), "{number}");
    }
    assert_eq!(stage.store.body(delivery(5)).await, Ok(Some(notification(5, 2).body)));
}

/// Two with the same one that follows: it is enqueued once, and the other waits.
pub async fn what_follows_from_two_follows_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let shared = || vec![notification(10, 2)];
    let both = [notification(1, 1).with_follow_ups(shared()), notification(2, 1).with_follow_ups(shared())];
    stage.enqueue(both).await;
    let states = [stage.row(1).await.state, stage.row(2).await.state];
    let handled = states.iter().filter(|state| **state == State::Delivered).count();
    let waiting = states.iter().filter(|state| **state == State::Waiting).count();
    assert_eq!((handled, waiting), (1, 1), "{states:?}");
    assert_eq!(stage.row(10).await.state, State::Waiting);
}

/// The same one, enqueued by several at a time, is handled once.
pub async fn the_same_one_at_a_time_is_handled_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2, 3]).await;
    let once = || {
        let new = notification(1, 1).with_follow_ups(vec![notification(10, 2), notification(11, 3)]);
        stage.store.enqueue(vec![new], stage.now)
    };
    let outcomes: [_; 3] = tokio::join!(once(), once(), once()).into();
    let outcomes = outcomes.map(|outcome| outcome.unwrap().remove(0).unwrap());
    let new = outcomes.iter().filter(|outcome| **outcome == Enqueued::New).count();
    assert_eq!(new, 1, "{outcomes:?}");
    assert_eq!(stage.row(1).await.state, State::Delivered);
    for to in [2, 3] {
        assert_eq!(stage.fetch(endpoint(to), 9).await.deliveries.len(), 1, "{to}");
    }
}

/// What could not be read is kept as such, and nothing follows from it.
pub async fn nothing_follows_from_what_could_not_be_read<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let unreadable = NewNotification { unreadable: true, ..notification(1, 1) };
    stage.enqueue([unreadable.with_follow_ups(vec![notification(10, 2)])]).await;
    assert_eq!(stage.row(1).await.state, State::Unreadable);
    assert_eq!(stage.store.delivery(delivery(10)).await, Ok(None));
}

/// What was kept as unreadable goes away with what was read from it, handled or not.
pub async fn what_was_read_again_is_handled<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([NewNotification { unreadable: true, ..notification(1, 1) }]).await;
    let read = NewNotification { read_from: Some(delivery(1)), ..notification(2, 1) };
    stage.enqueue([read.with_follow_ups(vec![notification(10, 2)])]).await;
    assert_eq!(stage.store.delivery(delivery(1)).await, Ok(None));
    assert_eq!((stage.row(2).await.state, stage.row(10).await.state), (State::Delivered, State::Waiting));
}

/// Workers hear of what follows, as of what is enqueued.
pub async fn workers_hear_of_what_follows<H: Harness>(harness: &H) {
    const PATIENT: Duration = Duration::from_secs(30);
    const QUIET: Duration = Duration::from_millis(200);
    let stage = Stage::with(harness, [1, 2]).await;
    let worker = stage.store.clone();
    let hear = |limit| tokio::time::timeout(limit, worker.work_arrived());
    // Where a store begins to listen with the first call.
    while hear(QUIET).await.is_ok() {}
    stage.enqueue([notification(2, 2)]).await;
    if hear(PATIENT / 10).await.is_err() {
        return skip("this store does not tell of what is enqueued");
    }
    while hear(QUIET).await.is_ok() {}
    stage.enqueue([notification(1, 1).with_follow_ups(vec![notification(10, 2)])]).await;
    let heard = hear(PATIENT).await.expect("it is told");
    assert!(heard.is_empty() || heard.contains(&endpoint(2)), "{heard:?}");
}
