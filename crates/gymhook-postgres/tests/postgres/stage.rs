//! Stores in a private server, and what a test does to them behind their backs.

use core::time::Duration;

use bytes::Bytes;
use gymhook_delivery::{DeliveryRecord, DeliveryState, EndpointRecord, Then};
use gymhook_postgres::PostgresStore;
use gymhook_postgres::tokio_postgres::{Client, Config, NoTls};
use gymhook_postgres::{PostgresOptions, Schema};
use gymhook_store::{
    Batch, Fetch, Lease, LeaseRequest, Leased, NewNotification, Store, StoreError, SubscriptionRow,
    TargetColumns, WorkerId, WriteCondition,
};
use gymhook_store::{DeliveryId, Direction, EndpointId};
use time::UtcDateTime;
use time::macros::utc_datetime;
use uuid::Uuid;

pub(crate) const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// How to reach the server that the tests of this process share.
pub(crate) fn shared() -> Config {
    gymhook_test_postgres::shared().unwrap_or_else(|problem| panic!("{problem}"))
}

/// An empty store in a schema of its own.
pub(crate) async fn fresh() -> PostgresStore {
    fresh_at(shared()).await
}

/// The same on this server.
pub(crate) async fn fresh_at(config: Config) -> PostgresStore {
    let schema = Schema::new(gymhook_test_postgres::fresh_schema()).unwrap();
    at(config, schema).await
}

/// A store in this schema.
pub(crate) async fn at(config: Config, schema: Schema) -> PostgresStore {
    let options = PostgresOptions::new().with_schema(schema).with_call_timeout(Duration::from_secs(20));
    PostgresStore::connect_with(config, NoTls, options).await.unwrap()
}

/// A database of its own, for what concerns all schemas of one.
pub(crate) async fn fresh_database() -> Config {
    let mut config = shared();
    let name = gymhook_test_postgres::fresh_schema();
    client(&config).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    config.dbname(&name);
    config
}

/// The store in a database of its own.
pub(crate) async fn connect(config: &Config) -> Result<PostgresStore, StoreError> {
    PostgresStore::connect_with(config.clone(), NoTls, PostgresOptions::new()).await
}

/// A connection of the test's own.
pub(crate) async fn client(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// SQL against a store's tables, which are named `gymhook.` in it.
pub(crate) async fn execute(client: &Client, store: &PostgresStore, sql: &str) {
    let sql = sql.replace("gymhook.", &format!("{}.", store.schema()));
    client.batch_execute(&sql).await.unwrap();
}

pub(crate) fn endpoint(number: u128) -> EndpointId {
    EndpointId::from_u128(number)
}

pub(crate) fn subscription(number: u128) -> SubscriptionRow {
    SubscriptionRow {
        id: endpoint(number),
        target: TargetColumns::Http { url: "https://receiver.example/hooks".to_owned(), secrets: Vec::new() },
        gym: "berlin-mitte".to_owned(),
        platform: "point".to_owned(),
        settings: "{}".to_owned(),
        record: EndpointRecord::new(endpoint(number)),
        deleted_at: None,
    }
}

/// Delivery `number`, to endpoint `to`.
pub(crate) fn notification(number: u128, to: u128) -> NewNotification {
    let body = Bytes::from(format!("{{\"number\":{number}}}"));
    NewNotification::new(DeliveryId::from_u128(number), endpoint(to), "workout.created", body)
}

pub(crate) fn request(worker: u128) -> LeaseRequest {
    LeaseRequest {
        worker: WorkerId::new(Uuid::from_u128(worker)),
        direction: Direction::Outgoing,
        length: LEASE,
        limit: 100,
        only: None,
    }
}

/// Endpoints without anything to do but what is enqueued: their first command is removed.
pub(crate) async fn subscribe(store: &PostgresStore, client: &Client, numbers: impl Iterator<Item = u128>) {
    for number in numbers {
        assert!(store.put_subscription(subscription(number), WriteCondition::Always, NOW).await.unwrap());
    }
    execute(client, store, "DELETE FROM gymhook.commands").await;
}

/// The lease of what was leased.
pub(crate) fn held(leased: &Leased) -> Lease {
    Lease { endpoint: leased.subscription.id, epoch: leased.epoch }
}

/// All that is due at an endpoint.
pub(crate) fn all_of(number: u128) -> Fetch {
    Fetch { endpoint: endpoint(number), ordered: false, after: None, limit: 1_000 }
}

/// A delivery that is there and waits.
pub(crate) async fn record(store: &PostgresStore, number: u128) -> DeliveryRecord {
    store.delivery(DeliveryId::from_u128(number)).await.unwrap().unwrap().record.unwrap()
}

/// The batch that begins an attempt of each record.
pub(crate) fn begin(lease: Lease, records: &[DeliveryRecord]) -> Batch {
    let state = DeliveryState::InFlight { lost_at: NOW + LEASE, then: Then::Decide };
    let begun = |record: &DeliveryRecord| DeliveryRecord { sends: record.sends + 1, state, ..*record };
    Batch {
        leases: vec![lease],
        deliveries: records.iter().map(begun).collect(),
        send: records.iter().map(|record| record.id).collect(),
        ..Batch::default()
    }
}

/// What a table holds, as one text.
pub(crate) async fn dump(client: &Client, store: &PostgresStore) -> String {
    let mut all = String::new();
    for table in ["subscriptions", "notifications", "deliveries", "attempts", "commands", "api_keys"] {
        let sql = format!(
            "SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM {}.{table} t",
            store.schema()
        );
        all.push_str(client.query_one(&sql, &[]).await.unwrap().get(0));
        all.push('\n');
    }
    all
}

/// Waits for something that takes milliseconds, and fails if it does not come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it never came")
}
