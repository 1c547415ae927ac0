//! The store in memory, and the one that fails on request, pass the suite that every store has to pass.

use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use gymhook_delivery::EndpointRecord;
use gymhook_store::Direction;
use gymhook_store::testing::faulty::{FaultyStore, Operation, When};
use gymhook_store::testing::memory::MemoryStore;
use gymhook_store::testing::suite::Harness;
use gymhook_store::{
    Announcement, ApiKeyRotation, Batch, Command, DeleteCondition, Enqueued, Journal, JournalQuery,
    LeaseRequest, NewNotification, Redelivery, StatsQuery, Store, StoreError, SubscriptionRow, TargetColumns,
    WorkerId, WriteCondition,
};
use gymhook_store::{DeliveryId, EndpointId};
use time::UtcDateTime;
use time::macros::utc_datetime;

const START: UtcDateTime = utc_datetime!(2026-01-01 12:00:00.000_001);
const ENDPOINT: EndpointId = EndpointId::from_u128(1);

struct InMemory;

impl Harness for InMemory {
    type Store = MemoryStore;

    async fn open(&self) -> MemoryStore {
        MemoryStore::new(START)
    }

    async fn damage_delivery(&self, store: &MemoryStore, id: DeliveryId) -> bool {
        store.damage_delivery(id)
    }

    async fn damage_body(&self, store: &MemoryStore, id: DeliveryId) -> bool {
        store.damage_body(id)
    }

    async fn lose_body(&self, store: &MemoryStore, id: DeliveryId) -> bool {
        store.lose_body(id)
    }

    async fn set_now(&self, store: &MemoryStore, now: UtcDateTime) -> bool {
        store.set_now(now);
        true
    }
}

/// As a store with a clock of its own is tried: the suite waits.
struct OnTheSystemsClock;

impl Harness for OnTheSystemsClock {
    type Store = MemoryStore;

    async fn open(&self) -> MemoryStore {
        MemoryStore::default()
    }
}

/// Without a fault it is the store inside.
struct Faultless;

impl Harness for Faultless {
    type Store = FaultyStore<MemoryStore>;

    async fn open(&self) -> Self::Store {
        FaultyStore::new(MemoryStore::new(START))
    }

    async fn damage_delivery(&self, store: &Self::Store, id: DeliveryId) -> bool {
        store.inner().damage_delivery(id)
    }

    async fn damage_body(&self, store: &Self::Store, id: DeliveryId) -> bool {
        store.inner().damage_body(id)
    }

    async fn lose_body(&self, store: &Self::Store, id: DeliveryId) -> bool {
        store.inner().lose_body(id)
    }

    async fn set_now(&self, store: &Self::Store, now: UtcDateTime) -> bool {
        store.inner().set_now(now);
        true
    }
}

mod memory {
    use super::InMemory;

    gymhook_store::store_suite!(InMemory);
}

mod system_clock {
    use super::OnTheSystemsClock;

    gymhook_store::store_suite!(OnTheSystemsClock);
}

mod faultless {
    use super::Faultless;

    gymhook_store::store_suite!(Faultless);
}

fn subscription() -> SubscriptionRow {
    SubscriptionRow {
        id: ENDPOINT,
        target: TargetColumns::Http { url: "https://receiver.example/hooks".to_owned(), secrets: Vec::new() },
        gym: "berlin-mitte".to_owned(),
        platform: "point".to_owned(),
        settings: "{}".to_owned(),
        record: EndpointRecord::new(ENDPOINT),
        deleted_at: None,
    }
}

fn notification(number: u128) -> NewNotification {
    NewNotification::new(DeliveryId::from_u128(number), ENDPOINT, "workout.created", Bytes::new())
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { problem: "wanted".to_owned() }
}

async fn with_subscription() -> FaultyStore<MemoryStore> {
    let store = FaultyStore::new(MemoryStore::new(START));
    assert_eq!(store.put_subscription(subscription(), WriteCondition::Always, START).await, Ok(true));
    store
}

