//! Repeats of requests that carry no id, and what is answered to what is not accepted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use core::time::Duration;

use bytes::Bytes;
use gymhook::event::{AnyNotification, Vendor};
use gymhook::signature::vendor::egym;
use gymhook::signature::{Key, Keyring, Secret, Verified};
use gymhook::{Provider, Received, Receiver};
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{NewNotification, Store, StoreError, Unstorable};
use gymhook_engine::{AcceptError, Accepted, DeliveryId, EndpointId, Engine, Inbox};
use http::HeaderMap;
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
const HOUR: Duration = Duration::from_secs(3_600);
const MICRO: Duration = Duration::from_micros(1);

/// An inbox that nobody works on, in a store whose clock a test sets.
async fn inbox() -> (Inbox<MemoryStore>, MemoryStore) {
    let store = MemoryStore::new(NOW);
    (inbox_in(store.clone()).await, store)
}

async fn inbox_in<S: Store>(store: S) -> Inbox<S> {
    let engine = Engine::builder(store).enqueue_only();
    Inbox::open(engine, EndpointId::from_u128(1), "front desk", Inbox::policy()).await.unwrap()
}

/// What comes from a platform that signs with one secret.
fn signed(provider: &Provider<AnyNotification>, body: &str) -> Verified<Received<AnyNotification>> {
    let keys = || Keyring::single("main", Secret::new("a secret of 128 random bits").unwrap()).unwrap();
    let headers = provider.signer(keys()).unwrap().sign("r-1", body.as_bytes(), NOW).unwrap();
    let receiver = Receiver::new(provider, keys()).unwrap();
    receiver.receive(&headers, body.to_owned(), NOW).unwrap()
}

