//! Enqueueing something with what follows from it, while any of the disk's calls fails: all of it is there, or nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId, EndpointRecord};
use gymhook_disk_tests::vfs::{self, Call, Disk, Error, Fault, Lasts};
use gymhook_engine::store::{
    Enqueued, NewNotification, SqliteStore, State, Store, SubscriptionRow, TargetColumns, WriteCondition,
};
use time::UtcDateTime;

const NOW: UtcDateTime = UtcDateTime::UNIX_EPOCH;
const FOLLOW_UPS: [u128; 2] = [11, 12];

fn endpoint(number: u128) -> SubscriptionRow {
    SubscriptionRow {
        id: EndpointId::from_u128(number),
        gym: "berlin-mitte".to_owned(),
        platform: "point".to_owned(),
        target: TargetColumns::Http { url: "https://receiver.example".to_owned(), secrets: Vec::new() },
        settings: "{}".to_owned(),
        record: EndpointRecord::new(EndpointId::from_u128(number)),
        deleted_at: None,
    }
}

/// Bodies of several pages, so that a transaction writes many.
fn new(number: u128, to: u128) -> NewNotification {
    let body = Bytes::from(vec![u8::try_from(number).unwrap(); 20_000]);
    NewNotification::new(DeliveryId::from_u128(number), EndpointId::from_u128(to), "workout.created", body)
}

async fn state(store: &SqliteStore, number: u128) -> Option<State> {
    store.delivery(DeliveryId::from_u128(number)).await.unwrap().map(|row| row.state)
}

/// Whether all of it is there; it panics if a part is.
async fn is_there(store: &SqliteStore, context: &str) -> bool {
    let item = state(store, 1).await;
    let follow_ups = [state(store, FOLLOW_UPS[0]).await, state(store, FOLLOW_UPS[1]).await];
    match item {
        None => assert_eq!(follow_ups, [None, None], "{context}: what follows from nothing"),
        Some(state) => {
            assert_eq!(state, State::Delivered, "{context}");
            assert_eq!(follow_ups, [Some(State::Waiting); 2], "{context}: what follows is missing");
        }
    }
    item.is_some()
}

/// Enqueues it with this fault armed, and again when it is healed. Returns whether the fault struck.
async fn enqueue_with(fault: Fault) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let disk = Disk::under(folder.path()).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    for number in [1, 2] {
        assert!(store.put_subscription(endpoint(number), WriteCondition::New, NOW).await.unwrap());
    }
    let item = new(1, 1).with_follow_ups(FOLLOW_UPS.map(|number| new(number, 2)).to_vec());
    let context = fault.to_string();
    disk.arm(fault);
    let told = store.enqueue(vec![item.clone()], NOW).await;
    let struck = disk.hits() > 0;
    disk.heal();
    // As another process sees it.
    let was_there = is_there(&SqliteStore::open(&path).unwrap(), &context).await;
    assert!(was_there || told.is_err(), "{context}: it was acknowledged");
    assert!(struck || told.is_ok(), "{context}: {told:?}");
    let again = store.enqueue(vec![item], NOW).await.unwrap();
    let is_duplicate = matches!(again[..], [Ok(Enqueued::Duplicate { .. })]);
    assert!(again[0].is_ok() && is_duplicate == was_there, "{context}: {again:?}");
    assert!(is_there(&store, &context).await, "{context}");
    struck
}

#[tokio::test]
async fn a_fault_of_any_call_leaves_all_of_it_or_nothing() {
    // So that statements fail, too, and not commits alone.
    vfs::leave_little_memory().unwrap();
    let mut struck = 0;
    for call in Call::ALL {
        for error in Error::of(call) {
            for nth in 1.. {
                if !enqueue_with(Fault { call, nth, error: *error, lasts: Lasts::Once }).await {
                    break;
                }
                struck += 1;
            }
        }
    }
    println!("{struck} faults");
    assert!(struck > 20, "only {struck} calls failed");
}
