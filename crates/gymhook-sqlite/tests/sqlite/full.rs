//! A disk that fills up: whatever was acknowledged is there, whatever was refused is not, and room makes it go on.

use std::collections::BTreeMap;

use gymhook_delivery::{DeliveryRecord, DeliveryState, End, EndpointRecord, Then};
use gymhook_sqlite::SqliteStore;
use gymhook_store::DeliveryId;
use gymhook_store::{
    Batch, Fetch, Lease, LeaseRequest, Store as _, StoreError, StoredNotification, WorkerId,
};

use crate::stage::{Disk, endpoint, notification, subscribe};

const HOUR: core::time::Duration = core::time::Duration::from_secs(3_600);

/// Enqueues each in its own call, all at once.
async fn enqueue_all(store: &SqliteStore, numbers: &[u32], length: usize) -> Vec<Result<(), StoreError>> {
    let now = store.now().await.unwrap();
    let tasks: Vec<_> = numbers
        .iter()
        .map(|&number| {
            let store = store.clone();
            tokio::spawn(async move {
                let enqueued = store.enqueue(vec![notification(number, length)], now).await?;
                assert!(enqueued.iter().all(Result::is_ok), "{enqueued:?}");
                Ok(())
            })
        })
        .collect();
    let mut said = Vec::new();
    for task in tasks {
        said.push(task.await.unwrap());
    }
    said
}

fn rows(store: &SqliteStore, sql: &str) -> u32 {
    let connection = rusqlite::Connection::open(store.path()).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Begins everything, and returns what is to be sent; `None` instead of what was quarantined.
async fn send_all(store: &SqliteStore) -> BTreeMap<DeliveryId, Option<StoredNotification>> {
    let worker = WorkerId::new(uuid::Uuid::from_u128(1));
    let now = store.now().await.unwrap();
    let request = LeaseRequest {
        worker,
        direction: gymhook_store::Direction::Outgoing,
        length: HOUR,
        limit: 9,
        only: None,
    };
    let leased = store.lease(request, now).await.unwrap();
    let lease = Lease { endpoint: endpoint(), epoch: leased[0].epoch };
    let mut sent = BTreeMap::new();
    loop {
        let fetch = Fetch { endpoint: endpoint(), ordered: false, after: None, limit: 50 };
        let fetched = store.fetch(vec![fetch], now + HOUR).await.unwrap();
        let waiting = &fetched[0].deliveries;
        if waiting.is_empty() {
            return sent;
        }
        let state = DeliveryState::InFlight { lost_at: now + HOUR, then: Then::Decide };
        let begun = |record: &DeliveryRecord| DeliveryRecord { sends: 1, state, ..*record };
        let batch = Batch {
            leases: vec![lease],
            deliveries: waiting.iter().map(begun).collect(),
            endpoints: vec![EndpointRecord::new(endpoint())],
            send: waiting.iter().map(|record| record.id).collect(),
            ..Batch::default()
        };
        let committed = store.commit(batch.clone(), now).await.unwrap();
        sent.extend(committed.notifications);
        let state = DeliveryState::Finished { at: now, end: End::Delivered };
        let deliveries = batch.deliveries.iter().map(|record| DeliveryRecord { state, ..*record });
        let ended = Batch { leases: vec![lease], deliveries: deliveries.collect(), ..Batch::default() };
        store.commit(ended, now).await.unwrap();
    }
}

async fn fill_and_make_room(megabytes: u32, count: u32, length: usize) {
    let Some(disk) = Disk::of(megabytes) else {
        // The same with a limit on the file is tested inside the crate, wherever this runs.
        println!("no disk of {megabytes} MB: this process may not mount one");
        return;
    };
    let store = SqliteStore::open(disk.path().join("webhooks.db")).unwrap();
    subscribe(&store).await;

    let mut left: Vec<u32> = (0..count).collect();
    let said = enqueue_all(&store, &left, length).await;
    let acknowledged = said.iter().filter(|said| said.is_ok()).count();
    let refused = said.iter().filter_map(|said| said.as_ref().err());
    let odd: Vec<_> =
        refused.filter(|error| !matches!(error, StoreError::Full | StoreError::Busy { .. })).collect();
    assert!(odd.is_empty(), "{} of {count}: {:?}", odd.len(), odd.first());
    assert!(acknowledged < count as usize, "the disk is too large for this test");
    let kept = rows(&store, "SELECT count(*) FROM gymhook_deliveries");
    assert_eq!(kept as usize, acknowledged, "what was refused left nothing");
    let bodies = rows(&store, "SELECT count(*) FROM gymhook_deliveries JOIN gymhook_bodies USING (seq)");
    assert_eq!(bodies, kept, "each with its body");

    disk.grow(1_024);
    // All at once is more than may wait at one time; so those that were sent away come again.
    while !left.is_empty() {
        let said = enqueue_all(&store, &left, length).await;
        let mut again = Vec::new();
        for (number, said) in left.into_iter().zip(said) {
            match said {
                Ok(()) => {}
                Err(StoreError::Busy { .. }) => again.push(number),
                Err(error) => panic!("{number}: {error}"),
            }
        }
        left = again;
    }
    let sent = send_all(&store).await;
    assert_eq!(sent.len(), count as usize);
    for number in 0..count {
        let expected = notification(number, length);
        let sent = sent[&expected.id].as_ref();
        assert_eq!(sent.map(|sent| &sent.body), Some(&expected.body), "{number} was quarantined");
    }
    let now = store.now().await.unwrap();
    assert_eq!(store.stats(now).await.unwrap().quarantined, 0);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_under_many_callers_loses_nothing() {
    fill_and_make_room(20, 1_000, 256 << 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_with_large_bodies_loses_nothing() {
    fill_and_make_room(48, 400, 1 << 20).await;
}
