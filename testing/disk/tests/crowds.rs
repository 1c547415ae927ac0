//! Crowds of callers on disks that are full for real, as the faults were first seen: everything that was acknowledged is delivered, and what was refused can be enqueued again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gymhook_crash_tests::character::{endpoint_id, subscription};
use gymhook_disk_tests::small_disk::SmallDisk;
use gymhook_engine::store::{DeliveryQuery, NewNotification, SqliteStore, State, StoreError};
use gymhook_engine::{Answer, DeliveryId, Engine, Sending, Transport};
use gymhook_retry::Outcome;
use http::StatusCode;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep, timeout};

/// Takes everything, and keeps what it got: each body, and how often it came.
#[derive(Clone, Debug, Default)]
struct Taken(Arc<Mutex<BTreeMap<u128, (Bytes, u32)>>>);

impl Transport for Taken {
    async fn send(&self, sending: Sending) -> Answer {
        let delivery = sending.attempt.attempt.delivery.as_uuid().as_u128();
        let mut taken = self.0.lock().unwrap();
        taken.entry(delivery).or_insert((sending.body, 0)).1 += 1;
        Answer::new(Outcome::response(StatusCode::OK))
    }
}

/// The body of a delivery: its number, again and again.
fn body(delivery: u128, length: usize) -> Vec<u8> {
    delivery.to_le_bytes().repeat(length / size_of::<u128>())
}

/// Whether it was taken; an id whose row is quarantined is not.
async fn enqueue(engine: &Engine<SqliteStore>, delivery: u128, length: usize) -> Result<bool, StoreError> {
    let id = DeliveryId::from_u128(delivery);
    let one = NewNotification::new(id, endpoint_id(0), "workout.created", body(delivery, length).into());
    Ok(engine.enqueue(vec![one]).await?.iter().all(Result::is_ok))
}

/// A number of callers at once on a small disk, with less room than they need; then room is made.
async fn crowd_on_a_small_disk(mebibytes: u32, callers: u128, length: usize) {
    let disk = SmallDisk::of(mebibytes).unwrap();
    let store = SqliteStore::open(disk.path().join("webhooks.db")).unwrap();
    let taken = Taken::default();
    let engine =
        Engine::builder(store).poll_interval(Duration::from_millis(100)).start(taken.clone()).await.unwrap();
    engine.put_subscription(&subscription(0, Duration::from_secs(5)).unwrap()).await.unwrap();

    let mut calls = JoinSet::new();
    for delivery in 1..=callers {
        let engine = engine.clone();
        calls.spawn(async move { (delivery, enqueue(&engine, delivery, length).await) });
    }
    let (mut refused, mut others) = (Vec::new(), Vec::new());
    while let Some(called) = calls.join_next().await {
        match called.unwrap() {
            (_, Ok(true)) => {}
            (delivery, Ok(false) | Err(StoreError::Full | StoreError::Busy { .. })) => refused.push(delivery),
            (delivery, Err(error)) => {
                refused.push(delivery);
                others.push(error.to_string());
            }
        }
    }
    assert!(!refused.is_empty(), "a disk of {mebibytes} MiB has room for {callers} bodies of {length} bytes");

    disk.grow(2_048).unwrap();
    for delivery in &refused {
        while let Err(error) = enqueue(&engine, *delivery, length).await {
            assert!(error.is_transient(), "{error:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
    let drained = async {
        while engine.stats().await.is_ok_and(|stats| stats.waiting + stats.in_flight > 0) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(120), drained).await.unwrap();
    let stats = engine.stats().await.unwrap();
    engine.shutdown().await;

    let taken = taken.0.lock().unwrap().clone();
    let missing = (1..=callers).filter(|delivery| !taken.contains_key(delivery)).count();
    let (quarantined, wrong) = (stats.quarantined, others.len());
    println!(
        "{} refused, {wrong} of them not as full; {missing} lost, {quarantined} quarantined",
        refused.len()
    );
    assert_eq!((missing, quarantined, others.first()), (0, 0, None));
    for (delivery, (got, times)) in taken {
        assert!(
            got == body(delivery, length) && times == 1,
            "{delivery} came {times} times, or with another body"
        );
    }
    let all = DeliveryQuery { state: Some(State::Delivered), ..DeliveryQuery::new(10_000) };
    assert_eq!(engine.deliveries(all).await.unwrap().items.len() as u128, callers);
    engine.store().close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_at_once_with_256_kib_each_on_20_mib() {
    crowd_on_a_small_disk(20, 1_000, 256 * 1_024).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_callers_at_once_with_a_mebibyte_each_on_48_mib() {
    crowd_on_a_small_disk(48, 400, 1_024 * 1_024).await;
}
