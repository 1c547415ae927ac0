//! A file that the version before wrote: its inboxes had a false URL and a key that signs nothing, and kept proofs in fewer words.

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
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gymhook::event::{AnyNotification, gympoint, perfectgym};
use gymhook::signature::{Key, Keyring, Secret, Verified};
use gymhook::{Provider, Received, Receiver, Unverified};
use gymhook_engine::store::sqlite::rusqlite::Connection;
use gymhook_engine::store::{DeliveryQuery, SqliteStore, State, Store, TargetColumns};
use gymhook_engine::{
    Accepted, Engine, HandlerError, Inbox, InboxHandlers, InboxItem, ReadAgainError, Subscription,
};
use scripted::{Scripted, endpoint, until};
use tempfile::TempDir;
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
const FILE: &str = include_str!("version_4/file.sql");
const CONTRACT: &str = r#"{"event":"ContractCreated","triggeredDate":"2026-01-01T12:00:00Z","data":{"contractId":30771,"userId":5120}}"#;

fn open() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    Connection::open(&path).unwrap().execute_batch(FILE).unwrap();
    (folder, SqliteStore::open(path).unwrap())
}

fn keys() -> Keyring {
    let key = Key::new("2026-01", Secret::new("a secret of 128 random bits").unwrap());
    Keyring::new([key.with_tenant("berlin")]).unwrap()
}

/// What an item said of itself when it was handled, by the type of its first event.
type Handled = Arc<Mutex<BTreeMap<String, String>>>;

fn note(handled: &Handled, item: &InboxItem, what: String) -> core::future::Ready<Result<(), HandlerError>> {
    let first = item.event_types()[0].clone();
    assert_eq!(handled.lock().unwrap().insert(first, what), None, "handled twice");
    core::future::ready(Ok(()))
}

fn told<N: gymhook::event::Notification>(hook: &Verified<Received<N>>) -> String {
    let types: Vec<_> = hook.value().events().map(|event| event.event_type.to_owned()).collect();
    format!("{}: {hook}", types.join(","))
}

