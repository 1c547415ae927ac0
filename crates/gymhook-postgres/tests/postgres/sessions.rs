//! What a session has to be like.

use gymhook_postgres::tokio_postgres::{Config, NoTls};
use gymhook_postgres::{PostgresOptions, PostgresStore, Schema};
use gymhook_store::{Enqueued, NewNotification, StatsQuery, Store, StoreError, WriteCondition};
use gymhook_test_postgres::fresh_schema;

use crate::stage::{NOW, client, endpoint, fresh, notification, request, shared, subscribe, subscription};

async fn connect(config: Config, store: &PostgresStore) -> Result<PostgresStore, StoreError> {
    let options = PostgresOptions::new().with_schema(store.schema().clone());
    PostgresStore::connect_with(config, NoTls, options).await
}

#[tokio::test]
async fn commits_that_may_be_lost_are_refused() {
    let store = fresh().await;
    for (setting, is_durable) in [("off", false), ("local", true), ("remote_write", true), ("on", true)] {
        let mut config = shared();
        config.options(format!("-c synchronous_commit={setting}"));
        let connected = connect(config, &store).await;
        match is_durable {
            true => assert_eq!(connected.unwrap().stats(StatsQuery::new(), NOW).await.unwrap().waiting, 0),
            false => assert!(matches!(connected, Err(StoreError::Invalid { .. })), "{connected:?}"),
        }
    }
}

#[tokio::test]
async fn where_nothing_may_be_written_only_those_connect_who_ask_to() {
    let store = fresh().await;
    subscribe(&store, &client(&shared()).await, 1..=1).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    let mut config = shared();
    config.options("-c default_transaction_read_only=on");
    let read_only = |error: StoreError| assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    read_only(connect(config.clone(), &store).await.unwrap_err());
    let options = PostgresOptions::new().with_schema(store.schema().clone()).with_read_only_allowed();
    let reader = PostgresStore::connect_with(config, NoTls, options).await.unwrap();
    assert_eq!(reader.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 1);
    read_only(reader.enqueue(vec![notification(2, 1)], NOW).await.unwrap_err());
    read_only(reader.lease(request(1), NOW).await.unwrap_err());
    read_only(reader.put_subscription(subscription(1), WriteCondition::Always, NOW).await.unwrap_err());
    assert_eq!(store.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 1);
}

#[tokio::test]
async fn a_role_that_may_only_read_is_told_so() {
    let store = fresh().await;
    let client = client(&shared()).await;
    let (role, schema) = (fresh_schema(), store.schema());
    let grants = format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"
    );
    client.batch_execute(&grants).await.unwrap();
    let mut config = shared();
    config.user(&role);
    let reader = connect(config, &store).await.unwrap();
    assert_eq!(reader.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 0);
    let refused = reader.enqueue(vec![notification(1, 1)], NOW).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused:?}");
    client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
async fn mistakes_are_told_apart_from_servers_that_are_away() {
    let mut nobody = shared();
    nobody.user("no_such_role");
    let mut nowhere = shared();
    nowhere.dbname("no_such_database");
    for config in [nobody, nowhere] {
        let refused = PostgresStore::connect_with(config, NoTls, PostgresOptions::new()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid { .. }), "{refused:?}");
    }
    let away =
        PostgresStore::connect("host=/no/such/folder user=x", PostgresOptions::new()).await.unwrap_err();
    assert!(matches!(away, StoreError::Unavailable { .. }), "{away:?}");
    let place =
        "the database is not available: no connection to /no/such/folder:5432: error connecting to server: ";
    assert!(away.to_string().starts_with(place), "{away}");
    let garbled = PostgresStore::connect("port=many", PostgresOptions::new()).await.unwrap_err();
    assert!(matches!(garbled, StoreError::Invalid { .. }), "{garbled:?}");
}

#[test]
fn a_schema_has_a_plain_name() {
    let longest = "s".repeat(Schema::MAX_LENGTH);
    for good in ["gymhook", "_", "a1_b2", longest.as_str()] {
        assert_eq!(Schema::new(good).unwrap().as_str(), good);
    }
    let too_long = "s".repeat(Schema::MAX_LENGTH + 1);
    for bad in ["", "1a", "A", "a-b", "a.b", "a\"b", "a b", "é", "pg_temp", too_long.as_str()] {
        assert!(matches!(Schema::new(bad), Err(StoreError::Invalid { .. })), "{bad}");
    }
}

#[tokio::test]
async fn a_body_of_any_bytes_is_kept() {
    let store = fresh().await;
    subscribe(&store, &client(&shared()).await, 1..=1).await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    let body = NewNotification { body: all_bytes.into(), ..notification(3, 1) };
    assert_eq!(store.enqueue(vec![body.clone()], NOW).await.unwrap(), [Ok(Enqueued::New)]);
    assert_eq!(store.body(body.id).await.unwrap(), Some(body.body));
}

#[tokio::test]
async fn a_batch_too_large_for_one_statement_is_one_transaction() {
    let store = fresh().await;
    subscribe(&store, &client(&shared()).await, 1..=1).await;
    // 40 MiB of bodies, and a name that cannot be kept at the end of another such batch.
    let large = |number| NewNotification { body: vec![7; 8 << 20].into(), ..notification(number, 1) };
    let new: Vec<NewNotification> = (1..=5).map(large).collect();
    assert_eq!(store.enqueue(new, NOW).await.unwrap(), vec![Ok(Enqueued::New); 5]);
    let mut rows: Vec<NewNotification> = (100..10_101).map(|number| notification(number, 1)).collect();
    rows[5_000].endpoint = endpoint(9);
    let enqueued = store.enqueue(rows, NOW).await.unwrap();
    assert_eq!(enqueued.iter().filter(|one| **one == Ok(Enqueued::New)).count(), 10_000);
    assert!(enqueued[5_000].is_err());
    assert_eq!(store.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 10_005);
}
