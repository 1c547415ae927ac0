//! What an inbox passes on at once: with the item or not at all, and whatever it cannot pass on waits for the handler.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::time::Duration;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gymhook::event::AnyNotification;
use gymhook::signature::{Keyring, Secret, Verified};
use gymhook::{Provider, Received, Receiver};
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{DeliveryQuery, NewNotification, SqliteStore, State, Store, StoreError};
use gymhook_engine::{
    AcceptError, Accepted, DeliveryId, EndpointId, Engine, HandlerError, HandlerTransport, Inbox, InboxItem,
};
use scripted::{delivery, endpoint, policy, subscription, until};
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
/// The inbox; 2 and 3 are sent to.
const INBOX: u128 = 1;

fn received(provider: &Provider<AnyNotification>, body: String) -> Verified<Received<AnyNotification>> {
    let keys = || Keyring::single("main", Secret::new("a secret of 128 random bits").unwrap()).unwrap();
    let headers = provider.signer(keys()).unwrap().sign("r-1", body.as_bytes(), NOW).unwrap();
    Receiver::new(provider, keys()).unwrap().receive(&headers, body, NOW).unwrap()
}

/// PG Next: the vendor gives the id.
fn pg_next(number: u32, entity: u32) -> Verified<Received<AnyNotification>> {
    let body = format!(
        r#"{{"entityId":{entity},"uuid":"00000000-0000-4000-8000-{number:012}","payload":[{{"timestamp":1642778725876,"type":"CUSTOMER_CHECKIN"}}]}}"#
    );
    received(&Provider::pg_next().into_any(), body)
}

/// EGYM: its key is derived, and does not tell these apart.
fn egym(gym: u32) -> Verified<Received<AnyNotification>> {
    let body =
        format!(r#"{{"accountId":"a-1","gymId":{gym},"timestamp":1667921312188,"type":"GYM_CHECKIN"}}"#);
    received(&Provider::egym().into_any(), body)
}

/// The id of what follows for this endpoint.
fn id_of(item: DeliveryId, to: u128) -> DeliveryId {
    DeliveryId::from_u128(item.as_uuid().as_u128() ^ (to << 64))
}

/// Something for each of the two endpoints.
fn follow_ups_of(item: &InboxItem) -> Vec<NewNotification> {
    let of = |to| {
        let body = Bytes::from(format!("of {}", item.delivery()));
        NewNotification::new(id_of(item.delivery(), to), endpoint(to), "passed.on", body)
    };
    vec![of(2), of(3)]
}

/// An inbox that nobody works for, beside the two endpoints.
async fn opened<S: Store>(store: &S) -> Inbox<S> {
    let engine = Engine::builder(store.clone()).enqueue_only();
    for number in [2, 3] {
        engine.put_subscription(&subscription(number, policy())).await.unwrap();
    }
    Inbox::open(engine, endpoint(INBOX), "front desk", Inbox::policy()).await.unwrap()
}

fn passing_on<S: Store>(inbox: Inbox<S>) -> Inbox<S> {
    inbox.passing_on(|item: InboxItem| async move { Ok(follow_ups_of(&item)) })
}

async fn state<S: Store>(store: &S, id: DeliveryId) -> Option<State> {
    store.delivery(id).await.unwrap().map(|row| row.state)
}

/// The ids of all deliveries to an endpoint.
async fn deliveries_to<S: Store>(store: &S, to: EndpointId) -> Vec<DeliveryId> {
    let query = DeliveryQuery { endpoint: Some(to), ..DeliveryQuery::new(1_000) };
    let mut found: Vec<_> = store.deliveries(query).await.unwrap().items.iter().map(|row| row.id).collect();
    found.sort_unstable();
    found
}

fn new(accepted: Accepted) -> DeliveryId {
    match accepted {
        Accepted::New { delivery, .. } => delivery,
        Accepted::Duplicate { delivery, .. } => panic!("{delivery} was accepted before"),
    }
}

#[tokio::test]
async fn an_item_is_delivered_with_what_follows_and_no_worker() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("inbox.db")).unwrap();
    let seen: Arc<Mutex<Vec<InboxItem>>> = Arc::default();
    let see = Arc::clone(&seen);
    let inbox = opened(&store).await.passing_on(move |item: InboxItem| {
        see.lock().unwrap().push(item.clone());
        async move { Ok(follow_ups_of(&item)) }
    });
    let verified = pg_next(7, 17);
    let before = store.now().await.unwrap();
    let id = new(inbox.accept(&verified).await.unwrap());
    assert_eq!(state(&store, id).await, Some(State::Delivered));
    for to in [2, 3] {
        assert_eq!(deliveries_to(&store, endpoint(to)).await, [id_of(id, to)]);
        assert_eq!(state(&store, id_of(id, to)).await, Some(State::Waiting));
    }

    // It is the item that a handler would have got.
    let item = seen.lock().unwrap().remove(0);
    assert_eq!((item.delivery(), item.inbox(), item.attempt()), (id, endpoint(INBOX), 1));
    assert_eq!((item.vendor(), item.proof()), (Some("pg-next"), Some(verified.proof())));
    assert_eq!(item.event_types(), ["CUSTOMER_CHECKIN"]);
    assert_eq!(item.body(), verified.value().body());
    assert!(before <= item.received_at() && item.received_at() <= store.now().await.unwrap());
    let read = item.read::<AnyNotification>().unwrap();
    assert_eq!(read.value().notification(), verified.value().notification());

    let again = inbox.accept(&verified).await.unwrap();
    assert!(matches!(again, Accepted::Duplicate { delivery, .. } if delivery == id), "{again:?}");
    let conflict = inbox.accept(&pg_next(7, 18)).await.unwrap_err();
    assert!(matches!(conflict, AcceptError::Conflict { delivery } if delivery == id), "{conflict:?}");
    for to in [2, 3] {
        assert_eq!(deliveries_to(&store, endpoint(to)).await, [id_of(id, to)]);
    }
}

