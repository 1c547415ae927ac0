//! More calls than the server can serve.

use core::time::Duration;

use gymhook_postgres::tokio_postgres::{Client, NoTls};
use gymhook_postgres::{PostgresOptions, PostgresStore};
use gymhook_store::{
    Enqueued, Journal, NewJournalEntry, NewNotification, Refused, StatsQuery, Store, StoreError,
};
use tokio::task::JoinHandle;

use crate::stage::{NOW, client, fresh, notification, request, shared, soon, subscribe};

type Enqueueing = JoinHandle<Result<Vec<Result<Enqueued, Refused>>, StoreError>>;

fn sized(number: u128, bytes: usize) -> NewNotification {
    NewNotification { body: vec![7; bytes].into(), event_type: String::new(), ..notification(number, 1) }
}

fn enqueue(store: &PostgresStore, new: NewNotification) -> Enqueueing {
    let store = store.clone();
    tokio::spawn(async move { store.enqueue(vec![new], NOW).await })
}

/// A store whose server inserts nothing until the returned transaction is over.
async fn stuck(options: PostgresOptions) -> (PostgresStore, Client) {
    let first = fresh().await;
    let client = client(&shared()).await;
    subscribe(&first, &client, 1..=1).await;
    let lock = format!("BEGIN; LOCK TABLE {}.notifications IN EXCLUSIVE MODE", first.schema());
    client.batch_execute(&lock).await.unwrap();
    let options = options.with_schema(first.schema().clone());
    (PostgresStore::connect_with(shared(), NoTls, options).await.unwrap(), client)
}

fn is_busy(error: &StoreError) -> bool {
    matches!(error, StoreError::Busy { retry_after } if *retry_after >= Duration::from_secs(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_so_many_calls_the_store_is_busy_and_the_worker_goes_on() {
    let options = PostgresOptions::new()
        .with_connections(2)
        .with_queue_calls(10)
        .with_queue_wait(Duration::from_millis(100));
    let (store, client) = stuck(options).await;
    let calls: Vec<Enqueueing> = (1..=40).map(|number| enqueue(&store, sized(number, 10))).collect();
    let (mut busy, mut waiting) = (0, Vec::new());
    soon(async {
        while busy < 30 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            busy = calls.iter().filter(|call| call.is_finished()).count();
        }
    })
    .await;
    // While ten calls wait for the server, the worker's own do not.
    let now = soon(store.now()).await.unwrap();
    assert_eq!(soon(store.lease(request(1), NOW)).await.unwrap().len(), 0);
    soon(store.other_workers(request(2).worker, request(2).direction, now)).await.unwrap();
    soon(store.fetch(vec![crate::stage::all_of(1)], NOW)).await.unwrap();
    assert_eq!(soon(store.check_writable()).await, Ok(()), "it takes writes, and that is what is asked");
    for call in calls {
        if call.is_finished() {
            assert!(is_busy(&call.await.unwrap().unwrap_err()));
        } else {
            waiting.push(call);
        }
    }
    assert_eq!(waiting.len(), 10);
    client.batch_execute("ROLLBACK").await.unwrap();
    for call in waiting {
        assert_eq!(soon(call).await.unwrap(), Ok(vec![Ok(Enqueued::New)]));
    }
    assert_eq!(
        store.stats(StatsQuery::new(), NOW).await.unwrap().waiting,
        10,
        "what was busy was not written"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_so_many_bytes_the_store_is_busy() {
    let options =
        PostgresOptions::new().with_queue_bytes(12 << 10).with_queue_wait(Duration::from_millis(100));
    let (store, client) = stuck(options).await;
    let large = enqueue(&store, sized(1, 8 << 10));
    let waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass";
    let table = format!("{}.notifications", store.schema());
    soon(async {
        while client.query(waits, &[&table]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let text = || "x".repeat(8 << 10);
    let with_type = NewNotification { event_type: text(), ..sized(5, 1) };
    let with_origin = NewNotification { origin: Some(text()), ..sized(6, 1) };
    for new in [sized(2, 8 << 10), with_type, with_origin] {
        assert!(is_busy(&store.enqueue(vec![new], NOW).await.unwrap_err()));
    }
    let ids = vec![uuid::Uuid::nil(); 512];
    assert!(is_busy(&store.acknowledge_notices(ids, NOW).await.unwrap_err()));
    let entry = NewJournalEntry { at: NOW, gym: None, subject: String::new(), text: text() };
    assert!(is_busy(&store.append_to_journal(Journal::Audit, vec![entry], 1).await.unwrap_err()));
    let small = enqueue(&store, sized(3, 1 << 10));
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(soon(large).await.unwrap(), Ok(vec![Ok(Enqueued::New)]));
    assert_eq!(soon(small).await.unwrap(), Ok(vec![Ok(Enqueued::New)]));
    let larger_than_all = store.enqueue(vec![sized(4, 100 << 10)], NOW).await;
    assert_eq!(larger_than_all, Ok(vec![Ok(Enqueued::New)]), "alone");
}

/// A connection that is left in the middle of a call is closed; made anew for each caller that gives up, they take longer than
/// what these call for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_give_up_cost_no_connection() {
    let first = fresh().await;
    let client = client(&shared()).await;
    subscribe(&first, &client, 1..=1).await;
    // One is the worker's: no third call begins, however long the first two take.
    let options = PostgresOptions::new().with_schema(first.schema().clone()).with_connections(3);
    let mut config = shared();
    config.application_name(first.schema().as_str());
    let store = PostgresStore::connect_with(config, NoTls, options).await.unwrap();
    let table = format!("{}.notifications", store.schema());
    client.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE")).await.unwrap();
    let wait = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::text::regclass";
    let mut calls = Vec::new();
    // Two that are under way, and then others, which wait for their turn.
    for number in 1..=9 {
        calls.push(enqueue(&store, sized(number, 10)));
        soon(async {
            let under_way = i64::try_from(number.min(2)).unwrap();
            while client.query_one(wait, &[&table]).await.unwrap().get::<_, i64>(0) < under_way {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let connected = async || -> Vec<i32> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 ORDER BY pid";
        let rows = client.query(sql, &[&store.schema().as_str()]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let before = connected().await;
    for call in calls {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    soon(async {
        // Those that had begun are brought to their end, and the others are not begun.
        while first.stats(StatsQuery::new(), NOW).await.unwrap().waiting < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    store.enqueue(vec![sized(10, 10)], NOW).await.unwrap();
    assert_eq!(first.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 3);
    assert_eq!(connected().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_asks_for_the_time_takes_one_connection() {
    let first = fresh().await;
    let options = PostgresOptions::new().with_schema(first.schema().clone()).with_connections(4);
    let mut config = shared();
    config.application_name(first.schema().as_str());
    let store = PostgresStore::connect_with(config, NoTls, options).await.unwrap();
    let before = store.now().await.unwrap();
    let asking: Vec<_> = (0..200)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.now().await.unwrap() })
        })
        .collect();
    for asked in asking {
        assert!(asked.await.unwrap() >= before);
    }
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    let connections = client(&shared()).await.query_one(sql, &[&first.schema().as_str()]).await.unwrap();
    assert_eq!(connections.get::<_, i64>(0), 1);
}
