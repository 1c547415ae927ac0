//! The engine on PostgreSQL, on a private server: what the engine's other tests show on a file or in memory.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod resembling;
#[allow(dead_code, reason = "shared with a test file that plays more of it")]
#[path = "../resembling/scenario.rs"]
mod scenario;
mod sharing;
#[path = "../sharing/scenario.rs"]
mod sharing_scenario;
mod updates;
#[path = "../updates/scenario.rs"]
mod updating;

use gymhook_engine::store::PostgresStore;
use gymhook_engine::store::postgres::tokio_postgres::{Config, NoTls};
use gymhook_engine::store::postgres::{PostgresOptions, Schema};

/// How to reach the server that the tests of this process share.
fn shared() -> Config {
    gymhook_test_postgres::shared().unwrap_or_else(|problem| panic!("{problem}"))
}

/// An empty store in a schema of its own, on the server that the tests of this process share.
async fn fresh() -> PostgresStore {
    let schema = Schema::new(gymhook_test_postgres::fresh_schema()).unwrap();
    let options = PostgresOptions::new().with_schema(schema);
    PostgresStore::connect_with(shared(), NoTls, options).await.unwrap()
}