/// Whether something never arrives: long enough for what is already there, and for what another task does.
async fn waits(store: &MemoryStore) -> bool {
    tokio::time::timeout(Duration::from_millis(20), store.work_arrived()).await.is_err()
}

#[tokio::test]
async fn work_wakes_every_other_clone() {
    let store = MemoryStore::new(START);
    let (one, two) = (store.clone(), store.clone());
    assert!(waits(&one).await);
    store.put_subscription(subscription(), WriteCondition::Always, START).await.unwrap();
    assert!(!waits(&one).await);
    assert!(waits(&one).await, "it was told");

    let waiting = tokio::spawn(async move { one.work_arrived().await });
    tokio::task::yield_now().await;
    store.enqueue(vec![notification(1)], START).await.unwrap();
    assert_eq!(waiting.await.unwrap(), [ENDPOINT]);
    assert!(!waits(&two).await, "what came while it did not look is not missed");
    store.command(vec![(ENDPOINT, Command::Enable)], START).await.unwrap();
    assert!(!waits(&two).await);
    let which = Redelivery { endpoint: ENDPOINT, from: START, until: None, undeliverable_only: true };
    store.redeliver(which, START).await.unwrap();
    assert!(!waits(&two).await);
    assert!(waits(&two).await);
    let request = LeaseRequest {
        worker: WorkerId::new(uuid::Uuid::nil()),
        direction: Direction::Outgoing,
        length: Duration::MAX,
        limit: 1,
        only: None,
    };
    assert_eq!(store.lease(request, START).await.unwrap().len(), 1);
    store.commit(Batch::default(), START).await.unwrap();
    assert!(waits(&two).await, "a worker's own doing is no news");
}

#[tokio::test]
async fn a_clock_that_is_set_stands() {
    let store = MemoryStore::new(START);
    assert_eq!(store.now().await, Ok(START));
    store.clone().set_now(START - Duration::from_secs(60));
    assert_eq!(store.now().await, Ok(START - Duration::from_secs(60)));
    assert!(MemoryStore::with_system_clock().now().await.unwrap() > START);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_damaged() {
    let store = MemoryStore::new(START);
    assert!(!store.damage_delivery(DeliveryId::from_u128(1)));
    assert!(!store.damage_body(DeliveryId::from_u128(1)));
}

#[tokio::test]
async fn a_fault_before_a_call_keeps_it_from_being_made() {
    let store = with_subscription().await;
    store.fail_next(Operation::Enqueue, When::Before, unavailable());
    assert_eq!(store.enqueue(vec![notification(1)], START).await, Err(unavailable()));
    assert_eq!(store.delivery(notification(1).id).await, Ok(None));
    assert_eq!(store.enqueue(vec![notification(1)], START).await, Ok(vec![Ok(Enqueued::New)]));
}

#[tokio::test]
async fn a_fault_after_a_call_loses_only_its_answer() {
    let store = with_subscription().await;
    store.fail_next(Operation::Enqueue, When::After, unavailable());
    assert_eq!(store.enqueue(vec![notification(1)], START).await, Err(unavailable()));
    assert!(store.delivery(notification(1).id).await.unwrap().is_some());
}

#[tokio::test]
async fn faults_meet_their_operation_and_side_in_the_order_of_asking() {
    let store = with_subscription().await;
    store.fail_next(Operation::Stats, When::Before, StoreError::Full);
    store.fail_next(Operation::Stats, When::Before, StoreError::Closed);
    store.fail_next(Operation::Stats, When::After, unavailable());
    assert_eq!(
        store.api_keys(gymhook_store::ApiKeyQuery::new(9)).await.map(|page| page.items),
        Ok(Vec::new())
    );
    let clone = store.clone();
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(clone.stats(StatsQuery::new(), START).await.err());
    }
    assert_eq!(answers, [Some(StoreError::Full), Some(StoreError::Closed), Some(unavailable()), None]);
    assert_eq!(store.reached(Operation::Stats, When::Before), 4);
    assert_eq!(store.reached(Operation::Stats, When::After), 2);
}

