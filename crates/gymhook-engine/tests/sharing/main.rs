//! Workers share the endpoints: one that joins gets its part, nothing is sent twice for that, and one that is alone writes nothing.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scenario;
#[allow(unreachable_pub, reason = "shared with test files whose root it is in")]
#[path = "../scripted/mod.rs"]
mod scripted;

use core::time::Duration;

use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::{NewNotification, SqliteStore, State, Store, StoreError, WorkerId};
use gymhook_engine::{Direction, Engine, HandlerTransport, Inbox, InboxItem};
use scripted::{Reply, Scripted, accepted, delivery, endpoint, notification, policy, subscription, until};

fn open(folder: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(folder.path().join("webhooks.db")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_gets_its_share_and_who_leaves_leaves_it() {
    let folder = tempfile::tempdir().unwrap();
    scenario::who_joins_gets_its_share_and_who_leaves_leaves_it(open(&folder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_costs_no_attempt() {
    let folder = tempfile::tempdir().unwrap();
    scenario::a_store_that_fails_costs_no_attempt(open(&folder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_is_gone_takes_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    scenario::who_asks_and_is_gone_takes_nothing_away(open(&folder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_read_subscriptions_asks_no_more() {
    let folder = tempfile::tempdir().unwrap();
    scenario::who_cannot_read_subscriptions_asks_no_more(open(&folder)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leases_little_at_a_time_gets_its_share_as_well() {
    let folder = tempfile::tempdir().unwrap();
    scenario::who_leases_little_at_a_time_gets_its_share_as_well(open(&folder)).await;
}

/// A gateway has two workers on one store, which share nothing: neither is written for because of the other.
#[tokio::test]
async fn who_is_alone_in_its_direction_announces_nothing() {
    const POLL: Duration = Duration::from_millis(20);
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let sending = FaultyStore::new(store.clone());
    let never = Scripted::new(|sending| match sending.attempt.attempt.delivery {
        id if id == delivery(1) => Reply::Never,
        _ => accepted(),
    });
    let sender = Engine::builder(sending.clone())
        .poll_interval(POLL)
        .shutdown_grace(Duration::ZERO)
        .start(never.clone())
        .await
        .unwrap();
    let handling = FaultyStore::new(store.clone());
    let handler = HandlerTransport::new(|_: InboxItem| core::future::pending());
    let builder = Engine::builder(handling.clone()).poll_interval(POLL).shutdown_grace(Duration::ZERO);
    let inbox =
        Inbox::open(builder.start(handler).await.unwrap(), endpoint(2), "front desk", Inbox::policy());
    let inbox = inbox.await.unwrap();

    // Both hold a lease from here on.
    sender.put_subscription(&subscription(1, policy())).await.unwrap();
    sender.enqueue(vec![notification(1, 1)]).await.unwrap();
    let came_in = NewNotification::new(delivery(2), endpoint(2), "CUSTOMER_CHECKIN", "{}".into());
    inbox.engine().enqueue(vec![came_in]).await.unwrap();
    for id in [1, 2] {
        until("it is in flight", || async {
            store.delivery(delivery(id)).await.unwrap().unwrap().state == State::InFlight
        })
        .await;
    }
    let looks = |store: &FaultyStore<SqliteStore>| store.reached(Operation::OtherWorkers, When::After);
    let then = (looks(&sending) + 10, looks(&handling) + 10);
    until("both have looked", || async { looks(&sending) >= then.0 && looks(&handling) >= then.1 }).await;
    for faulty in [&sending, &handling] {
        assert_eq!(faulty.reached(Operation::Announce, When::Before), 0);
    }
    sender.shutdown().await;
    inbox.engine().shutdown().await;
    assert_eq!(sending.reached(Operation::Announce, When::Before), 0, "nor does it withdraw anything");
}

/// Else those that stay would reckon with it for five polls, which may be long.
#[tokio::test]
async fn who_leaves_withdraws_what_it_announced() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let faulty = FaultyStore::new(store.clone());
    let start = async || {
        let builder = Engine::builder(faulty.clone()).poll_interval(HOUR).shutdown_grace(Duration::ZERO);
        builder.start(Scripted::new(|_| Reply::Never)).await.unwrap()
    };
    let stays = start().await;
    stays.put_subscription(&subscription(1, policy())).await.unwrap();
    let _new = stays.enqueue(vec![notification(1, 1)]).await.unwrap();
    until("it is in flight", || async {
        store.delivery(delivery(1)).await.unwrap().unwrap().state == State::InFlight
    })
    .await;
    let heard = async || {
        let now = store.now().await.unwrap();
        let nobody = WorkerId::new(uuid::Uuid::nil());
        store.other_workers(nobody, Direction::Outgoing, now).await.unwrap().announcements
    };
    let leaves = start().await;
    until("it has asked for more", || async { heard().await.iter().any(|other| other.wants_more) }).await;
    // It says so again if the first word does not arrive.
    let gone = StoreError::Unavailable { problem: "a moment".to_owned() };
    faulty.fail_next(Operation::Announce, When::Before, gone);
    leaves.shutdown().await;
    assert_eq!(heard().await, []);
    stays.shutdown().await;
}
