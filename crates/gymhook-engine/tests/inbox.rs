//! The inbox: accepted once, handled until it is done.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::time::Duration;
use std::sync::{Arc, Mutex};

use gymhook::event::AnyNotification;
use gymhook::signature::{Key, Keyring, Secret, Signer, Verified};
use gymhook::{Provider, Received, Receiver};
use gymhook_engine::store::{AttemptQuery, SqliteStore, State, Store};
use gymhook_engine::{
    AcceptError, Accepted, Engine, HandlerError, HandlerTransport, Inbox, InboxItem, MetadataError,
    SubscriptionError,
};
use http::{HeaderMap, HeaderValue};
use scripted::{Scripted, delivery, endpoint, notification, policy, subscription, until};
use tempfile::TempDir;
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);

struct Setup {
    folder: TempDir,
    inbox: Inbox<SqliteStore>,
    handled: Arc<Mutex<Vec<InboxItem>>>,
}

/// An inbox whose handler fails as the script says, and remembers what it did.
async fn start(script: impl Fn(&InboxItem) -> Result<(), HandlerError> + Send + Sync + 'static) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let handled: Arc<Mutex<Vec<InboxItem>>> = Arc::default();
    let done = Arc::clone(&handled);
    let transport = HandlerTransport::new(move |incoming: InboxItem| {
        let answer = script(&incoming);
        done.lock().unwrap().push(incoming);
        async move { answer }
    });
    let engine = Engine::builder(SqliteStore::open(folder.path().join("inbox.db")).unwrap())
        .poll_interval(Duration::from_millis(50))
        .start(transport)
        .await
        .unwrap();
    let inbox = Inbox::open(engine, endpoint(1), "front desk", Inbox::policy()).await.unwrap();
    Setup { folder, inbox, handled }
}

impl Setup {
    fn handled(&self) -> Vec<InboxItem> {
        self.handled.lock().unwrap().clone()
    }

    async fn accept(&self, uuid: u32) -> gymhook_engine::DeliveryId {
        match self.inbox.accept(&pg_next("berlin", uuid)).await.unwrap() {
            Accepted::New { delivery, .. } => delivery,
            Accepted::Duplicate { .. } => panic!("{uuid} is new"),
        }
    }

    async fn until_state(&self, delivery: gymhook_engine::DeliveryId, state: State) {
        let store = self.inbox.engine().store();
        until(state.as_str(), || async { store.delivery(delivery).await.unwrap().unwrap().state == state })
            .await;
    }
}

/// PG Next: a body with an id, from the studio that this key belongs to.
fn pg_next(studio: &str, uuid: u32) -> Verified<Received<AnyNotification>> {
    let body = format!(
        r#"{{"entityId":{uuid},"uuid":"00000000-0000-4000-8000-{uuid:012}","payload":[{{"timestamp":1642778725876,"type":"CUSTOMER_CHECKIN"}}]}}"#
    );
    let key = |name| Key::new(name, Secret::new(format!("key-of-{name}")).unwrap());
    let keys = [key("berlin"), key("berlin-2027").with_tenant("berlin"), key("poznan")];
    let receiver = Receiver::new(&Provider::pg_next().into_any(), Keyring::new(keys).unwrap()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_str(&format!("key-of-{studio}")).unwrap());
    receiver.receive(&headers, body, NOW).unwrap()
}

/// PerfectGym: a signed id beside a body that nobody signed.
fn perfectgym(id: &str, body: &'static str) -> Verified<Received<AnyNotification>> {
    let keys = || Keyring::single("main", Secret::new("a secret of 128 random bits").unwrap()).unwrap();
    let provider = Provider::perfectgym();
    let signer: Signer = provider.signer(keys()).unwrap();
    let headers = signer.sign(id, body.as_bytes(), NOW).unwrap();
    Receiver::new(&provider.into_any(), keys()).unwrap().receive(&headers, body, NOW).unwrap()
}

#[tokio::test]
async fn what_is_accepted_is_handled_once_with_its_bytes() {
    let setup = start(|_| Ok(())).await;
    let verified = pg_next("berlin", 7);
    let Accepted::New { delivery, .. } = setup.inbox.accept(&verified).await.unwrap() else { panic!("new") };
    setup.until_state(delivery, State::Delivered).await;
    let again = setup.inbox.accept(&verified).await.unwrap();
    assert!(matches!(again, Accepted::Duplicate { delivery: same, .. } if same == delivery), "{again:?}");
    let handled = setup.handled();
    assert_eq!(handled.len(), 1);
    let only = handled.first().unwrap();
    assert_eq!(only.body(), verified.value().body());
    assert_eq!(
        (only.event_types(), only.delivery(), only.attempt()),
        (&["CUSTOMER_CHECKIN".to_owned()][..], delivery, 1)
    );
    assert_eq!((only.vendor(), only.proof()), (Some("pg-next"), Some(verified.proof())));
}

