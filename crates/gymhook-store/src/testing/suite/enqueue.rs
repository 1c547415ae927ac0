//! Enqueueing: each notification once, whole, and in order; which are refused, and which texts and lengths are
//! unstorable.

use bytes::Bytes;
use gymhook_delivery::{DeliveryState, End, Enqueued};

use super::Harness;
use super::stage::{HOUR, MICRO, SECOND, Stage, begun, delivery, ended, endpoint, notification};
use crate::{Batch, NewNotification, Refused, State, StatsQuery, Store, Unstorable};

/// What was enqueued is there, as it was enqueued.
pub async fn a_new_one_is_kept_whole<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let new = notification(1, 1);
    stage.enqueue([new.clone()]).await;

    let row = stage.row(1).await;
    assert_eq!((row.id, row.endpoint, row.state), (new.id, new.endpoint, State::Waiting));
    assert_eq!((row.event_type.as_str(), row.enqueued_at), ("workout.created", stage.now));
    assert_eq!(row.record, Some(new.record(row.sequence, stage.now)));
    assert_eq!(stage.store.body(new.id).await, Ok(Some(new.body)));
    assert_eq!(stage.attempts(new.id).await, Ok(Vec::new()));
}

/// The same delivery twice, in two batches or in one, is one delivery.
pub async fn the_same_one_again_is_a_duplicate<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let sequence = stage.row(1).await.sequence;

    let batch = vec![notification(2, 1), notification(1, 1), notification(2, 1)];
    let duplicate = Ok(Enqueued::Duplicate { state: DeliveryState::Waiting { due: stage.now } });
    let enqueued = stage.store.enqueue(batch, stage.now + SECOND).await.unwrap();
    let later = Ok(Enqueued::Duplicate { state: DeliveryState::Waiting { due: stage.now + SECOND } });
    assert_eq!(enqueued, [Ok(Enqueued::New), duplicate, later]);
    assert_eq!((stage.row(1).await.sequence, stage.row(1).await.enqueued_at), (sequence, stage.now));
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting, 2);
}

/// A duplicate tells the delivery's state.
pub async fn a_duplicate_tells_the_state<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let under_way = begun(stage.record(1).await, stage.now + HOUR);
    let over = ended(stage.record(2).await, stage.now, End::Delivered);
    stage.write(1, vec![under_way, over]).await;

    let again = vec![notification(1, 1), notification(2, 1)];
    let enqueued = stage.store.enqueue(again, stage.now).await.unwrap();
    let expected = [under_way, over].map(|record| Ok(Enqueued::Duplicate { state: record.state }));
    assert_eq!(enqueued, expected);
    assert_eq!(stage.record(2).await, over, "it has not begun again");
}

/// When it is to be sent is not part of what it is.
pub async fn a_duplicate_may_ask_for_another_time<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let later = NewNotification { not_before: Some(stage.now + HOUR), ..notification(1, 1) };
    let state = DeliveryState::Waiting { due: stage.now };
    let enqueued = stage.store.enqueue(vec![later], stage.now).await.unwrap();
    assert_eq!(enqueued, [Ok(Enqueued::Duplicate { state })]);
    assert_eq!(stage.record(1).await.state, state);
}

/// An id that is taken by another body, endpoint or purpose is refused, and what has it stays as it is.
pub async fn an_id_means_one_thing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1)]).await;
    let before = stage.row(1).await;

    let other_body = NewNotification { body: Bytes::from_static(b"other"), ..notification(1, 1) };
    let other_endpoint = notification(1, 2);
    let other_purpose = NewNotification { test: true, ..notification(1, 1) };
    let batch = vec![other_body, notification(2, 1), other_endpoint, other_purpose];
    let conflict = Err(Refused::Conflict { delivery: delivery(1) });
    let enqueued = stage.store.enqueue(batch, stage.now).await.unwrap();
    assert_eq!(enqueued, [conflict, Ok(Enqueued::New), conflict, conflict]);
    assert_eq!(stage.row(1).await, before);
    assert_eq!(stage.store.body(delivery(1)).await, Ok(Some(notification(1, 1).body)));
}

/// A conflict within one batch is one, too.
pub async fn an_id_means_one_thing_in_one_batch<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let other = NewNotification { body: Bytes::from_static(b"other"), ..notification(1, 1) };
    let enqueued = stage.store.enqueue(vec![notification(1, 1), other], stage.now).await.unwrap();
    assert_eq!(enqueued, [Ok(Enqueued::New), Err(Refused::Conflict { delivery: delivery(1) })]);
    assert_eq!(stage.store.body(delivery(1)).await, Ok(Some(notification(1, 1).body)));
}

