//! The server goes away, and comes back.

use core::time::Duration;
use std::collections::BTreeSet;

use gymhook_delivery::{DeliveryId, Enqueued};
use gymhook_postgres::PostgresStore;
use gymhook_store::{Batch, StatsQuery, Store, StoreError};
use gymhook_test_postgres::Server;

use crate::stage::{
    LEASE, NOW, all_of, at, begin, client, endpoint, fresh_at, held, notification, request, soon, subscribe,
};

/// Calls until the server is back.
async fn until_it_answers<T>(mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    soon(async {
        loop {
            match call().await {
                Ok(answer) => return answer,
                Err(problem) => assert!(problem.is_transient(), "{problem:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_server_that_is_stopped_immediately() {
    let server = Server::start().unwrap();
    let store = fresh_at(server.config()).await;
    subscribe(&store, &client(&server.config()).await, 1..=4).await;
    let senders: Vec<_> = (0..4_u128)
        .map(|sender| {
            let store: PostgresStore = store.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 1.. {
                    let new = notification(sender * 1_000_000 + number, sender + 1);
                    match store.enqueue(vec![new], NOW).await {
                        Ok(enqueued) => {
                            assert_eq!(enqueued, [Ok(Enqueued::New)]);
                            acknowledged.push(sender * 1_000_000 + number);
                        }
                        Err(problem) => {
                            assert!(matches!(problem, StoreError::Unavailable { .. }), "{problem:?}");
                            break;
                        }
                    }
                }
                acknowledged
            })
        })
        .collect();
    soon(async {
        while store.stats(StatsQuery::new(), NOW).await.unwrap().waiting < 50 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.stop_immediately().unwrap();
    let mut acknowledged = BTreeSet::new();
    for sender in senders {
        acknowledged.extend(sender.await.unwrap());
    }
    assert!(acknowledged.len() >= 40, "{}", acknowledged.len());
    let away = store.stats(StatsQuery::new(), NOW).await.unwrap_err();
    assert!(matches!(away, StoreError::Unavailable { .. }), "{away:?}");

    server.start_again().unwrap();
    until_it_answers(async || store.stats(StatsQuery::new(), NOW).await).await;
    for number in &acknowledged {
        let there = store.delivery(DeliveryId::from_u128(*number)).await.unwrap();
        assert!(there.is_some_and(|row| row.record.is_some()), "delivery {number} is lost");
    }
    // At most one of each sender was written and not acknowledged.
    let waiting = store.stats(StatsQuery::new(), NOW).await.unwrap().waiting;
    assert!(waiting <= acknowledged.len() as u64 + 4, "{waiting} of {}", acknowledged.len());
}

#[tokio::test]
async fn a_worker_goes_on_after_a_restart_under_its_lease() {
    let server = Server::start().unwrap();
    let store = fresh_at(server.config()).await;
    subscribe(&store, &client(&server.config()).await, 1..=1).await;
    store.enqueue((1..=10).map(|number| notification(number, 1)).collect(), NOW).await.unwrap();
    let worker = at(server.config(), store.schema().clone()).await;
    assert_eq!(soon(worker.work_arrived()).await, []);
    let lease = held(&worker.lease(request(1), NOW).await.unwrap()[0]);
    let deliveries = worker.fetch(vec![all_of(1)], NOW).await.unwrap().remove(0).deliveries;
    let batch = Batch { renew: vec![lease], lease_length: LEASE, ..begin(lease, &deliveries) };

    server.stop_immediately().unwrap();
    let away = worker.commit(batch.clone(), NOW).await.unwrap_err();
    assert!(matches!(away, StoreError::Unavailable { .. }), "{away:?}");
    server.start_again().unwrap();
    let committed = until_it_answers(async || worker.commit(batch.clone(), NOW).await).await;
    assert_eq!((committed.lost.len(), committed.notifications.len()), (0, 10));
    assert_eq!(soon(worker.work_arrived()).await, [], "it listens again, and may have missed something");
    store.enqueue(vec![notification(11, 1)], NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(1)]);
    assert_eq!(worker.stats(StatsQuery::new(), NOW).await.unwrap().in_flight, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_connections_that_are_cut_fail_or_succeed_and_nothing_in_between() {
    let server = Server::start().unwrap();
    let store = fresh_at(server.config()).await;
    let client = client(&server.config()).await;
    subscribe(&store, &client, 1..=1).await;
    let cutting = tokio::spawn(async move {
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gymhook'";
        for _ in 0..60 {
            client.query(cut, &[]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut cuts = 0;
    let mut batch = 0_u128;
    while !cutting.is_finished() {
        batch += 1;
        let new = || (1..=20).map(|number| notification(batch * 100 + number, 1)).collect();
        while let Err(problem) = store.enqueue(new(), NOW).await {
            assert!(matches!(problem, StoreError::Unavailable { .. }), "{problem:?}");
            cuts += 1;
        }
    }
    cutting.await.unwrap();
    assert!(cuts > 0, "no call was cut");
    until_it_answers(async || store.stats(StatsQuery::new(), NOW).await).await;
    assert_eq!(u128::from(store.stats(StatsQuery::new(), NOW).await.unwrap().waiting), batch * 20);
}

#[tokio::test]
async fn a_worker_that_stops_in_the_middle_of_a_commit_holds_nothing_for_long() {
    let server = Server::start().unwrap();
    let store = fresh_at(server.config()).await;
    subscribe(&store, &client(&server.config()).await, 1..=1).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
    let record = crate::stage::record(&store, 1).await;

    // A commit is given up at every step it takes, as by a worker that is shut down.
    for polls in 0.. {
        let mut committing = Box::pin(store.commit(begin(lease, &[record]), NOW));
        let mut left = polls;
        let ended = core::future::poll_fn(|context| {
            use core::task::Poll;
            match committing.as_mut().poll(context) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => {
                    left -= 1;
                    Poll::Pending
                }
            }
        })
        .await;
        drop(committing);
        if let Some(ended) = ended {
            assert_eq!(ended.unwrap().notifications.len(), 1);
            break;
        }
        let committed = soon(store.commit(begin(lease, &[record]), NOW)).await.unwrap();
        assert_eq!((committed.lost.len(), committed.notifications.len()), (0, 1));
    }
    let leased = soon(store.lease(request(2), NOW + LEASE)).await.unwrap();
    assert_eq!(leased[0].in_flight.len(), 1);
}