/// Two under one derived key are two items: what follows from each has ids of its own.
#[tokio::test]
async fn what_follows_is_that_of_the_name_that_the_item_gets() {
    let store = MemoryStore::with_system_clock();
    let inbox = passing_on(opened(&store).await);
    let (one, other) =
        (new(inbox.accept(&egym(1)).await.unwrap()), new(inbox.accept(&egym(2)).await.unwrap()));
    assert_ne!(one, other);
    let mut expected = [id_of(one, 2), id_of(other, 2)];
    expected.sort_unstable();
    assert_eq!(deliveries_to(&store, endpoint(2)).await, expected);
    for id in [one, other] {
        assert_eq!(state(&store, id).await, Some(State::Delivered));
    }
}

/// An equal body without an id is a repeat, under another name: nothing follows from it.
#[tokio::test]
async fn nothing_follows_from_a_repeat() {
    let store = MemoryStore::with_system_clock();
    let inbox = passing_on(opened(&store).await).with_digest_dedupe(Duration::from_secs(3_600));
    let body = r#"{"event":"member.created","data":{}}"#.to_owned();
    let provider = Provider::gympoint().into_any();
    let first = new(inbox.accept(&received(&provider, body.clone())).await.unwrap());
    let again = inbox.accept(&received(&provider, body)).await.unwrap();
    assert!(matches!(again, Accepted::Duplicate { delivery, .. } if delivery == first), "{again:?}");
    assert_eq!(deliveries_to(&store, endpoint(2)).await, [id_of(first, 2)]);
}

/// Why an item is not passed on at once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hindrance {
    Retry,
    Reject,
    Panic,
    TakesTooLong,
    TooMany,
    TooLarge,
    UnknownEndpoint,
}

const HINDRANCES: [Hindrance; 7] = [
    Hindrance::Retry,
    Hindrance::Reject,
    Hindrance::Panic,
    Hindrance::TakesTooLong,
    Hindrance::TooMany,
    Hindrance::TooLarge,
    Hindrance::UnknownEndpoint,
];

async fn hindered(hindrance: Hindrance, item: InboxItem) -> Result<Vec<NewNotification>, HandlerError> {
    let with_body = |position: u128, bytes| {
        let body = Bytes::from(vec![b'x'; bytes]);
        NewNotification::new(delivery(1 << 90 | position), endpoint(2), "passed.on", body)
    };
    match hindrance {
        Hindrance::Retry => Err(HandlerError::retry("not yet")),
        Hindrance::Reject => Err(HandlerError::reject("never")),
        Hindrance::Panic => panic!("as the test asks"),
        Hindrance::TakesTooLong => {
            tokio::time::sleep(Inbox::PASSING_ON_TIMEOUT + Duration::from_millis(1)).await;
            Ok(follow_ups_of(&item))
        }
        Hindrance::TooMany => {
            Ok((0..=Inbox::MAX_PASSED_ON_AT_ONCE as u128).map(|position| with_body(position, 1)).collect())
        }
        Hindrance::TooLarge => Ok(vec![with_body(1, Inbox::MAX_PASSED_ON_BYTES), with_body(2, 1)]),
        Hindrance::UnknownEndpoint => {
            let mut follow_ups = follow_ups_of(&item);
            follow_ups[0].endpoint = endpoint(9);
            Ok(follow_ups)
        }
    }
}

