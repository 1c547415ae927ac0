//! At least a hundred kills, on SQLite and on PostgreSQL: nothing is lost, nothing invented, and little is sent twice.

use std::path::PathBuf;

use gymhook_crash_tests::drive::{CRASH_POINTS, PostgresRound, SqliteRound, postgres, sqlite};
use gymhook_test_postgres::Server;

fn sender() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_sender"))
}

/// Every named crash point, then any moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seventy_kills_on_sqlite() {
    let round = |first, kills| SqliteRound { program: sender(), seed: 2026 + first as u64, kills, first };
    let mut totals = sqlite(&round(0, 40)).await.unwrap();
    totals += sqlite(&round(CRASH_POINTS.len(), 30)).await.unwrap();
    println!("SQLite: {totals}");
    assert_eq!(totals.kills, 70);
    assert!(totals.acknowledged > 500 && totals.delivered > 100, "there was something to lose: {totals}");
    assert!(totals.undeliverable > 0 && totals.waiting > 0, "of every kind: {totals}");
    assert!(totals.duplicates <= totals.allowance);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_of_workers_and_three_of_the_server_on_postgresql() {
    let server = Server::start().unwrap();
    let round = PostgresRound { program: sender(), seed: 4, kills: 30, first: 0, senders: 3, outages: 3 };
    let totals = postgres(&round, &server).await.unwrap();
    println!("PostgreSQL: {totals}");
    // Each one that dies at a point takes the place of one that is killed before, and in the end all are.
    assert_eq!((totals.kills, totals.outages), (30 + CRASH_POINTS.len() as u64 + 3, 3));
    assert!(totals.acknowledged > 500 && totals.delivered > 100, "there was something to lose: {totals}");
    assert!(totals.undeliverable > 0 && totals.waiting > 0, "of every kind: {totals}");
    assert!(totals.duplicates <= totals.allowance);
}