#[tokio::test]
async fn its_inboxes_go_on_and_lose_nothing() {
    let (_folder, store) = open();
    let handled = Handled::default();
    let [one, two, three] = [(); 3].map(|()| Arc::clone(&handled));
    let handlers = InboxHandlers::new()
        .on(move |hook: Verified<Received<AnyNotification>>, item: InboxItem| note(&one, &item, told(&hook)))
        .on(move |hook: Verified<Received<perfectgym::Notification>>, item: InboxItem| {
            note(&two, &item, told(&hook))
        })
        .dangerous_on_unverified(move |Unverified(_): Unverified<Received<gympoint::Notification>>, item| {
            note(&three, &item, "unproved".to_owned())
        });
    let engine = Engine::builder(store.clone()).poll_interval(Duration::from_millis(20));
    let engine = engine.start(handlers).await.unwrap();
    until("all is handled", || async {
        let stats = engine.stats().await.unwrap();
        (stats.waiting, stats.in_flight) == (1, 0)
    })
    .await;

    let expected = [
        (
            "CUSTOMER_CHECKIN",
            "CUSTOMER_CHECKIN,CUSTOMER_UPDATED: key \"2026-01\" of \"berlin\": sender by shared key, body not proved, \
             time not proved, id not proved",
        ),
        (
            "ContractCreated",
            "ContractCreated: key \"2026-01\" of \"berlin\": sender by keyed digest, body not proved, \
             time not proved, id signed",
        ),
        ("member.created", "unproved"),
    ];
    let expected = expected.map(|(first, told)| (first.to_owned(), told.to_owned()));
    assert_eq!(*handled.lock().unwrap(), BTreeMap::from(expected));

    // They are opened as before, and remember what they have accepted.
    let desk = Inbox::open(engine.clone(), endpoint(1), "front desk", Inbox::policy()).await.unwrap();
    let provider = Provider::perfectgym();
    let headers = provider.signer(keys()).unwrap().sign("request-1", CONTRACT.as_bytes(), NOW).unwrap();
    let again = Receiver::new(&provider, keys()).unwrap().receive(&headers, CONTRACT, NOW).unwrap();
    assert!(matches!(desk.accept(&again).await.unwrap(), Accepted::Duplicate { .. }));
    let named = Inbox::named(engine.clone(), "pg-next").await.unwrap();
    assert_eq!(store.subscription(named.id()).await.unwrap().unwrap().target, TargetColumns::Handler);

    // What it could not read is read again, and what it cannot read is kept.
    let query = || DeliveryQuery { state: Some(State::Unreadable), ..DeliveryQuery::new(9) };
    let unreadable = engine.deliveries(query()).await.unwrap().items;
    assert_eq!(unreadable.len(), 2);
    let lenient = Receiver::new(&Provider::gympoint(), keys()).unwrap().with_duplicate_keys_allowed();
    let mut read = Vec::new();
    for row in unreadable {
        match desk.read_again(&lenient, row.id).await {
            Ok(Accepted::New { delivery, .. }) => read.push(delivery),
            Err(ReadAgainError::Unreadable { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(read.len(), 1);
    let delivered = async |id| engine.delivery(id).await.unwrap().unwrap().delivery.state == State::Delivered;
    until("it is handled", || delivered(read[0])).await;
    let payment = "payment.failed: key \"2026-01\" of \"berlin\": sender by HMAC, body signed, time not proved, id not proved";
    assert_eq!(handled.lock().unwrap()["payment.failed"], payment);
    assert_eq!(engine.deliveries(query()).await.unwrap().items.len(), 1);
    engine.shutdown().await;
}

#[tokio::test]
async fn its_subscriptions_have_their_targets() {
    let (_folder, store) = open();
    let engine = Engine::builder(store.clone()).enqueue_only();
    let read = async |id: u128| engine.subscription(endpoint(id)).await.unwrap();
    let point: Subscription = read(2).await.unwrap();
    let http = point.http().unwrap();
    assert_eq!((point.gym(), http.platform()), ("berlin", "point"));
    assert_eq!(point.label(), "\"url\":\"https://label.example/\"\0");
    assert_eq!(http.url().to_uri().to_string(), r#"https://receiver.example/{"hooks"}?a='b'&c=%22"#);
    assert_eq!(http.url_for("insight.created").to_uri().to_string(), "https://other.example/");
    assert_eq!(http.headers()["x-token"], "a token");
    assert_eq!(http.keys().unwrap().keys().next().unwrap().tenant().as_str(), "berlin");
    assert!(point.wants("workout.created") && !point.wants("insight.created"));
    let unsigned = read(3).await.unwrap();
    assert!(unsigned.http().unwrap().keys().is_none());
    assert_eq!(unsigned.http().unwrap().url().to_uri().to_string(), "https://third.example/");

    let desk = read(1).await.unwrap();
    assert_eq!(desk.label(), "front \"desk\" \"url\":\"https://label.example/\"");
    assert!(desk.http().is_none());
    assert_eq!(desk.policy(), &Inbox::policy());
    assert!(read(4).await.is_none(), "it was deleted");
    for id in [endpoint(1), endpoint(4), Inbox::id_of("pg-next"), Inbox::id_of("gympoint")] {
        assert_eq!(store.subscription(id).await.unwrap().unwrap().target, TargetColumns::Handler, "{id}");
    }

    // What waits is sent there.
    let transport = Scripted::accepting();
    let sender = Engine::builder(store).start(transport.clone()).await.unwrap();
    until("it is sent", || async { transport.sent_ids() == [7] }).await;
    sender.shutdown().await;
    assert_eq!(transport.sent()[0].subscription.http().unwrap().url(), http.url());
}