#[tokio::test]
async fn a_repeat_is_one_within_a_studio_and_two_across_studios() {
    let setup = start(|_| Ok(())).await;
    let Accepted::New { delivery, .. } = setup.inbox.accept(&pg_next("berlin", 7)).await.unwrap() else {
        panic!("new")
    };
    let Accepted::New { delivery: other, .. } = setup.inbox.accept(&pg_next("poznan", 7)).await.unwrap()
    else {
        panic!("another studio's")
    };
    assert_ne!(delivery, other);
}

#[tokio::test]
async fn a_repeat_with_the_next_key_of_its_studio_is_a_duplicate() {
    let setup = start(|_| Ok(())).await;
    let Accepted::New { delivery, .. } = setup.inbox.accept(&pg_next("berlin", 7)).await.unwrap() else {
        panic!("new")
    };
    let by_the_next_key = pg_next("berlin-2027", 7);
    assert_eq!(by_the_next_key.proof().key(), &"berlin-2027");
    let again = setup.inbox.accept(&by_the_next_key).await.unwrap();
    assert!(matches!(again, Accepted::Duplicate { delivery: same, .. } if same == delivery), "{again:?}");
}

#[tokio::test]
async fn a_signed_id_with_another_body_is_a_conflict() {
    let one = r#"{"event":"Test","triggeredDate":"2026-01-01T12:00:00Z","data":{"a":1}}"#;
    let other = r#"{"event":"Test","triggeredDate":"2026-01-01T12:00:00Z","data":{"a":2}}"#;
    let setup = start(|_| Ok(())).await;
    let Accepted::New { delivery, .. } = setup.inbox.accept(&perfectgym("r-1", one)).await.unwrap() else {
        panic!("new")
    };
    let replayed = setup.inbox.accept(&perfectgym("r-1", other)).await;
    assert_eq!(replayed, Err(AcceptError::Conflict { delivery }));
    assert!(matches!(setup.inbox.accept(&perfectgym("r-2", other)).await, Ok(Accepted::New { .. })));
}

#[tokio::test]
async fn a_handler_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let setup = start(|handled| match (handled.event_types()[0].as_str(), handled.attempt()) {
        ("CUSTOMER_CHECKIN", 1) => Err(HandlerError::retry("the database is away")),
        ("CUSTOMER_CHECKIN", _) => Ok(()),
        _ => Err(HandlerError::reject("not for us")),
    })
    .await;
    let Accepted::New { delivery, .. } = setup.inbox.accept(&pg_next("berlin", 1)).await.unwrap() else {
        panic!("new")
    };
    let refused = r#"{"event":"Test","triggeredDate":"2026-01-01T12:00:00Z","data":{}}"#;
    let Accepted::New { delivery: rejected, .. } =
        setup.inbox.accept(&perfectgym("r-1", refused)).await.unwrap()
    else {
        panic!("new")
    };
    setup.until_state(rejected, State::Undeliverable).await;
    setup.until_state(delivery, State::Delivered).await;
    let store = setup.inbox.engine().store();
    let attempts = store.attempts(AttemptQuery::new(delivery, 100)).await.unwrap().items;
    assert_eq!(
        attempts.iter().map(|attempt| attempt.detail.as_deref()).collect::<Vec<_>>(),
        [Some("the database is away"), None]
    );
    assert_eq!(store.attempts(AttemptQuery::new(rejected, 100)).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn what_came_in_is_kept_when_the_inbox_is_opened_again() {
    let setup = start(|_| Err(HandlerError::retry("not yet"))).await;
    let Accepted::New { delivery, .. } = setup.inbox.accept(&pg_next("berlin", 1)).await.unwrap() else {
        panic!("new")
    };
    let engine = setup.inbox.engine().clone();
    let again = Inbox::open(engine, endpoint(1), "front desk", Inbox::policy()).await.unwrap();
    let repeated = again.accept(&pg_next("berlin", 1)).await.unwrap();
    assert!(matches!(repeated, Accepted::Duplicate { delivery: same, .. } if same == delivery));
    let deleted = again.engine().delete_subscription(endpoint(1)).await;
    assert_eq!(deleted, Ok(true));
    assert_eq!(again.accept(&pg_next("berlin", 2)).await, Err(AcceptError::Gone { inbox: endpoint(1) }));
}

/// What goes out is never handled here, and what came in is never sent out, whichever engine is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_and_a_sender_share_a_store() {
    let setup = start(|_| Ok(())).await;
    let store = SqliteStore::open(setup.folder.path().join("inbox.db")).unwrap();
    let engine = setup.inbox.engine();
    engine.put_subscription(&subscription(2, policy())).await.unwrap();
    engine.enqueue(vec![notification(1, 2)]).await.unwrap();
    let accepted = setup.accept(1).await;
    setup.until_state(accepted, State::Delivered).await;
    // The inbox's engine has looked for work, and would have found this.
    assert_eq!(store.delivery(delivery(1)).await.unwrap().unwrap().state, State::Waiting);
    assert_eq!(setup.handled().len(), 1);
    engine.shutdown().await;

    let accepted = setup.accept(2).await;
    let transport = Scripted::accepting();
    let sender = Engine::builder(store.clone()).start(transport.clone()).await.unwrap();
    until("it is sent", || async { transport.sent_ids().contains(&1) }).await;
    sender.shutdown().await;
    assert_eq!(store.delivery(accepted).await.unwrap().unwrap().state, State::Waiting);
    assert_eq!(transport.sent().len(), 1);

    let taken = engine.put_subscription(&subscription(1, policy())).await;
    assert_eq!(taken, Err(SubscriptionError::Direction { subscription: endpoint(1) }));
}

