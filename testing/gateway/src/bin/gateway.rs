//! A gateway that runs until it is killed or its input ends.

#![allow(clippy::disallowed_methods, reason = "a real process lives in real time")]

use core::time::Duration;
use std::sync::Arc;

use gymhook::delivery::EndpointPolicy;
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook::send::EndpointUrl;
use gymhook_crash_tests::orders::Place;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{
    ApiKeyOwner, ApiKeyRights, PostgresStore, SqliteStore, Store as _, SubscriptionQuery,
};
use gymhook_engine::{Direction, EndpointId, Engine, Subscription};
use gymhook_gateway_tests::Failure;
use gymhook_gateway_tests::orders::{Orders, Recipient, api_key};
use gymhook_service::{Database, Service};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let orders: Orders = serde_json::from_str(&std::env::args().nth(1).ok_or("the orders are missing")?)?;
    let database: Database = match &orders.place {
        Place::Sqlite(path) => SqliteStore::open(path)?.into(),
        Place::Postgres { url, schema } => {
            let options = PostgresOptions::new().with_schema(Schema::new(schema.clone())?);
            PostgresStore::connect(url, options).await?.into()
        }
    };
    let service = Service::start(orders.settings()?, database.clone()).await?;
    let engine = Engine::builder(database.clone()).enqueue_only();
    subscribe(&engine, &orders).await?;
    hasten(&database, &engine).await?;
    let listener = TcpListener::bind(("127.0.0.1", orders.port)).await?;
    let router = service.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    // Until the process that started this closes its input.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    server.abort();
    service.shutdown().await;
    Ok(())
}

/// Has a subscriber to what is published, and leaves a key for whoever publishes.
async fn subscribe(engine: &Engine<Database>, orders: &Orders) -> Result<(), Failure> {
    let (id, subscriber) = (EndpointId::from_u128(1), Recipient::Subscriber);
    if engine.subscription(id).await?.is_none() {
        let url = EndpointUrl::dangerous_without_rule(&orders.url(subscriber))?;
        let policy = EndpointPolicy::new(RetryPolicy::standard_webhooks());
        let keys = Arc::new(subscriber.keys()?);
        let new = Subscription::new(id, "berlin", "standard-webhooks", url, keys, policy);
        engine.put_subscription(&new.with_label(subscriber.name())).await?;
    }
    let (written, file) = (orders.folder.join("api-key.new"), api_key(&orders.folder));
    if !file.exists() {
        let issued = engine.issue_api_key(ApiKeyOwner::All, "publisher", ApiKeyRights::Write).await?;
        std::fs::write(&written, issued.expose_key())?;
        std::fs::rename(written, file)?;
    }
    Ok(())
}

/// Repeats soon what a destination did not take: the pauses of Standard Webhooks are made for days, and a test for seconds.
async fn hasten(database: &Database, engine: &Engine<Database>) -> Result<(), Failure> {
    const AT_ONCE: u32 = 200;
    let page = database.subscriptions(SubscriptionQuery::new(AT_ONCE)).await?;
    for row in page.items.into_iter().filter(|row| row.direction() == Direction::Outgoing) {
        let subscription = engine.subscription(row.id).await?.ok_or("a destination is gone")?;
        let hastened = |held: &Subscription| {
            let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(200), 100));
            held.policy().clone().with_retry(retry).with_breaker(None)
        };
        if *subscription.policy() != hastened(&subscription) {
            let change = |held: Subscription| {
                let policy = hastened(&held);
                held.with_policy(policy)
            };
            engine.update_subscription(row.id, change).await?;
        }
    }
    Ok(())
}
