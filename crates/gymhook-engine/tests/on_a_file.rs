//! The engine on a SQLite file: what happens to the file, and lists that are longer than a page.

#![cfg(feature = "sqlite")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(unreachable_pub, reason = "shared with test files whose root it is in")]
mod scripted;

use core::time::Duration;
use std::fs;
use std::sync::Arc;

use gymhook::send::EndpointUrl;
use gymhook::{Provider, UrlRule};
use gymhook_engine::store::{SqliteStore, StoreError};
use gymhook_engine::{EndpointId, Engine, Publication, Subscription};
use gymhook_signature::{Keyring, Secret};
use tokio::task::JoinSet;

fn subscription(number: u128) -> Subscription {
    let url = EndpointUrl::new("https://receiver.example/hooks", UrlRule::Https).unwrap();
    let keys = Arc::new(Keyring::single("k", Secret::new("a secret").unwrap()).unwrap());
    let policy = Provider::point().profile().endpoint_policy();
    Subscription::new(EndpointId::from_u128(number), "berlin", "point", url, keys, policy)
}

/// The worker of an engine gives up within its grace and what it allows a store that fails.
#[tokio::test]
async fn an_engine_on_a_deleted_file_shuts_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let store = SqliteStore::open(&path).unwrap();
    let engine = Engine::builder(store.clone())
        .shutdown_grace(Duration::from_millis(100))
        .start(scripted::Scripted::accepting())
        .await
        .unwrap();
    engine.put_subscription(&subscription(1)).await.unwrap();
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{}{ending}", path.display())).unwrap();
    }
    let refused = engine.put_subscription(&subscription(2)).await.unwrap_err();
    assert!(refused.to_string().contains("webhooks.db"), "{refused}");
    // 5 s after the grace it gives a store up that fails. The bound is for a hang alone.
    tokio::time::timeout(Duration::from_secs(60), engine.shutdown()).await.expect("it ends");
    let Err(StoreError::Replaced { problem }) = store.close().await else { panic!("the file is gone") };
    assert!(problem.contains("webhooks.db"), "{problem}");
}

/// An event reaches every subscription of a gym, however many there are, and whichever of them cannot be read.
#[tokio::test]
async fn an_event_reaches_more_than_a_page() {
    const COUNT: u128 = 1_004;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let engine = Engine::builder(SqliteStore::open(&path).unwrap()).enqueue_only();
    let mut putting = JoinSet::new();
    for number in 1..=COUNT {
        let engine = engine.clone();
        putting.spawn(async move { engine.put_subscription(&subscription(number)).await.unwrap() });
    }
    putting.join_all().await;
    let mut expected: Vec<_> = (1..=COUNT).map(EndpointId::from_u128).collect();
    let beside = rusqlite::Connection::open(&path).unwrap();
    for number in [1, 500, 1_000] {
        let id = EndpointId::from_u128(number);
        let sql = "UPDATE gymhook_subscriptions SET record = '{' WHERE id = ?1";
        assert_eq!(beside.execute(sql, [id.as_uuid().as_bytes()]).unwrap(), 1);
        expected.retain(|other| *other != id);
    }
    let publication = Publication::new("point", "workout.created", "{}");
    let published = engine.fan_out("berlin", "event-1", &publication).await.unwrap();
    let mut reached: Vec<_> = published.iter().map(|one| one.endpoint).collect();
    reached.sort_unstable();
    assert_eq!(reached, expected);
}