#[tokio::test]
async fn what_nobody_proved_anything_about_has_no_origin() {
    let setup = start(|_| Ok(())).await;
    let body = pg_next("berlin", 7).value().body().clone();
    let receiver = Receiver::dangerous_unsigned(&Provider::pg_next().into_any());
    let received = receiver.receive(&HeaderMap::new(), body).unwrap().0;
    let Accepted::New { delivery, .. } = setup.inbox.dangerous_accept_unsigned(&received).await.unwrap()
    else {
        panic!("new")
    };
    setup.until_state(delivery, State::Delivered).await;
    assert_eq!(setup.handled().first().unwrap().proof(), None);
}

/// Whoever takes an inbox for a subscription that is sent to is told so.
#[tokio::test]
async fn an_inbox_has_no_url_no_key_and_no_test_event() {
    let setup = start(|_| Ok(())).await;
    let engine = setup.inbox.engine();
    let inbox = || async { engine.subscription(endpoint(1)).await.unwrap().unwrap() };
    assert!(inbox().await.http().is_none());
    let url = subscription(2, policy()).http().unwrap().url().clone();
    let error = |setting| SubscriptionError::Inbox { subscription: endpoint(1), setting };
    let changed = inbox().await.with_url(url);
    assert_eq!(engine.put_subscription(&changed).await, Err(error("URL")));
    let key = Key::new("next", Secret::new("a secret").unwrap());
    let rotated = engine.rotate_key(endpoint(1), key, Duration::ZERO).await;
    assert_eq!(rotated.map(drop), Err(error("key")));
    assert_eq!(engine.send_test(endpoint(1)).await, Err(error("test event")));

    engine.put_subscription(&inbox().await.with_label("the other desk")).await.unwrap();
    assert_eq!(inbox().await.label(), "the other desk");
    let accepted = setup.accept(1).await;
    setup.until_state(accepted, State::Delivered).await;
}

#[tokio::test]
async fn an_inbox_has_metadata_which_stays_when_it_is_opened_again() {
    let setup = start(|_| Ok(())).await;
    let engine = setup.inbox.engine();
    let noted = engine.subscription(endpoint(1)).await.unwrap().unwrap().with_metadata([("vendor", "point")]);
    engine.put_subscription(&noted).await.unwrap();
    let again = Inbox::open(engine.clone(), endpoint(1), "front desk", Inbox::policy()).await.unwrap();
    let read = engine.subscription(again.id()).await.unwrap().unwrap();
    assert_eq!(read.metadata(), noted.metadata());

    let sent = subscription(2, policy()).with_metadata([("customer", "c-17")]);
    engine.put_subscription(&sent).await.unwrap();
    let refused = engine.put_subscription(&sent.clone().with_metadata([("", "c-18")])).await;
    let problem = MetadataError::EmptyKey;
    assert_eq!(refused, Err(SubscriptionError::Metadata { subscription: endpoint(2), problem }));
    let read = engine.subscription(endpoint(2)).await.unwrap().unwrap();
    assert_eq!(read.metadata(), sent.metadata());
}