/// GymPoint: a signed body, no id and no time.
fn gympoint(event: &str) -> Verified<Received<AnyNotification>> {
    let body = format!(r#"{{"event":"{event}","data":{{"memberId":"m_1042","amount":49.90}}}}"#);
    signed(&Provider::gympoint().into_any(), &body)
}

fn unsigned(vendor: Vendor, body: &str) -> Received<AnyNotification> {
    let receiver = Receiver::dangerous_unsigned(&Provider::of(vendor).unwrap());
    receiver.receive(&HeaderMap::new(), body.to_owned()).unwrap().0
}

fn new(accepted: Accepted) -> DeliveryId {
    match accepted {
        Accepted::New { delivery, .. } => delivery,
        Accepted::Duplicate { delivery, .. } => panic!("{delivery} was accepted before"),
    }
}

fn duplicate(accepted: Accepted) -> DeliveryId {
    match accepted {
        Accepted::Duplicate { delivery, .. } => delivery,
        Accepted::New { delivery, .. } => panic!("{delivery} is new"),
    }
}

/// GymPoint tries for 2 h 35 min and sends no id: what it sends again is what it sent before.
#[tokio::test]
async fn a_resent_request_without_an_id_is_a_duplicate_by_default() {
    let (inbox, store) = inbox().await;
    let types =
        ["payment.failed", "payment.successful", "payment.refunded", "member.created", "member.deleted"];
    for event in types {
        store.set_now(NOW);
        let first = new(inbox.accept(&gympoint(event)).await.unwrap());
        for after in [5, 35, 155, 157] {
            store.set_now(NOW + Duration::from_secs(60 * after));
            assert_eq!(
                duplicate(inbox.accept(&gympoint(event)).await.unwrap()),
                first,
                "{event} after {after} min"
            );
        }
        store.set_now(NOW + HOUR * 3 - MICRO);
        assert_eq!(duplicate(inbox.accept(&gympoint(event)).await.unwrap()), first, "{event}");
        store.set_now(NOW + HOUR * 3);
        assert_ne!(new(inbox.accept(&gympoint(event)).await.unwrap()), first, "{event}");
    }
}

/// A member checks in twice, and a profile may become again what it was: the bodies are equal, and the events are two.
#[tokio::test]
async fn where_two_equal_bodies_are_two_events_each_is_new() {
    let (inbox, _) = inbox().await;
    let types =
        ["checkin.created", "member.updated", "membership.activated", "membership.canceled", "not.known.yet"];
    for event in types {
        let first = new(inbox.accept(&gympoint(event)).await.unwrap());
        assert_ne!(new(inbox.accept(&gympoint(event)).await.unwrap()), first, "{event}");
    }
}

#[tokio::test]
async fn a_window_of_ones_own_holds_for_every_type_and_ends_to_the_microsecond() {
    let (inbox, store) = inbox().await;
    let inbox = inbox.with_digest_dedupe(HOUR);
    let first = new(inbox.accept(&gympoint("checkin.created")).await.unwrap());
    store.set_now(NOW + HOUR - MICRO);
    assert_eq!(duplicate(inbox.accept(&gympoint("checkin.created")).await.unwrap()), first);
    store.set_now(NOW + HOUR);
    let second = new(inbox.accept(&gympoint("checkin.created")).await.unwrap());
    store.set_now(NOW + HOUR + MICRO);
    assert_eq!(duplicate(inbox.accept(&gympoint("checkin.created")).await.unwrap()), second);

    let inbox = inbox.without_digest_dedupe();
    new(inbox.accept(&gympoint("checkin.created")).await.unwrap());
    new(inbox.accept(&gympoint("payment.failed")).await.unwrap());
    new(inbox.accept(&gympoint("payment.failed")).await.unwrap());
}

/// Without its signature PerfectGym has no id either; its bodies hold a time.
#[tokio::test]
async fn a_time_in_the_body_tells_two_events_apart() {
    let (inbox, store) = inbox().await;
    let body = |second: u8| {
        let text =
            r#"{"event":"UserCardScanned","triggeredDate":"2026-01-01T12:00:0NZ","data":{"userId":7}}"#;
        unsigned(Vendor::PERFECTGYM, &text.replace('N', &second.to_string()))
    };
    let first = new(inbox.dangerous_accept_unsigned(&body(1)).await.unwrap());
    new(inbox.dangerous_accept_unsigned(&body(2)).await.unwrap());
    store.set_now(NOW + HOUR * 24 - MICRO);
    assert_eq!(duplicate(inbox.dangerous_accept_unsigned(&body(1)).await.unwrap()), first);
    store.set_now(NOW + HOUR * 24);
    new(inbox.dangerous_accept_unsigned(&body(1)).await.unwrap());
}

/// A key is compared whenever there is one, however old it is and whatever the window.
#[tokio::test]
async fn a_key_counts_more_than_a_window() {
    let (inbox, store) = inbox().await;
    let inbox = inbox.with_digest_dedupe(HOUR);
    let body = r#"{"event":"Test","triggeredDate":"2026-01-01T12:00:00Z","data":{}}"#;
    let perfectgym = || signed(&Provider::perfectgym().into_any(), body);
    let first = new(inbox.accept(&perfectgym()).await.unwrap());
    store.set_now(NOW + HOUR * 1_000);
    assert_eq!(duplicate(inbox.accept(&perfectgym()).await.unwrap()), first);
}

/// Whoever is nobody cannot make what is proved a repeat, and two studios that say the same say it twice.
#[tokio::test]
async fn a_repeat_is_one_of_the_same_sender_only() {
    let (inbox, _) = inbox().await;
    let proved = gympoint("payment.failed");
    let body = core::str::from_utf8(proved.value().body()).unwrap();
    let unproved = unsigned(Vendor::GYMPOINT, body);
    let forged = new(inbox.dangerous_accept_unsigned(&unproved).await.unwrap());
    let first = new(inbox.accept(&proved).await.unwrap());
    assert_eq!(duplicate(inbox.dangerous_accept_unsigned(&unproved).await.unwrap()), forged);
    assert_eq!(duplicate(inbox.accept(&proved).await.unwrap()), first);

    let keys =
        || Keyring::new(["berlin", "poznan"].map(|name| Key::new(name, Secret::new(name).unwrap()))).unwrap();
    let receiver = Receiver::new(&Provider::gympoint().with_scheme(egym()).into_any(), keys()).unwrap();
    let from = |studio: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", studio.parse().unwrap());
        receiver.receive(&headers, proved.value().body().clone(), NOW).unwrap()
    };
    let berlin = new(inbox.accept(&from("berlin")).await.unwrap());
    let poznan = new(inbox.accept(&from("poznan")).await.unwrap());
    assert_eq!(duplicate(inbox.accept(&from("berlin")).await.unwrap()), berlin);
    assert_eq!(duplicate(inbox.accept(&from("poznan")).await.unwrap()), poznan);
}

/// A key that was rotated is the same studio's.
#[tokio::test]
async fn a_repeat_under_the_next_key_of_a_tenant_is_a_repeat() {
    let (inbox, _) = inbox().await;
    let key = |id: &str, tenant: &str| Key::new(id, Secret::new(id).unwrap()).with_tenant(tenant);
    let keys = [key("berlin-1", "berlin"), key("berlin-2", "berlin"), key("poznan-1", "poznan")];
    let provider = Provider::gympoint().with_scheme(egym()).into_any();
    let receiver = Receiver::new(&provider, Keyring::new(keys).unwrap()).unwrap();
    let with = |key: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", key.parse().unwrap());
        receiver.receive(&headers, r#"{"event":"payment.failed"}"#, NOW).unwrap()
    };
    let first = new(inbox.accept(&with("berlin-1")).await.unwrap());
    assert_eq!(duplicate(inbox.accept(&with("berlin-2")).await.unwrap()), first);
    new(inbox.accept(&with("poznan-1")).await.unwrap());
}

