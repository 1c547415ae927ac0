//! Calls that enqueue at the same time share a transaction, and each is told what came of its own.

use bytes::Bytes;
use gymhook_postgres::tokio_postgres::{Client, NoTls};
use gymhook_postgres::{PostgresOptions, PostgresStore, enqueue_in};
use gymhook_store::{
    DeliveryId, Enqueued, NewNotification, Refused, RepeatCheck, Store, StoreError, WriteCondition,
};
use time::Duration;
use tokio::task::JoinHandle;

use crate::stage::{NOW, client, endpoint, execute, fresh, notification, shared, subscription};

type Told = Result<Vec<Result<Enqueued, Refused>>, StoreError>;

/// Waits until this many of a store's statements wait for a lock.
async fn until_locked_out(client: &Client, store: &PostgresStore, count: i64) {
    let sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass";
    let table = format!("{}.notifications", store.schema());
    while client.query_one(sql, &[&table]).await.unwrap().get::<_, i64>(0) < count {
        tokio::time::sleep(core::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_callers_share_a_few_commits_and_each_gets_its_own_answer() {
    let store = fresh().await;
    store.put_subscription(subscription(1), WriteCondition::Always, NOW).await.unwrap();
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    let client = client(&shared()).await;
    execute(&client, &store, "BEGIN; LOCK TABLE gymhook.notifications IN SHARE MODE").await;
    let call = |number: u128| -> JoinHandle<Told> {
        let store = store.clone();
        // New ones, a duplicate, a conflict, and one for nobody, each in a call with a time of its own.
        let new = match number {
            10 => vec![notification(1, 1)],
            20 => vec![notification(20, 9), notification(1_020, 1)],
            30 => vec![NewNotification { body: Bytes::from_static(b"another"), ..notification(1, 1) }],
            _ => vec![notification(number, 1)],
        };
        let now = NOW + Duration::seconds(i64::try_from(number).unwrap());
        tokio::spawn(async move { store.enqueue(new, now).await })
    };
    let calls: Vec<_> = (2..102).map(call).collect();
    until_locked_out(&client, &store, 2).await;
    // Whoever was not among the first waits in the store, and not for the lock.
    tokio::time::sleep(core::time::Duration::from_millis(200)).await;
    execute(&client, &store, "COMMIT").await;
    for (number, call) in (2..).zip(calls) {
        let told = call.await.unwrap().unwrap();
        match (number, &told[..]) {
            (10, [Ok(Enqueued::Duplicate { .. })]) => {}
            (20, [Err(Refused::UnknownEndpoint { endpoint: unknown }), Ok(Enqueued::New)]) => {
                assert_eq!(*unknown, endpoint(9));
            }
            (30, [Err(Refused::Conflict { delivery })]) => assert_eq!(*delivery, DeliveryId::from_u128(1)),
            (_, [Ok(Enqueued::New)]) if ![10, 20, 30].contains(&number) => {}
            (_, told) => panic!("call {number}: {told:?}"),
        }
    }
    let sql = format!(
        "SELECT count(*), count(DISTINCT xmin::text), count(DISTINCT enqueued_at) FROM {}.notifications WHERE seq > 1",
        store.schema()
    );
    let row = client.query_one(&sql, &[]).await.unwrap();
    let (rows, commits, times): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!(rows, 98);
    assert_eq!(times, 98, "each has the time of its call");
    assert!(commits <= 10, "{commits} transactions");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_server_refuses_harms_none_of_the_others() {
    let store = fresh().await;
    store.put_subscription(subscription(1), WriteCondition::Always, NOW).await.unwrap();
    let client = client(&shared()).await;
    execute(
        &client,
        &store,
        "CREATE FUNCTION gymhook.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.event_type = 'refused' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON gymhook.notifications FOR EACH ROW EXECUTE FUNCTION gymhook.refuse();
         BEGIN; LOCK TABLE gymhook.notifications IN SHARE MODE",
    )
    .await;
    let call = |number: u128| -> JoinHandle<Told> {
        let store = store.clone();
        let mut new = notification(number, 1);
        if number == 25 {
            new.event_type = "refused".to_owned();
        }
        tokio::spawn(async move { store.enqueue(vec![new], NOW).await })
    };
    let calls: Vec<_> = (1..=50).map(call).collect();
    until_locked_out(&client, &store, 2).await;
    execute(&client, &store, "COMMIT").await;
    for (number, call) in (1..).zip(calls) {
        match (number, call.await.unwrap()) {
            (25, Err(StoreError::Invalid { problem })) => {
                assert!(problem.contains("not this one"), "{problem}")
            }
            (_, Ok(told)) if number != 25 => assert_eq!(told, [Ok(Enqueued::New)]),
            (_, told) => panic!("call {number}: {told:?}"),
        }
    }
}

/// Whoever enqueues what another transaction has not yet committed waits for that one, and nobody else does.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_waits_for_a_lock_holds_up_none_of_those_that_come_later() {
    let store = fresh().await;
    store.put_subscription(subscription(1), WriteCondition::Always, NOW).await.unwrap();
    let mut client = client(&shared()).await;
    let outbox = client.transaction().await.unwrap();
    let held: Vec<_> = (1..=2).map(|number| notification(number, 1)).collect();
    enqueue_in(&outbox, store.schema(), &held).await.unwrap();
    let mut waiting = Vec::new();
    for new in held {
        let store = store.clone();
        waiting.push(tokio::spawn(async move { store.enqueue(vec![new], NOW).await }));
        tokio::time::sleep(core::time::Duration::from_millis(50)).await;
    }
    for number in 3..=20 {
        let told = store.enqueue(vec![notification(number, 1)], NOW).await;
        assert_eq!(told, Ok(vec![Ok(Enqueued::New)]), "{number}");
    }
    assert!(waiting.iter().all(|call| !call.is_finished()), "they wait for the transaction");
    outbox.commit().await.unwrap();
    for call in waiting {
        assert!(matches!(call.await.unwrap().unwrap()[..], [Ok(Enqueued::Duplicate { .. })]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_written_by_as_many_as_there_are_connections_for_callers() {
    let first = fresh().await;
    first.put_subscription(subscription(1), WriteCondition::Always, NOW).await.unwrap();
    let options = PostgresOptions::new().with_schema(first.schema().clone()).with_connections(5);
    let store = PostgresStore::connect_with(shared(), NoTls, options).await.unwrap();
    let client = client(&shared()).await;
    execute(&client, &store, "BEGIN; LOCK TABLE gymhook.notifications IN SHARE MODE").await;
    let call = |number: u128| -> JoinHandle<Told> {
        let store = store.clone();
        // What came in and what goes out, which have statements of their own.
        let mut new = notification(number, 1);
        if number.is_multiple_of(3) {
            let fingerprint =
                [u8::try_from(number % 256).unwrap(), u8::try_from(number / 256).unwrap()].repeat(16);
            new.repeat_check = Some(RepeatCheck {
                fingerprint: fingerprint.try_into().unwrap(),
                window: core::time::Duration::from_secs(60),
            });
        }
        tokio::spawn(async move { store.enqueue(vec![new], NOW).await })
    };
    let calls: Vec<_> = (1..=900).map(call).collect();
    until_locked_out(&client, &store, 4).await;
    execute(&client, &store, "COMMIT").await;
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(vec![Ok(Enqueued::New)]));
    }
}

/// What waits there has nobody to write it any more; what waits elsewhere is told so.
#[test]
fn a_runtime_that_shuts_down_leaves_nobody_waiting() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let keeper = tokio::runtime::Runtime::new().unwrap();
    let (client, store) = keeper.block_on(async {
        let first = fresh().await;
        first.put_subscription(subscription(1), WriteCondition::Always, NOW).await.unwrap();
        // One is for workers.
        let options = PostgresOptions::new().with_schema(first.schema().clone()).with_connections(3);
        let store = PostgresStore::connect_with(shared(), NoTls, options).await.unwrap();
        (client(&shared()).await, store)
    });
    keeper.block_on(execute(&client, &store, "BEGIN; LOCK TABLE gymhook.notifications IN SHARE MODE"));
    for number in 1..=50 {
        let store = store.clone();
        runtime.spawn(async move { store.enqueue(vec![notification(number, 1)], NOW).await });
    }
    keeper.block_on(until_locked_out(&client, &store, 2));
    // All connections are taken, and so are the places of those that write: it waits for them.
    let elsewhere = store.clone();
    let waiting = keeper.spawn(async move { elsewhere.enqueue(vec![notification(52, 1)], NOW).await });
    keeper.block_on(async { tokio::time::sleep(core::time::Duration::from_millis(500)).await });
    drop(runtime);
    keeper.block_on(async {
        let told = waiting.await.unwrap();
        assert!(
            matches!(&told, Err(StoreError::Unavailable { problem }) if problem.contains("is gone")),
            "{told:?}"
        );
        execute(&client, &store, "COMMIT").await;
        let told = store.enqueue(vec![notification(51, 1)], NOW).await;
        assert_eq!(told, Ok(vec![Ok(Enqueued::New)]), "another runtime goes on");
    });
}
