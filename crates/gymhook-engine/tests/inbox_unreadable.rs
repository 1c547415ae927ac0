//! Bodies that were proved and could not be read: kept, shown, and read again.

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
use std::sync::{Arc, Barrier, Mutex};

use bytes::Bytes;
use gymhook::event::{AnyNotification, Kind};
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, ReceiveError, Receiver, Unreadable};
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{DeliveryQuery, SqliteStore, State, Store};
use gymhook_engine::{
    Accepted, DeliveryId, EndpointId, Engine, HandlerTransport, Inbox, InboxItem, KeptUnreadable,
    ReadAgainError,
};
use scripted::until;
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
/// A duplicated key is refused, unless a receiver is told to let it pass.
const TWICE: &str = r#"{"event":"payment.failed","data":{"amount":1,"amount":2}}"#;

fn keys() -> Keyring {
    Keyring::single("main", Secret::new("a secret of 128 random bits").unwrap()).unwrap()
}

fn strict(provider: &Provider<AnyNotification>) -> Receiver<AnyNotification> {
    Receiver::new(provider, keys()).unwrap()
}

fn lenient(provider: &Provider<AnyNotification>) -> Receiver<AnyNotification> {
    strict(provider).with_duplicate_keys_allowed()
}

fn gympoint() -> Provider<AnyNotification> {
    Provider::gympoint().into_any()
}

/// What a receiver says to this body, honestly signed under this id.
fn unreadable(provider: &Provider<AnyNotification>, id: &str, body: &'static str) -> Unreadable {
    let headers = provider.signer(keys()).unwrap().sign(id, body.as_bytes(), NOW).unwrap();
    match strict(provider).receive(&headers, body, NOW) {
        Err(ReceiveError::Unreadable(unreadable)) => *unreadable,
        other => panic!("{other:?}"),
    }
}

async fn inbox() -> Inbox<MemoryStore> {
    let engine = Engine::builder(MemoryStore::new(NOW)).enqueue_only();
    Inbox::open(engine, EndpointId::from_u128(1), "front desk", Inbox::policy()).await.unwrap()
}

fn kept(answer: KeptUnreadable) -> DeliveryId {
    match answer {
        KeptUnreadable::New { delivery } => delivery,
        KeptUnreadable::Duplicate { delivery } => panic!("{delivery} was kept before"),
    }
}

