//! Updates and deletions of a subscription, which keep what others change at the same time.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scenario;

use core::pin::pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use gymhook::send::EndpointUrl;
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{SqliteStore, Store, StoreError};
use gymhook_engine::{EndpointId, Engine, Inbox, Subscription, SubscriptionError, ViewError};
use scenario::subscription;
use time::macros::utc_datetime;

const ENDPOINT: EndpointId = EndpointId::from_u128(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_in_memory() {
    let store = in_memory();
    scenario::nothing_is_lost(store.clone(), store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
    scenario::nothing_is_lost(open(), open()).await;
}

fn in_memory() -> MemoryStore {
    MemoryStore::new(utc_datetime!(2026-01-01 12:00))
}

/// An engine with the subscription; before each of its first `times` later writes or deletions, something else is done in the
/// store.
async fn interrupted<F: Future<Output = ()>>(
    times: u32,
    other: impl Fn(Engine<MemoryStore>, u32) -> F + Send + Sync + 'static,
) -> Engine<FaultyStore<MemoryStore>> {
    let store = FaultyStore::new(in_memory());
    let engine = Engine::builder(store.clone()).enqueue_only();
    engine.put_subscription(&subscription()).await.unwrap();
    let beside = Engine::builder(store.inner().clone()).enqueue_only();
    let done = AtomicU32::new(0);
    let interrupt = Arc::new(move || {
        let number = done.fetch_add(1, Ordering::SeqCst);
        if number < times {
            // A store in memory answers at once.
            let mut doing = pin!(other(beside.clone(), number));
            assert_eq!(doing.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
        }
    });
    for operation in [Operation::PutSubscription, Operation::DeleteSubscription] {
        let interrupt = Arc::clone(&interrupt);
        store.on(operation, When::Before, move || interrupt());
    }
    engine
}

async fn relabel(engine: Engine<MemoryStore>, number: u32) {
    let label = format!("number {number}");
    engine.update_subscription(ENDPOINT, |held| held.with_label(&label)).await.unwrap();
}

#[tokio::test]
async fn a_change_is_made_again_on_what_another_has_written() {
    let engine = interrupted(3, relabel).await;
    let mut seen = Vec::new();
    let noted = |held: Subscription| {
        seen.push(held.label().to_owned());
        held.with_metadata([("customer", "c-17")])
    };
    let updated = engine.update_subscription(ENDPOINT, noted).await.unwrap();
    assert_eq!(seen, ["", "number 0", "number 1", "number 2"]);
    let held = engine.subscription(ENDPOINT).await.unwrap().unwrap();
    for subscription in [updated, held] {
        assert_eq!(subscription.label(), "number 2");
        assert_eq!(subscription.metadata()["customer"], "c-17");
    }
}

#[tokio::test]
async fn an_update_that_is_always_too_late_ends() {
    let engine = interrupted(u32::MAX, relabel).await;
    let updated = engine.update_subscription(ENDPOINT, |held| held.with_metadata([("a", "b")])).await;
    assert_eq!(updated.map(drop), Err(SubscriptionError::Contended { subscription: ENDPOINT }));
    let held = engine.subscription(ENDPOINT).await.unwrap().unwrap();
    assert!(held.metadata().is_empty() && held.label().starts_with("number"), "{held:?}");
}

#[tokio::test]
async fn what_was_deleted_or_taken_away_meanwhile_is_not_written() {
    let unknown = SubscriptionError::Unknown { subscription: ENDPOINT };
    let delete = async |engine: Engine<MemoryStore>, _| {
        assert!(engine.delete_subscription(ENDPOINT).await.unwrap());
    };
    let engine = interrupted(1, delete).await;
    let updated = engine.update_subscription(ENDPOINT, |held| held.with_label("late")).await;
    assert_eq!(updated.map(drop), Err(unknown.clone()));

    let engine = interrupted(1, async |engine: Engine<MemoryStore>, _| {
        engine.put_subscription(&of_gym("wien")).await.unwrap();
    })
    .await;
    let updated =
        engine.for_gym("berlin").update_subscription(ENDPOINT, |held| held.with_label("late")).await;
    assert_eq!(updated.map(drop), Err(unknown.into()));
    let held = engine.subscription(ENDPOINT).await.unwrap().unwrap();
    assert_eq!((held.gym(), held.label()), ("wien", ""));
}

#[tokio::test]
async fn a_deletion_is_decided_again_on_what_another_has_written() {
    let engine = interrupted(2, relabel).await;
    let mut seen = Vec::new();
    let deleted = engine.delete_subscription_if(ENDPOINT, |held| {
        seen.push(held.label().to_owned());
        held.label() != "number 1"
    });
    assert_eq!(deleted.await, Ok(false));
    assert_eq!(seen, ["", "number 0", "number 1"]);
    assert_eq!(engine.subscription(ENDPOINT).await.unwrap().unwrap().label(), "number 1");

    assert_eq!(engine.delete_subscription_if(ENDPOINT, |held| held.label() == "number 1").await, Ok(true));
    assert!(engine.subscription(ENDPOINT).await.unwrap().is_none());
    let gone = engine.delete_subscription_if(ENDPOINT, |held| panic!("{held:?} was deleted"));
    assert_eq!(gone.await, Ok(false));
}

#[tokio::test]
async fn a_deletion_that_is_always_too_late_ends() {
    let engine = interrupted(u32::MAX, relabel).await;
    let contended = SubscriptionError::Contended { subscription: ENDPOINT };
    assert_eq!(engine.delete_subscription_if(ENDPOINT, |_| true).await, Err(contended));
    let held = engine.subscription(ENDPOINT).await.unwrap().unwrap();
    assert!(held.label().starts_with("number"), "{held:?}");
}

#[tokio::test]
async fn what_was_deleted_meanwhile_is_not_deleted_again() {
    let delete = async |engine: Engine<MemoryStore>, _| {
        assert!(engine.delete_subscription(ENDPOINT).await.unwrap());
    };
    let engine = interrupted(1, delete).await;
    assert_eq!(engine.delete_subscription_if(ENDPOINT, |_| true).await, Ok(false));
}

fn of_gym(gym: &str) -> Subscription {
    let like = subscription();
    let http = like.http().unwrap();
    let keys = Arc::clone(http.keys().unwrap());
    Subscription::new(ENDPOINT, gym, http.platform(), http.url().clone(), keys, like.policy().clone())
}

#[tokio::test]
async fn a_change_that_is_refused_writes_nothing() {
    let engine = Engine::builder(in_memory()).enqueue_only();
    engine.put_subscription(&subscription()).await.unwrap();
    Inbox::open(engine.clone(), EndpointId::from_u128(2), "front desk", Inbox::policy()).await.unwrap();
    let inbox = engine.subscription(EndpointId::from_u128(2)).await.unwrap().unwrap();
    let before = engine.store().subscription(ENDPOINT).await.unwrap();

    let missing = SubscriptionError::Unknown { subscription: EndpointId::from_u128(9) };
    let updated = engine.update_subscription(EndpointId::from_u128(9), |held| held).await;
    assert_eq!(updated.map(drop), Err(missing));
    let filtered = engine.update_subscription(ENDPOINT, |held| held.only(["member.*"])).await;
    assert!(matches!(filtered, Err(SubscriptionError::Filter { .. })), "{filtered:?}");
    let full = engine.update_subscription(ENDPOINT, |held| held.with_metadata([("a\0", "b")])).await;
    assert!(matches!(full, Err(SubscriptionError::Metadata { .. })), "{full:?}");
    let other = engine.update_subscription(ENDPOINT, |_| inbox.clone()).await;
    let other_id = SubscriptionError::OtherId { subscription: ENDPOINT, other: inbox.id() };
    assert_eq!(other.map(drop), Err(other_id));
    let turned = engine.update_subscription(inbox.id(), |held| {
        let like = subscription();
        let http = like.http().unwrap();
        let (url, keys) = (http.url().clone(), Arc::clone(http.keys().unwrap()));
        Subscription::new(held.id(), "", "point", url, keys, held.policy().clone())
    });
    let direction = SubscriptionError::Direction { subscription: inbox.id() };
    assert_eq!(turned.await.map(drop), Err(direction));
    let moved = engine.for_gym("berlin").update_subscription(ENDPOINT, |_| of_gym("wien")).await;
    assert_eq!(moved.map(drop), Err(ViewError::OtherGym { gym: "wien".to_owned() }));
    let own = engine.try_update_subscription(ENDPOINT, |_| Err(Refused::Own)).await;
    assert_eq!(own.map(drop), Err(Refused::Own));
    assert_eq!(engine.store().subscription(ENDPOINT).await.unwrap(), before);
}

/// The error of a caller's change.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Own,
    Engine(SubscriptionError),
}

impl From<SubscriptionError> for Refused {
    fn from(error: SubscriptionError) -> Self {
        Self::Engine(error)
    }
}

/// A filter may have become one that can never match, and a URL may be taken twice: that hinders only who changes them.
#[tokio::test]
async fn what_stays_as_it_was_is_not_checked_again() {
    let engine = Engine::builder(in_memory()).enqueue_only();
    engine.put_subscription(&of_platform_egym(1)).await.unwrap();
    let taken = engine.put_subscription(&of_platform_egym(2)).await;
    assert!(matches!(taken, Err(SubscriptionError::UrlTaken { .. })), "{taken:?}");
    let apart = of_platform_egym(2).with_url(url("https://receiver.example/2"));
    engine.put_subscription(&apart).await.unwrap();
    let both =
        engine.update_subscription(apart.id(), |held| held.with_url(url("https://receiver.example/1")));
    assert!(matches!(both.await, Err(SubscriptionError::UrlTaken { .. })));

    let mut row = engine.store().subscription(apart.id()).await.unwrap().unwrap();
    row.settings = row.settings.replace("\"event_types\":null", "\"event_types\":[\"neverHeardOf\"]");
    assert!(row.settings.contains("neverHeardOf"), "{}", row.settings);
    put(engine.store(), row).await.unwrap();
    let labelled = engine.update_subscription(apart.id(), |held| held.with_label("changed")).await;
    assert_eq!(labelled.unwrap().label(), "changed");
    let moved =
        engine.update_subscription(apart.id(), |held| held.with_url(url("https://receiver.example/3")));
    assert!(matches!(moved.await, Err(SubscriptionError::Filter { .. })));
}

/// Two processes that start at the same time open one inbox, and a person notes something about it.
#[tokio::test]
async fn an_inbox_that_is_opened_keeps_what_is_noted_meanwhile() {
    const INBOX: EndpointId = EndpointId::from_u128(2);
    let note = async |engine: Engine<MemoryStore>, number: u32| {
        let noted = |held: Subscription| held.with_metadata([("number", number.to_string())]);
        let updated = engine.update_subscription(INBOX, noted).await;
        assert_eq!(updated.is_ok(), number > 0, "{updated:?}");
    };
    let engine = interrupted(4, note).await;
    for label in ["first", "second"] {
        Inbox::open(engine.clone(), INBOX, label, Inbox::policy()).await.unwrap();
    }
    let held = engine.subscription(INBOX).await.unwrap().unwrap();
    assert_eq!((held.label(), held.metadata()["number"].as_str()), ("second", "3"));
}

#[tokio::test]
async fn a_new_subscription_replaces_none() {
    let engine = Engine::builder(in_memory()).enqueue_only();
    let exists = SubscriptionError::Exists { subscription: ENDPOINT };
    assert_eq!(engine.create_subscription(&subscription()).await, Ok(()));
    let other = of_gym("wien");
    assert_eq!(engine.create_subscription(&other).await, Err(exists.clone()));
    assert_eq!(engine.for_gym("wien").create_subscription(&other).await, Err(exists.into()));
    let foreign = engine.for_gym("berlin").create_subscription(&other).await;
    assert_eq!(foreign, Err(ViewError::OtherGym { gym: "wien".to_owned() }));
    assert_eq!(engine.subscription(ENDPOINT).await.unwrap().unwrap().gym(), "berlin");
    engine.delete_subscription(ENDPOINT).await.unwrap();
    let deleted = SubscriptionError::Deleted { subscription: ENDPOINT };
    assert_eq!(engine.create_subscription(&subscription()).await, Err(deleted));
}

async fn put(store: &MemoryStore, row: gymhook_engine::store::SubscriptionRow) -> Result<bool, StoreError> {
    let now = store.now().await?;
    store.put_subscription(row, gymhook_engine::store::WriteCondition::Always, now).await
}

fn of_platform_egym(number: u128) -> Subscription {
    let keys = Arc::clone(subscription().http().unwrap().keys().unwrap());
    let (id, policy) = (EndpointId::from_u128(number), subscription().policy().clone());
    Subscription::new(id, "berlin", "egym", url("https://receiver.example/1"), keys, policy)
}

fn url(text: &str) -> EndpointUrl {
    EndpointUrl::dangerous_without_rule(text).unwrap()
}