/// Two answers to two requests that come at once: one of them is new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_come_at_once_one_is_new() {
    let (inbox, _) = inbox().await;
    for round in 0..50 {
        let body = format!(r#"{{"event":"payment.failed","data":{round}}}"#);
        let tasks = [(); 2].map(|()| {
            let (inbox, body) = (inbox.clone(), body.clone());
            tokio::spawn(async move {
                inbox.accept(&signed(&Provider::gympoint().into_any(), &body)).await.unwrap()
            })
        });
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        let new = answers.iter().filter(|answer| matches!(answer, Accepted::New { .. })).count();
        assert_eq!(new, 1, "{answers:?}");
    }
}

/// What no store keeps is refused for good: 503 would bring it again for ever.
#[tokio::test]
async fn what_can_never_be_stored_is_answered_with_4xx() {
    let (inbox, _) = inbox().await;
    let refused = inbox.accept(&gympoint("a\\u0000b")).await.unwrap_err();
    assert_eq!(refused, AcceptError::Unstorable { field: "event type", problem: Unstorable::Nul });
    assert_eq!((refused.status().as_u16(), refused.retry_after()), (422, None));

    let long = "x".repeat(NewNotification::MAX_TEXT_BYTES + 1);
    let refused = inbox.accept(&gympoint(&long)).await.unwrap_err();
    let problem = Unstorable::TooLong { bytes: long.len(), limit: NewNotification::MAX_TEXT_BYTES };
    assert_eq!(refused, AcceptError::Unstorable { field: "event type", problem });
    assert_eq!(refused.status().as_u16(), 422);

    let problem = Unstorable::TooLong { bytes: 2, limit: 1 };
    assert_eq!(AcceptError::Unstorable { field: "body", problem }.status().as_u16(), 413);
}

/// What may be accepted later is answered with 503 and a time; a busy store says which.
#[tokio::test]
async fn what_may_be_accepted_later_is_answered_with_503_and_when() {
    let store = FaultyStore::new(MemoryStore::new(NOW));
    let inbox = inbox_in(store.clone()).await;
    let seconds = Duration::from_secs;
    let busy = |retry_after| StoreError::Busy { retry_after };
    for (error, after) in [
        (busy(seconds(7)), 7),
        (busy(Duration::from_millis(7_001)), 8),
        (busy(Duration::ZERO), 1),
        (StoreError::Full, 60),
        (StoreError::Closed, 60),
        (StoreError::Unavailable { problem: "gone".to_owned() }, 60),
    ] {
        store.fail_next(Operation::Enqueue, When::Before, error.clone());
        let refused = inbox.accept(&gympoint("payment.failed")).await.unwrap_err();
        assert_eq!(refused, AcceptError::Store(error));
        assert_eq!(
            (refused.status().as_u16(), refused.retry_after()),
            (503, Some(seconds(after))),
            "{refused}"
        );
    }
    assert_eq!(inbox.engine().delete_subscription(inbox.id()).await, Ok(true));
    let gone = inbox.accept(&gympoint("payment.failed")).await.unwrap_err();
    assert_eq!((gone.status().as_u16(), gone.retry_after()), (503, Some(seconds(60))));
    let conflict = AcceptError::Conflict { delivery: DeliveryId::from_u128(7) };
    assert_eq!((conflict.status().as_u16(), conflict.retry_after()), (409, None));
}

/// One of several that cannot be stored is refused alone, and the caller can tell which.
#[tokio::test]
async fn one_bad_notification_of_several_is_refused_alone() {
    let (inbox, _) = inbox().await;
    let id = DeliveryId::from_u128;
    let one = |number, event_type: &str| {
        NewNotification::new(id(number), inbox.id(), event_type, Bytes::from_static(b"{}"))
    };
    let enqueued = inbox.engine().enqueue(vec![one(1, "a"), one(2, "a\0b"), one(3, "c")]).await.unwrap();
    assert!(enqueued[0].is_ok() && enqueued[2].is_ok(), "{enqueued:?}");
    let said = enqueued[1].unwrap_err().to_string();
    assert!(said.starts_with(&format!("delivery {} cannot be stored: its event type", id(2))), "{said}");
}
