//! Several workers on one store, with concurrent callers that enqueue.

use core::time::Duration;
use std::collections::BTreeSet;

use gymhook_delivery::{DeliveryId, DeliveryState, End, EndpointId, EndpointRecord, Enqueued};
use gymhook_postgres::enqueue_in;
use gymhook_store::{AttemptOutcome, AttemptRow, Batch, Command, Lease, LeaseRequest, Store, WriteCondition};

use crate::stage::{
    LEASE, NOW, all_of, at, begin, client, dump, endpoint, fresh, held, notification, record, request,
    shared, soon, subscribe,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_lease_disjoint_endpoints() {
    const ENDPOINTS: u128 = 60;
    let store = fresh().await;
    subscribe(&store, &client(&shared()).await, 1..=ENDPOINTS).await;
    let new = (1..=ENDPOINTS).map(|number| notification(number, number)).collect();
    store.enqueue(new, NOW).await.unwrap();
    let mut workers = Vec::new();
    for number in 1..=6 {
        let worker = at(shared(), store.schema().clone()).await;
        workers.push(tokio::spawn(async move {
            let mut leased = Vec::new();
            loop {
                let few = LeaseRequest { limit: 3, ..request(number) };
                let found = worker.lease(few, NOW).await.unwrap();
                if found.is_empty() {
                    return leased;
                }
                assert!(found.len() <= 3);
                leased.extend(found.iter().map(|leased| leased.subscription.id));
            }
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    // A worker that finds the rest locked finds nothing, so the rest may be left over; but nothing is leased twice.
    let distinct: BTreeSet<EndpointId> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len(), "an endpoint was leased again without notice");
    all.extend(store.lease(request(9), NOW).await.unwrap().iter().map(|leased| leased.subscription.id));
    assert_eq!(all.len(), usize::try_from(ENDPOINTS).unwrap());
}

#[tokio::test]
async fn an_endpoint_that_somebody_is_leasing_is_passed_over() {
    let store = fresh().await;
    let mut other = client(&shared()).await;
    subscribe(&store, &other, 1..=2).await;
    store.enqueue(vec![notification(1, 1), notification(2, 2)], NOW).await.unwrap();
    let transaction = other.transaction().await.unwrap();
    let lock = format!("SELECT 1 FROM {}.subscriptions WHERE id = $1 FOR NO KEY UPDATE", store.schema());
    transaction.query(&lock, &[endpoint(1).as_uuid()]).await.unwrap();
    let leased = soon(store.lease(request(1), NOW)).await.unwrap();
    assert_eq!(leased.iter().map(|leased| leased.subscription.id).collect::<Vec<_>>(), [endpoint(2)]);
    transaction.rollback().await.unwrap();
    let leased = store.lease(request(1), NOW).await.unwrap();
    assert_eq!(leased.iter().map(|leased| leased.subscription.id).collect::<Vec<_>>(), [endpoint(1)]);
}

#[tokio::test]
async fn a_late_workers_batch_changes_nothing_at_all() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    store.enqueue(vec![notification(1, 1), notification(2, 1)], NOW).await.unwrap();
    let late = held(&store.lease(request(1), NOW).await.unwrap()[0]);
    let now = NOW + LEASE;
    store.command(vec![(endpoint(1), Command::Enable)], now).await.unwrap();
    let owner = held(&store.lease(request(2), now).await.unwrap()[0]);
    assert!(owner.epoch > late.epoch);

    let records = [record(&store, 1).await, record(&store, 2).await];
    let command = store.fetch(vec![all_of(1)], now).await.unwrap()[0].commands[0].number;
    let before = dump(&client, &store).await;
    let mut batch = begin(late, &records);
    batch.deliveries[1].state = DeliveryState::Finished { at: now, end: End::Delivered };
    batch.endpoints.push(EndpointRecord { failed_in_a_row: 7, ..EndpointRecord::new(endpoint(1)) });
    batch.attempts.push((
        endpoint(1),
        AttemptRow {
            delivery: records[1].id,
            sequence: records[1].sequence,
            send: 1,
            round: records[1].round,
            number: 1,
            began: Some(now),
            ended: now,
            outcome: AttemptOutcome::Response,
            status: Some(200),
            captured: None,
            detail: None,
        },
    ));
    batch.commands.push((endpoint(1), command));
    batch.renew.push(late);
    batch.lease_length = LEASE;
    batch.release.push(endpoint(1));
    let committed = store.commit(batch, now).await.unwrap();
    assert_eq!(committed.lost, [endpoint(1)]);
    assert_eq!(committed.notifications, []);
    assert_eq!(dump(&client, &store).await, before);
}

#[tokio::test]
async fn enqueueing_waits_for_no_worker() {
    let store = fresh().await;
    let mut other = client(&shared()).await;
    subscribe(&store, &other, 1..=1).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    // As a commit that hangs after it has written everything.
    let transaction = other.transaction().await.unwrap();
    for sql in [
        "SELECT 1 FROM gymhook.subscriptions FOR NO KEY UPDATE",
        "UPDATE gymhook.subscriptions SET lease_until = 0, record = record",
        "UPDATE gymhook.deliveries SET state = 1",
        "DELETE FROM gymhook.commands",
    ] {
        let sql = sql.replace("gymhook.", &format!("{}.", store.schema()));
        transaction.execute(&sql, &[]).await.unwrap();
    }
    let new = vec![notification(2, 1), notification(1, 1)];
    let enqueued = soon(store.enqueue(new, NOW)).await.unwrap();
    assert_eq!(enqueued[0], Ok(Enqueued::New));
    assert!(matches!(enqueued[1], Ok(Enqueued::Duplicate { .. })), "{enqueued:?}");
    soon(store.command(vec![(endpoint(1), Command::Enable)], NOW)).await.unwrap();
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn a_worker_waits_for_nobody_who_hands_over() {
    let store = fresh().await;
    let mut other = client(&shared()).await;
    subscribe(&store, &other, 1..=1).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    let transaction = other.transaction().await.unwrap();
    let open = enqueue_in(&transaction, store.schema(), &[notification(2, 1)]).await;
    assert_eq!(open, Ok(vec![Ok(Enqueued::New)]));

    let lease = held(&soon(store.lease(request(1), NOW)).await.unwrap()[0]);
    let fetched = soon(store.fetch(vec![all_of(1)], NOW)).await.unwrap();
    assert_eq!(fetched[0].deliveries.len(), 1);
    let batch = Batch {
        endpoints: vec![EndpointRecord::new(endpoint(1))],
        renew: vec![lease],
        lease_length: LEASE,
        ..begin(lease, &fetched[0].deliveries)
    };
    let committed = soon(store.commit(batch, NOW)).await.unwrap();
    assert_eq!((committed.lost.len(), committed.notifications.len()), (0, 1));
    soon(store.put_subscription(crate::stage::subscription(1), WriteCondition::Always, NOW)).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(store.delivery(DeliveryId::from_u128(2)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_over_the_same_endpoints_in_opposite_order_both_end() {
    let store = fresh().await;
    subscribe(&store, &client(&shared()).await, 1..=20).await;
    store.enqueue((1..=20).map(|number| notification(number, number)).collect(), NOW).await.unwrap();
    let leases: Vec<Lease> = store.lease(request(1), NOW).await.unwrap().iter().map(held).collect();
    let batch = |leases: Vec<Lease>| Batch {
        endpoints: leases.iter().map(|lease| EndpointRecord::new(lease.endpoint)).collect(),
        renew: leases.clone(),
        leases,
        lease_length: LEASE,
        ..Batch::default()
    };
    let backwards = leases.iter().rev().copied().collect();
    for _ in 0..20 {
        let (there, back) = soon(async {
            tokio::join!(
                store.commit(batch(leases.clone()), NOW),
                store.commit(batch(Vec::clone(&backwards)), NOW)
            )
        })
        .await;
        assert_eq!((there.unwrap().lost.len(), back.unwrap().lost.len()), (0, 0));
    }
}

#[tokio::test]
async fn a_lease_that_was_given_back_is_free_even_if_the_clock_goes_back() {
    let store = fresh().await;
    subscribe(&store, &client(&shared()).await, 1..=1).await;
    let earlier = NOW - Duration::from_secs(3_600);
    store.enqueue(vec![notification(1, 1)], earlier).await.unwrap();
    let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
    let batch = Batch { leases: vec![lease], release: vec![endpoint(1)], ..Batch::default() };
    store.commit(batch, NOW).await.unwrap();
    assert_eq!(store.lease(request(2), earlier).await.unwrap().len(), 1);
}
