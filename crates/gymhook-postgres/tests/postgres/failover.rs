//! A standby takes the place of the primary.

use core::time::Duration;

use gymhook_delivery::Enqueued;
use gymhook_postgres::tokio_postgres::{Client, Config, NoTls};
use gymhook_postgres::{PostgresOptions, PostgresStore};
use gymhook_store::{Store, StoreError};
use gymhook_test_postgres::Server;

use crate::stage::{NOW, at, client, endpoint, fresh_at, notification, soon, subscribe};

/// Waits until the standby has all that the primary has written so far.
async fn follow(primary: &Client, standby: &Client) {
    let written = primary.query_one("SELECT pg_current_wal_lsn()::text", &[]).await.unwrap();
    let sql = format!("SELECT pg_last_wal_replay_lsn() >= '{}'", written.get::<_, String>(0));
    soon(async {
        while !standby.query_one(&sql, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

fn both(one: &Server, other: &Server) -> Config {
    let mut config = one.config();
    config.host_path(other.folder());
    config
}

#[tokio::test]
async fn a_standby_is_refused_by_name_and_can_be_looked_at() {
    let primary = Server::start().unwrap();
    let store = fresh_at(primary.config()).await;
    let at_primary = client(&primary.config()).await;
    subscribe(&store, &at_primary, 1..=1).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    let standby = primary.standby().unwrap();
    follow(&at_primary, &client(&standby.config()).await).await;

    let options = PostgresOptions::new().with_schema(store.schema().clone());
    let refused = PostgresStore::connect_with(standby.config(), NoTls, options.clone()).await.unwrap_err();
    let expected = "the store cannot be written to: the server accepts no writes: it is a standby, or \
                    default_transaction_read_only is on; connect to the primary, or name all hosts, as in host=a,b \
                    target_session_attrs=read-write";
    assert_eq!(refused.to_string(), expected);

    let reader = options.clone().with_read_only_allowed();
    let reader = PostgresStore::connect_with(standby.config(), NoTls, reader).await.unwrap();
    assert_eq!(reader.stats(NOW).await.unwrap().waiting, 1);
    let refused = reader.enqueue(vec![notification(2, 1)], NOW).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused:?}");

    // Of several hosts the one that takes writes is found, whichever comes first.
    let found = PostgresStore::connect_with(both(&standby, &primary), NoTls, options.clone()).await.unwrap();
    assert_eq!(found.enqueue(vec![notification(2, 1)], NOW).await, Ok(vec![Ok(Enqueued::New)]));
    let mut standbys = standby.config();
    standbys.host_path(standby.folder());
    let none = PostgresStore::connect_with(standbys, NoTls, options).await.unwrap_err();
    assert!(matches!(none, StoreError::ReadOnly { .. }), "{none:?}");
}

#[tokio::test]
async fn after_a_failover_calls_and_news_come_from_the_new_primary() {
    let old = Server::start().unwrap();
    let store = fresh_at(old.config()).await;
    let at_old = client(&old.config()).await;
    subscribe(&store, &at_old, 1..=1).await;
    let new = old.standby().unwrap();
    let at_new = client(&new.config()).await;

    let store = at(both(&old, &new), store.schema().clone()).await;
    let worker = at(both(&old, &new), store.schema().clone()).await;
    assert_eq!(soon(worker.work_arrived()).await, []);
    // Several connections to the old one are in the pool.
    let many = (1..=20).map(|number| store.enqueue(vec![notification(number, 1)], NOW));
    let mut calls: Vec<_> = many.map(Box::pin).collect();
    soon(core::future::poll_fn(|context| {
        calls.retain_mut(|call| call.as_mut().poll(context).map(Result::unwrap).is_pending());
        if calls.is_empty() { core::task::Poll::Ready(()) } else { core::task::Poll::Pending }
    }))
    .await;
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(1)]);
    follow(&at_old, &at_new).await;

    // It is not stopped: its connections stay open, and say nothing.
    at_old.batch_execute("ALTER SYSTEM SET default_transaction_read_only = on").await.unwrap();
    at_old.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    new.promote().unwrap();
    let enqueued = soon(store.enqueue(vec![notification(21, 1)], NOW)).await;
    assert_eq!(enqueued, Ok(vec![Ok(Enqueued::New)]), "no call fails while a primary is there");
    let there = format!("SELECT count(*) FROM {}.deliveries", store.schema());
    assert_eq!(at_new.query_one(&there, &[]).await.unwrap().get::<_, i64>(0), 21);

    // What is left of the old one's news comes first; that it listens elsewhere, and may have missed something, names nobody.
    soon(async { while !worker.work_arrived().await.is_empty() {} }).await;
    store.enqueue(vec![notification(22, 1)], NOW).await.unwrap();
    assert_eq!(soon(worker.work_arrived()).await, [endpoint(1)]);
}