/// Nothing is taken over for an endpoint that is not there, and the rest of the batch is.
pub async fn an_unknown_endpoint_is_refused<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let batch = vec![notification(1, 9), notification(2, 1)];
    let enqueued = stage.store.enqueue(batch, stage.now).await.unwrap();
    let refused = Err(Refused::UnknownEndpoint { endpoint: endpoint(9) });
    assert_eq!(enqueued, [refused, Ok(Enqueued::New)]);
    assert_eq!(stage.store.delivery(delivery(1)).await, Ok(None));
}

/// Nor for one that was deleted.
pub async fn a_deleted_endpoint_is_refused<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    let enqueued = stage.store.enqueue(vec![notification(1, 1)], stage.now).await.unwrap();
    assert_eq!(enqueued, [Err(Refused::UnknownEndpoint { endpoint: endpoint(1) })]);
    assert_eq!(stage.store.delivery(delivery(1)).await, Ok(None));
}

/// Sequence numbers grow from batch to batch and within one, over all endpoints.
pub async fn the_sequence_grows<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(5, 1), notification(3, 2), notification(4, 1)]).await;
    stage.enqueue([notification(1, 2)]).await;
    stage.enqueue([notification(2, 1), notification(6, 2)]).await;
    let mut sequences = Vec::new();
    for number in [5, 3, 4, 1, 2, 6] {
        sequences.push(stage.row(number).await.sequence);
    }
    assert!(sequences.is_sorted_by(|earlier, later| earlier < later), "{sequences:?}");
}

/// It is due at once, or when it was asked for, but never before it was enqueued.
pub async fn it_is_due_when_asked_for<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let dues = [None, Some(stage.now + HOUR), Some(stage.now - HOUR)];
    let new =
        (1..).zip(dues).map(|(number, not_before)| NewNotification { not_before, ..notification(number, 1) });
    stage.enqueue(new).await;
    for (number, due) in [(1, stage.now), (2, stage.now + HOUR), (3, stage.now)] {
        assert_eq!(stage.record(number).await.state, DeliveryState::Waiting { due }, "number {number}");
    }
}

/// A due time is rounded up to the microsecond: nothing is sent too early.
pub async fn a_due_time_is_rounded_up<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let not_before = Some(stage.now + HOUR + core::time::Duration::from_nanos(1));
    stage.enqueue([NewNotification { not_before, ..notification(1, 1) }]).await;
    let due = stage.now + HOUR + MICRO;
    assert_eq!(stage.record(1).await.state, DeliveryState::Waiting { due });
}

/// A test event stays one.
pub async fn a_test_event_is_marked<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let test = NewNotification { test: true, ..notification(1, 1) };
    stage.enqueue([test.clone(), notification(2, 1)]).await;
    assert!(stage.record(1).await.test);
    assert!(!stage.record(2).await.test);
    let again = stage.store.enqueue(vec![test], stage.now).await.unwrap();
    assert_eq!(again, [Ok(Enqueued::Duplicate { state: DeliveryState::Waiting { due: stage.now } })]);
}

/// An empty list can be enqueued.
pub async fn an_empty_batch_is_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    assert_eq!(stage.store.enqueue(Vec::new(), stage.now).await, Ok(Vec::new()));
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting, 0);
}

/// A body of any bytes and any length comes back byte for byte, from the log and to be sent.
pub async fn a_body_is_kept_byte_for_byte<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..1_u32 << 20).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let bodies = [
        Vec::new(),
        vec![0],
        b"{\"a\": 1.0,\r\n \"a\":1}\n".to_vec(),
        b"nul\0in\0the\0midst\0".to_vec(),
        vec![0xFF, 0xFE, 0xC3, 0x28, 0x80],
        every_byte,
        large,
    ];
    let new = (1..).zip(&bodies).map(|(number, body)| {
        let body = Bytes::from(body.clone());
        NewNotification { body, ..notification(number, 1) }
    });
    stage.enqueue(new).await;
    for (number, body) in (1..).zip(&bodies) {
        let kept = stage.store.body(delivery(number)).await.unwrap().expect("it is there");
        assert!(kept == *body, "body {number}, {} bytes", body.len());
    }
    super::stage::send_all(&stage, 1, bodies.len()).await.into_iter().zip(&bodies).for_each(
        |(sent, body)| {
            assert!(sent.body == *body, "{} bytes to be sent", body.len());
        },
    );
}