#[tokio::test]
async fn every_third_call_fails() {
    let store = with_subscription().await;
    store.fail_every(Operation::Now, When::After, NonZeroU32::new(3).unwrap(), StoreError::Full);
    let mut failed = Vec::new();
    for call in 1..=9 {
        if store.now().await.is_err() {
            failed.push(call);
        }
    }
    assert_eq!(failed, [3, 6, 9]);
    store.heal();
    for _ in 0..9 {
        assert_eq!(store.now().await, Ok(START));
    }
}

#[tokio::test]
async fn a_seed_fails_the_same_calls_again() {
    let play = async |seed| {
        let store = with_subscription().await;
        store.fail_at_random(seed, NonZeroU32::new(4).unwrap());
        let mut answers = Vec::new();
        for _ in 0..400 {
            answers.push(store.now().await);
        }
        answers
    };
    let answers = play(7).await;
    assert_eq!(answers, play(7).await);
    assert_ne!(answers, play(8).await);
    // Each call passes two points, of which one in four fails: 7 of 16 calls, 175 of 400, give or take six deviations.
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    assert!((116..=234).contains(&failed), "{failed} of 400");
    let sides = [When::Before, When::After].map(|when| {
        let problem = format!("a fault at random, {} now", when.as_str());
        answers
            .iter()
            .filter(|answer| **answer == Err(StoreError::Unavailable { problem: problem.clone() }))
            .count()
    });
    assert!(sides.iter().all(|count| *count > 0), "{sides:?}");
}

#[tokio::test]
async fn a_watcher_sees_a_point_before_it_fails_and_may_ask_for_faults() {
    let store = with_subscription().await;
    let seen = Arc::new(AtomicU32::new(0));
    let (count, faults) = (Arc::clone(&seen), store.clone());
    store.on(Operation::Enqueue, When::After, move || {
        count.fetch_add(1, Ordering::SeqCst);
        faults.fail_next(Operation::Enqueue, When::After, StoreError::Full);
    });
    assert_eq!(store.enqueue(vec![notification(1)], START).await, Err(StoreError::Full));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    store.heal();
    store.fail_next(Operation::Enqueue, When::Before, unavailable());
    assert_eq!(store.enqueue(vec![notification(1)], START).await, Err(unavailable()));
    assert_eq!(seen.load(Ordering::SeqCst), 1, "the call did not get there");
}

#[tokio::test]
async fn work_that_arrives_is_watched_and_not_lost() {
    let store = with_subscription().await;
    store.fail_every(Operation::WorkArrived, When::After, NonZeroU32::MIN, StoreError::Full);
    assert_eq!(store.work_arrived().await, [ENDPOINT]);
    assert_eq!(store.reached(Operation::WorkArrived, When::After), 1);
}