#[tokio::test]
async fn it_is_kept_with_its_proof_and_its_problem_once() {
    let inbox = inbox().await;
    let engine = inbox.engine();
    let body = unreadable(&gympoint(), "", TWICE);
    let delivery = kept(inbox.accept_unreadable(&body).await.unwrap());
    let again = inbox.accept_unreadable(&unreadable(&gympoint(), "", TWICE)).await.unwrap();
    assert_eq!(again, KeptUnreadable::Duplicate { delivery });
    kept(inbox.accept_unreadable(&unreadable(&gympoint(), "", "[]")).await.unwrap());

    let log = engine.delivery(delivery).await.unwrap().unwrap();
    assert_eq!(log.body, Some(Bytes::from_static(TWICE.as_bytes())));
    assert_eq!(log.proof.unwrap().to_string(), body.proof().to_string());
    assert_eq!(log.unreadable, Some(body.problem().to_string()));
    let query =
        DeliveryQuery { endpoint: Some(inbox.id()), state: Some(State::Unreadable), ..DeliveryQuery::new(9) };
    assert_eq!(engine.deliveries(query).await.unwrap().items.len(), 2);
    assert_eq!(engine.stats().await.unwrap().unreadable, 2);

    // What the machine does with deliveries it does not do with this one.
    assert_eq!(engine.redeliver(delivery).await, Ok(false));
    assert_eq!(engine.cancel(delivery).await, Ok(false));
    assert_eq!(engine.stats().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn it_is_read_again_and_takes_its_place_among_the_others() {
    let inbox = inbox().await;
    let delivery = kept(inbox.accept_unreadable(&unreadable(&gympoint(), "", TWICE)).await.unwrap());

    let refused = inbox.read_again(&strict(&gympoint()), delivery).await;
    assert!(matches!(refused, Err(ReadAgainError::Unreadable { .. })), "{refused:?}");
    assert_eq!(inbox.engine().stats().await.unwrap().unreadable, 1);

    let Accepted::New { delivery: read, .. } =
        inbox.read_again(&lenient(&gympoint()), delivery).await.unwrap()
    else {
        panic!("new")
    };
    assert_ne!(read, delivery);
    assert_eq!(inbox.engine().delivery(delivery).await.unwrap(), None);
    let log = inbox.engine().delivery(read).await.unwrap().unwrap();
    assert_eq!((log.delivery.event_type.as_str(), log.delivery.state), ("payment.failed", State::Waiting));
    assert_eq!((log.unreadable, log.proof.unwrap().key().as_str()), (None, "main"));

    let again = inbox.read_again(&lenient(&gympoint()), delivery).await;
    assert!(matches!(again, Err(ReadAgainError::NotKept { .. })), "{again:?}");
    let ordinary = inbox.read_again(&lenient(&gympoint()), read).await;
    assert!(matches!(ordinary, Err(ReadAgainError::NotKept { .. })), "{ordinary:?}");
}

/// A later version could read it when the platform sent it again: it is handled once, whichever comes first.
#[tokio::test]
async fn what_was_sent_again_meanwhile_is_handled_once() {
    for provider in [gympoint(), Provider::perfectgym().into_any()] {
        let body = match provider.vendor().as_str() {
            "gympoint" => TWICE,
            _ => r#"{"event":"Test","triggeredDate":"2026-01-01T12:00:00Z","data":{"a":1,"a":2}}"#,
        };
        let inbox = inbox().await;
        let delivery = kept(inbox.accept_unreadable(&unreadable(&provider, "r-1", body)).await.unwrap());
        let headers = provider.signer(keys()).unwrap().sign("r-1", body.as_bytes(), NOW).unwrap();
        let readable = lenient(&provider).receive(&headers, body, NOW).unwrap();
        let Accepted::New { delivery: first, .. } = inbox.accept(&readable).await.unwrap() else {
            panic!("new")
        };
        let read = inbox.read_again(&lenient(&provider), delivery).await.unwrap();
        assert!(matches!(read, Accepted::Duplicate { delivery: same, .. } if same == first), "{read:?}");
        let stats = inbox.engine().stats().await.unwrap();
        assert_eq!((stats.waiting, stats.unreadable), (1, 0));
    }
}

/// Two people who read it at once hand it to the handler once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_read_it_at_once_read_it_once() {
    // Of this type two equal bodies are two events, so nothing else tells.
    let body = r#"{"event":"checkin.created","data":{"a":1,"a":2}}"#;
    let store = FaultyStore::new(MemoryStore::new(NOW));
    let engine = Engine::builder(store.clone()).enqueue_only();
    let inbox = Inbox::open(engine, EndpointId::from_u128(1), "", Inbox::policy()).await.unwrap();
    let delivery = kept(inbox.accept_unreadable(&unreadable(&gympoint(), "", body)).await.unwrap());
    // Each has read it before the other one writes.
    let both = Barrier::new(2);
    store.on(Operation::Enqueue, When::Before, move || {
        both.wait();
    });
    let tasks = [(); 2].map(|()| {
        let inbox = inbox.clone();
        tokio::spawn(async move { inbox.read_again(&lenient(&gympoint()), delivery).await })
    });
    let mut new = 0;
    for task in tasks {
        new += usize::from(matches!(task.await.unwrap().unwrap(), Accepted::New { .. }));
    }
    assert_eq!((new, inbox.engine().stats().await.unwrap().waiting), (1, 1));
}

/// The handler gets it only when it was read, with the proof that was given when it came in; over a restart, too.
#[tokio::test]
async fn the_handler_gets_it_when_it_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.db");
    let open = || SqliteStore::open(&path).unwrap();
    let id = EndpointId::from_u128(1);
    let engine = Engine::builder(open()).enqueue_only();
    let inbox = Inbox::open(engine, id, "", Inbox::policy()).await.unwrap();
    let delivery = kept(inbox.accept_unreadable(&unreadable(&gympoint(), "", TWICE)).await.unwrap());
    inbox.engine().store().close().await.unwrap();

    let handled: Arc<Mutex<Vec<InboxItem>>> = Arc::default();
    let done = Arc::clone(&handled);
    let transport = HandlerTransport::new(move |incoming: InboxItem| {
        done.lock().unwrap().push(incoming);
        async { Ok(()) }
    });
    let engine =
        Engine::builder(open()).poll_interval(Duration::from_millis(20)).start(transport).await.unwrap();
    let inbox = Inbox::open(engine, id, "", Inbox::policy()).await.unwrap();
    // One that is readable comes behind it, and is handled.
    let later = r#"{"event":"member.created","data":{}}"#;
    let headers = gympoint().signer(keys()).unwrap().sign("", later.as_bytes(), NOW).unwrap();
    let later = strict(&gympoint()).receive(&headers, later, NOW).unwrap();
    assert_eq!(later.value().events().next().unwrap().kind, Kind::MemberCreated);
    let Accepted::New { delivery: later, .. } = inbox.accept(&later).await.unwrap() else { panic!("new") };
    let delivered = |id| {
        let store = inbox.engine().store().clone();
        async move { store.delivery(id).await.unwrap().is_some_and(|row| row.state == State::Delivered) }
    };
    until("the readable one is handled", || delivered(later)).await;
    assert_eq!(handled.lock().unwrap().len(), 1);
    let received_at = inbox.engine().store().delivery(delivery).await.unwrap().unwrap().enqueued_at;

    let Accepted::New { delivery: read, .. } =
        inbox.read_again(&lenient(&gympoint()), delivery).await.unwrap()
    else {
        panic!("new")
    };
    until("it is handled", || delivered(read)).await;
    let handled = handled.lock().unwrap().last().unwrap().clone();
    assert_eq!((handled.delivery(), handled.event_types()), (read, &["payment.failed".to_owned()][..]));
    assert_eq!(handled.body(), TWICE.as_bytes());
    assert_eq!((handled.key().unwrap().as_str(), handled.received_at()), ("main", received_at));
    inbox.engine().shutdown().await;
}