/// The type of an event is any text.
pub async fn an_event_type_is_any_text<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let types = ["", "'; DROP TABLE x; --", "größe.geändert", "\u{1F3CB}", "a\nb\tc", "%_\\"];
    let new = (1..).zip(types).map(|(number, event_type)| {
        let event_type = event_type.to_owned();
        NewNotification { event_type, ..notification(number, 1) }
    });
    stage.enqueue(new).await;
    for (number, event_type) in (1..).zip(types) {
        assert_eq!(stage.row(number).await.event_type, event_type);
    }
    let sent = super::stage::send_all(&stage, 1, types.len()).await;
    assert_eq!(sent.iter().map(|sent| sent.event_type.as_str()).collect::<Vec<_>>(), types);
}

/// What was proved about a notification comes back with it, whatever text it is; what a repeat says of it does not count.
pub async fn an_origin_is_kept<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let origins = [None, Some(""), Some("{\"key\":\"größe\"}"), Some("'; DROP TABLE x; --")];
    let with = |number, origin: Option<&str>| NewNotification {
        origin: origin.map(str::to_owned),
        ..notification(number, 1)
    };
    stage.enqueue((1..).zip(origins).map(|(number, origin)| with(number, origin))).await;
    let again = stage.store.enqueue(vec![with(1, Some("another"))], stage.now).await.unwrap();
    assert!(matches!(again.as_slice(), [Ok(Enqueued::Duplicate { .. })]), "{again:?}");
    let sent = super::stage::send_all(&stage, 1, origins.len()).await;
    assert_eq!(sent.iter().map(|sent| sent.origin.as_deref()).collect::<Vec<_>>(), origins);
}

/// A batch may be large; it is still all or nothing, and in order.
pub async fn a_large_batch_is_taken_whole<H: Harness>(harness: &H) {
    const MANY: u128 = 5_000;
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue((1..=MANY).map(|number| notification(number, 1))).await;
    assert_eq!(u128::from(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting), MANY);
    let mut fetched = stage.fetch(endpoint(1), 10_000).await.deliveries;
    assert!(fetched.iter().map(|record| record.id).eq((1..=MANY).map(delivery)));

    for record in &mut fetched {
        *record = begun(*record, stage.now + HOUR);
    }
    let lease = super::stage::held(&stage.lease(1, 1).await);
    let send = fetched.iter().map(|record| record.id).collect();
    let batch = Batch { leases: vec![lease], deliveries: fetched, send, ..Batch::default() };
    let committed = stage.commit(batch).await;
    assert_eq!(committed.lost, []);
    assert_eq!(committed.notifications.len() as u128, MANY);
    assert!(committed.notifications.iter().all(|(_, sent)| sent.is_some()));
    let stats = stage.store.stats(StatsQuery::new(), stage.now).await.unwrap();
    assert_eq!((stats.waiting, u128::from(stats.in_flight)), (0, MANY));
}

/// What cannot be stored in every database is refused in each of them, with the field, and its neighbours are taken.
pub async fn what_cannot_be_stored_is_refused_alone<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let longest = "x".repeat(64 << 10);
    let too_long = "x".repeat((64 << 10) + 1);
    let typed =
        |number, text: &str| NewNotification { event_type: text.to_owned(), ..notification(number, 1) };
    let from =
        |number, text: &str| NewNotification { origin: Some(text.to_owned()), ..notification(number, 1) };
    let batch = vec![
        typed(1, &longest),
        typed(2, "a\0b"),
        from(3, &longest),
        from(4, "\0"),
        typed(5, &too_long),
        from(6, &too_long),
        NewNotification { body: vec![0; (256 << 20) + 1].into(), ..notification(7, 1) },
        // Whatever else is wrong with it, it will never be stored.
        NewNotification { endpoint: endpoint(9), ..typed(8, "\0") },
        notification(9, 1),
    ];
    let refused =
        |number, field, problem| Err(Refused::Unstorable { delivery: delivery(number), field, problem });
    let (bytes, limit) = (65_537, 65_536);
    let expected = [
        Ok(Enqueued::New),
        refused(2, "event type", Unstorable::Nul),
        Ok(Enqueued::New),
        refused(4, "origin", Unstorable::Nul),
        refused(5, "event type", Unstorable::TooLong { bytes, limit }),
        refused(6, "origin", Unstorable::TooLong { bytes, limit }),
        refused(7, "body", Unstorable::TooLong { bytes: 268_435_457, limit: 268_435_456 }),
        refused(8, "event type", Unstorable::Nul),
        Ok(Enqueued::New),
    ];
    assert_eq!(stage.store.enqueue(batch, stage.now).await.unwrap(), expected);
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting, 3);
    assert_eq!(stage.row(1).await.event_type, longest);
    assert_eq!(stage.store.delivery(delivery(2)).await, Ok(None));

    let alone = stage.store.enqueue(vec![typed(2, "\0")], stage.now).await.unwrap();
    assert_eq!(alone, [refused(2, "event type", Unstorable::Nul)], "of a whole batch");
}