/// Calls an operation once.
async fn call(store: &FaultyStore<MemoryStore>, operation: Operation) -> Result<(), StoreError> {
    let id = DeliveryId::from_u128(1);
    let key = gymhook_store::ApiKeyRow {
        id: uuid::Uuid::nil(),
        digest: [0; 32],
        owner: gymhook_store::ApiKeyOwner::All,
        label: "front desk".to_owned(),
        rights: gymhook_store::ApiKeyRights::Read,
        issued_at: START,
        revoked_at: None,
    };
    let request = LeaseRequest {
        worker: WorkerId::new(uuid::Uuid::nil()),
        direction: Direction::Outgoing,
        length: Duration::from_secs(1),
        limit: 1,
        only: None,
    };
    let which = Redelivery { endpoint: ENDPOINT, from: START, until: None, undeliverable_only: true };
    let subscriptions = gymhook_store::SubscriptionQuery::new(1);
    let deliveries = gymhook_store::DeliveryQuery::new(1);
    let rotation = ApiKeyRotation {
        old: uuid::Uuid::nil(),
        old_ends: START,
        id: uuid::Uuid::from_u128(1),
        digest: [1; 32],
        issued_at: START,
    };
    let announcement = Announcement {
        worker: request.worker,
        direction: request.direction,
        endpoints: 1,
        wants_more: false,
        looked_at: START,
        counts_until: START,
    };
    match operation {
        Operation::Now => store.now().await.map(drop),
        Operation::PutSubscription => {
            store.put_subscription(subscription(), WriteCondition::Always, START).await.map(drop)
        }
        Operation::Subscription => store.subscription(ENDPOINT).await.map(drop),
        Operation::Subscriptions => store.subscriptions(subscriptions).await.map(drop),
        Operation::DeleteSubscription => {
            store.delete_subscription(ENDPOINT, DeleteCondition::Always, START).await.map(drop)
        }
        Operation::Enqueue => store.enqueue(Vec::new(), START).await.map(drop),
        Operation::Command => store.command(Vec::new(), START).await,
        Operation::Redeliver => store.redeliver(which, START).await.map(drop),
        Operation::Lease => store.lease(request, START).await.map(drop),
        Operation::OtherWorkers => {
            store.other_workers(request.worker, request.direction, START).await.map(drop)
        }
        Operation::Announce => store.announce(announcement, START).await,
        Operation::Commit => store.commit(Batch::default(), START).await.map(drop),
        Operation::Fetch => store.fetch(Vec::new(), START).await.map(drop),
        Operation::TakeOver => store.take_over().await.map(drop),
        Operation::Delivery => store.delivery(id).await.map(drop),
        Operation::Deliveries => store.deliveries(deliveries).await.map(drop),
        Operation::Body => store.body(id).await.map(drop),
        Operation::Attempts => store.attempts(gymhook_store::AttemptQuery::new(id, 9)).await.map(drop),
        Operation::Stats => store.stats(StatsQuery::new(), START).await.map(drop),
        Operation::EndpointStats => store.endpoint_stats(ENDPOINT, START).await.map(drop),
        Operation::Purge => store.purge(START, 1).await.map(drop),
        Operation::ClaimNotices => store.claim_notices(1, Duration::from_secs(1), START).await.map(drop),
        Operation::AcknowledgeNotices => store.acknowledge_notices(Vec::new(), START).await.map(drop),
        Operation::CheckWritable => store.check_writable().await,
        Operation::PutApiKey => store.put_api_key(key).await,
        Operation::RotateApiKey => store.rotate_api_key(rotation).await.map(drop),
        Operation::RevokeApiKey => store.revoke_api_key(uuid::Uuid::nil(), START).await.map(drop),
        Operation::ApiKey => store.api_key(uuid::Uuid::nil()).await.map(drop),
        Operation::ApiKeyByDigest => store.api_key_by_digest([0; 32]).await.map(drop),
        Operation::ApiKeys => store.api_keys(gymhook_store::ApiKeyQuery::new(9)).await.map(drop),
        Operation::AppendToJournal => store.append_to_journal(Journal::Audit, Vec::new(), 1).await,
        Operation::Journal => store.journal(JournalQuery::new(Journal::Audit, 1)).await.map(drop),
        // It has no way to fail.
        Operation::WorkArrived | _ => Ok(()),
    }
}

#[tokio::test]
async fn every_operation_fails_on_both_sides_under_its_own_name() {
    for operation in Operation::ALL.iter().copied() {
        assert_eq!(Operation::from_name(operation.as_str()), Some(operation));
        if operation == Operation::WorkArrived {
            continue;
        }
        for when in When::ALL {
            let store = with_subscription().await;
            store.fail_next(operation, when, unavailable());
            assert_eq!(call(&store, operation).await, Err(unavailable()), "{when:?} {operation:?}");
            assert_eq!(call(&store, operation).await, Ok(()), "{when:?} {operation:?}");
        }
    }
    assert_eq!(Operation::from_name("no-such-thing"), None);
    assert_eq!(When::ALL.map(|when| When::from_name(when.as_str())), When::ALL.map(Some));
}
