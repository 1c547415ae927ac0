//! A gateway that runs until it is killed or its input ends.

#![allow(clippy::disallowed_methods, reason = "a real process lives in real time")]

use core::time::Duration;

use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook_crash_tests::orders::Place;
use gymhook_engine::Engine;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{PostgresStore, SqliteStore, Store as _, SubscriptionQuery};
use gymhook_gateway_tests::Failure;
use gymhook_gateway_tests::orders::Orders;
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
    hasten(database).await?;
    let listener = TcpListener::bind(("127.0.0.1", orders.port)).await?;
    let router = service.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    // Until whoever started this lets go of its input.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    server.abort();
    service.shutdown().await;
    Ok(())
}

/// Repeats soon what a destination did not take: the pauses of Standard Webhooks are made for days, and a test for seconds.
async fn hasten(database: Database) -> Result<(), Failure> {
    const AT_ONCE: u32 = 200;
    let page = database.subscriptions(SubscriptionQuery::new(AT_ONCE)).await?;
    let engine = Engine::builder(database).enqueue_only();
    for row in page.items.into_iter().filter(|row| row.platform == "destination") {
        let subscription = engine.subscription(row.id).await?.ok_or("a destination is gone")?;
        let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(200), 100));
        let policy = subscription.policy().clone().with_retry(retry).with_breaker(None);
        if *subscription.policy() != policy {
            engine.put_subscription(&subscription.with_policy(policy)).await?;
        }
    }
    Ok(())
}
