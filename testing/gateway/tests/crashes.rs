//! Gateways that are killed at any moment: what was acknowledged arrives, and only what was under way arrives twice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use gymhook_gateway_tests::drive::{Round, postgres, sqlite};
use gymhook_test_postgres::Server;

fn round(seed: u64, kills: usize) -> Round {
    Round { program: PathBuf::from(env!("CARGO_BIN_EXE_gateway")), seed, kills }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_four_kills_on_sqlite() {
    let totals = sqlite(&round(14, 24)).await.unwrap();
    println!("SQLite: {totals}");
    assert_eq!(totals.kills, 24);
    assert!(totals.acknowledged > 100 && totals.repeated > 0, "there was something to lose: {totals}");
    assert!(totals.published > 0 && totals.refused > 0 && totals.failed > 0, "of every kind: {totals}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_kills_on_postgresql() {
    let server = Server::start().unwrap();
    let totals = postgres(&round(15, 12), &server).await.unwrap();
    println!("PostgreSQL: {totals}");
    assert_eq!(totals.kills, 12);
    assert!(totals.acknowledged > 20 && totals.repeated > 0, "there was something to lose: {totals}");
}
