//! `NewNotification::with_follow_ups`: a notification that is enqueued as delivered, together with its follow-ups.

use core::time::Duration;

use gymhook_delivery::{DeliveryState, End, Enqueued};

use super::Harness;
use super::stage::{HOUR, Stage, delivery, endpoint, notification, skip};
use crate::{NewNotification, Refused, RepeatCheck, State, Store, body_digest};

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