/// It waits for the handler, which passes it on.
#[tokio::test(start_paused = true)]
async fn what_is_not_passed_on_at_once_is_left_to_the_handler() {
    for hindrance in HINDRANCES {
        let store = MemoryStore::with_system_clock();
        let inbox = opened(&store).await.passing_on(move |item| hindered(hindrance, item));
        let id = new(inbox.accept(&pg_next(7, 17)).await.unwrap());
        assert_eq!(state(&store, id).await, Some(State::Waiting), "{hindrance:?}");
        let handler = HandlerTransport::passing_on(|item: InboxItem| async move { Ok(follow_ups_of(&item)) });
        let engine = Engine::builder(store.clone()).start(handler).await.unwrap();
        until("it is handled", || async { state(&store, id).await == Some(State::Delivered) }).await;
        engine.shutdown().await;
        for to in [2, 3] {
            assert_eq!(deliveries_to(&store, endpoint(to)).await, [id_of(id, to)], "{hindrance:?}");
        }
    }
}

/// As many and as large as is allowed are passed on, and a single one of any size.
#[tokio::test]
async fn what_is_within_the_bounds_is_passed_on_at_once() {
    let weight_of_none = NewNotification::new(delivery(1), endpoint(2), "passed.on", Bytes::new()).weight();
    let half = Inbox::MAX_PASSED_ON_BYTES / 2 - weight_of_none;
    for (count, bytes) in [(Inbox::MAX_PASSED_ON_AT_ONCE, 1), (2, half), (1, 2 * Inbox::MAX_PASSED_ON_BYTES)]
    {
        let store = MemoryStore::with_system_clock();
        let inbox = opened(&store).await.passing_on(move |_| async move {
            let new = |position: usize| {
                let id = delivery(1 << 90 | position as u128);
                NewNotification::new(id, endpoint(2), "passed.on", Bytes::from(vec![b'x'; bytes]))
            };
            Ok((0..count).map(new).collect())
        });
        let id = new(inbox.accept(&pg_next(7, 17)).await.unwrap());
        assert_eq!(state(&store, id).await, Some(State::Delivered), "{count} of {bytes} bytes");
        assert_eq!(deliveries_to(&store, endpoint(2)).await.len(), count);
    }
}

/// What is redelivered is passed on by the handler: to an endpoint that has it not again, and to a new one.
#[tokio::test]
async fn what_is_redelivered_gets_to_the_handler() {
    let store = MemoryStore::with_system_clock();
    let inbox = opened(&store)
        .await
        .passing_on(|item: InboxItem| async move { Ok(follow_ups_of(&item).into_iter().take(1).collect()) });
    let id = new(inbox.accept(&pg_next(7, 17)).await.unwrap());
    assert_eq!(deliveries_to(&store, endpoint(3)).await, []);
    let handler = HandlerTransport::passing_on(|item: InboxItem| async move { Ok(follow_ups_of(&item)) });
    let engine = Engine::builder(store.clone()).start(handler).await.unwrap();
    engine.redeliver(id).await.unwrap();
    until("it is handled again", || async { !deliveries_to(&store, endpoint(3)).await.is_empty() }).await;
    engine.shutdown().await;
    assert_eq!(state(&store, id).await, Some(State::Delivered));
    for to in [2, 3] {
        assert_eq!(deliveries_to(&store, endpoint(to)).await, [id_of(id, to)]);
    }
}

/// Whichever call of the store fails, before or after it is made: what the platform sends again is passed on once.
#[tokio::test]
async fn a_fault_at_any_call_passes_on_once() {
    let mut failed = 0;
    for operation in Operation::ALL.iter().copied() {
        for when in When::ALL {
            let inside = MemoryStore::with_system_clock();
            let store = FaultyStore::new(inside.clone());
            let inbox = passing_on(opened(&store).await);
            let problem = "as the test asks".to_owned();
            store.fail_next(operation, when, StoreError::Unavailable { problem });
            let first = inbox.accept(&egym(1)).await;
            let is_there = !deliveries_to(&inside, endpoint(INBOX)).await.is_empty();
            for to in [2, 3] {
                let follow_ups = deliveries_to(&inside, endpoint(to)).await.len();
                assert_eq!(follow_ups, usize::from(is_there), "{operation:?} {when:?}");
            }
            store.heal();
            if let Err(error) = first {
                failed += 1;
                assert_eq!(error.status(), http::StatusCode::SERVICE_UNAVAILABLE);
                let again = inbox.accept(&egym(1)).await.unwrap();
                assert_eq!(matches!(again, Accepted::Duplicate { .. }), is_there, "{operation:?} {when:?}");
            }
            let items = deliveries_to(&inside, endpoint(INBOX)).await;
            assert_eq!(items.len(), 1);
            assert_eq!(state(&inside, items[0]).await, Some(State::Delivered));
            for to in [2, 3] {
                assert_eq!(deliveries_to(&inside, endpoint(to)).await, [id_of(items[0], to)]);
            }
        }
    }
    assert!(failed >= 4, "only {failed} calls failed");
}
