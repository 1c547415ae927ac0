//! Servers and disks fail under a gateway at work: it answers 503, loses nothing, and goes on by itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "real processes live in real time")]

use core::time::Duration;
use std::path::PathBuf;

use gymhook_crash_tests::orders::Place;
use gymhook_disk_tests::small_disk::SmallDisk;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{PostgresStore, SqliteStore};
use gymhook_gateway_tests::stage::Stage;
use gymhook_test_postgres::{Server, fresh_schema};

fn gateway() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_gateway"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_restarted_under_load_is_waited_for() {
    let server = Server::start().unwrap();
    let (folder, schema) = (tempfile::tempdir().unwrap(), fresh_schema());
    let place = Place::Postgres { url: server.url(), schema: schema.clone() };
    let mut stage = Stage::set(&gateway(), place, folder.path(), 21).await.unwrap();
    for _ in 0..3 {
        stage.until_acknowledged().await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.stop_immediately().unwrap();
        stage.until_held_up().await.unwrap();
        server.start_again().unwrap();
        // Nobody starts the gateway again.
        stage.until_acknowledged().await.unwrap();
    }
    let options = PostgresOptions::new().with_schema(Schema::new(schema).unwrap());
    let store = PostgresStore::connect(&server.url(), options).await.unwrap();
    let totals = stage.end(&store).await.unwrap();
    println!("PostgreSQL: {totals}");
    // Nobody died, so nothing may come twice.
    assert_eq!((totals.kills, totals.duplicates), (0, 0), "{totals}");
    assert!(totals.held_up > 2 && totals.acknowledged > 20, "{totals}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_is_waited_for() {
    const MEBIBYTES: u32 = 16;
    let disk = SmallDisk::of(MEBIBYTES).unwrap();
    let file = disk.path().join("gymhook.db");
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::set(&gateway(), Place::Sqlite(file.clone()), folder.path(), 22).await.unwrap();
    for left in [0, 20_000, 200_000] {
        stage.until_acknowledged().await.unwrap();
        let ballast = disk.fill(left).unwrap();
        stage.until_held_up().await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        ballast.remove().unwrap();
        stage.until_acknowledged().await.unwrap();
    }
    let store = SqliteStore::open(&file).unwrap();
    let totals = stage.end(&store).await.unwrap();
    drop(store);
    println!("SQLite: {totals}");
    assert_eq!((totals.kills, totals.duplicates), (0, 0), "{totals}");
    assert!(totals.held_up > 2 && totals.acknowledged > 20, "{totals}");
}
