//! Hearing of new work.

use core::time::Duration;

use gymhook_delivery::Enqueued;
use gymhook_postgres::PostgresStore;
use gymhook_postgres::enqueue_in;
use gymhook_store::{Command, Redelivery, Store, WriteCondition};

use crate::stage::{NOW, at, client, endpoint, fresh, notification, shared, soon, subscribe, subscription};

/// A worker in another process, which listens already.
async fn listener(store: &PostgresStore) -> PostgresStore {
    let worker = at(shared(), store.schema().clone()).await;
    assert_eq!(soon(worker.work_arrived()).await, [], "what came before it listened is not known");
    worker
}

#[tokio::test]
async fn whoever_leaves_work_wakes_the_others() {
    let store = fresh().await;
    let mut client = client(&shared()).await;
    subscribe(&store, &client, 1..=3).await;
    let worker = listener(&store).await;

    store.enqueue(vec![notification(1, 2), notification(2, 1), notification(3, 2)], NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(1), endpoint(2)]);

    let transaction = client.transaction().await.unwrap();
    let enqueued = enqueue_in(&transaction, store.schema(), &[notification(4, 3)]).await;
    assert_eq!(enqueued, Ok(vec![Ok(Enqueued::New)]));
    let woken = tokio::time::timeout(Duration::from_millis(100), worker.work_arrived()).await;
    assert!(woken.is_err(), "it woke before the commit: {woken:?}");
    transaction.commit().await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(3)]);

    store.command(vec![(endpoint(2), Command::Enable)], NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(2)]);
    store.put_subscription(subscription(1), WriteCondition::Always, NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(1)]);
    let which = Redelivery { endpoint: endpoint(3), from: NOW, until: None, undeliverable_only: false };
    store.redeliver(which, NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(3)]);
}

#[tokio::test]
async fn work_in_another_schema_wakes_nobody_here() {
    let (store, other) = (fresh().await, fresh().await);
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    subscribe(&other, &client, 2..=2).await;
    let worker = listener(&store).await;
    other.enqueue(vec![notification(1, 2)], NOW).await.unwrap();
    store.enqueue(vec![notification(2, 1)], NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(1)]);
}

#[tokio::test]
async fn after_the_connection_was_cut_anything_may_have_been_missed() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    let worker = listener(&store).await;
    let cut = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN \"{}_work\"'",
        store.schema()
    );
    assert_eq!(client.query(&cut, &[]).await.unwrap().len(), 1);
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, []);
    store.enqueue(vec![notification(2, 1)], NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(1)], "it listens again");
}

#[tokio::test]
async fn a_call_that_was_given_up_loses_no_news() {
    let store = fresh().await;
    subscribe(&store, &client(&shared()).await, 1..=1).await;
    let worker = listener(&store).await;
    for number in 1..=5 {
        let given_up = tokio::time::timeout(Duration::from_millis(20), worker.work_arrived()).await;
        assert!(given_up.is_err());
        store.enqueue(vec![notification(number, 1)], NOW).await.unwrap();
        assert_eq!(soon(worker.work_arrived()).await, [endpoint(1)]);
    }
}
