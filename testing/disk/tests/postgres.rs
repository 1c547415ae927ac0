//! PostgreSQL: sessions that end, statements that are held up, and a disk without room.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gymhook_disk_tests::drive::{cut_off_sample, fill_up_server, forbid_files};
use gymhook_test_postgres::Server;

const SEED: u64 = 9;

/// How many messages of each kind something happens at; the campaign takes more.
const OF_EACH: u64 = 6;

/// Whichever message it happens at, nothing acknowledged is lost and nothing is half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn something_happens_at_every_kind_of_message_from_the_first_to_the_last_and_nothing_is_lost() {
    let server = Server::start().unwrap();
    let sample = cut_off_sample(SEED, OF_EACH, &server.config()).await;
    println!("{sample}");
    for reach in &sample.reaches {
        assert!(reach.is_from_end_to_end(), "{reach}");
    }
    let totals = sample.totals;
    assert!(totals.faults >= 20 && totals.refusals > 0, "it was noticed: {totals}");
    assert!(totals.acknowledged > 1_000 && totals.delivered > 500, "there was something to lose: {totals}");
    assert_eq!((totals.lost, totals.quarantined, totals.duplicates, totals.broken), (0, 0, 0, 0), "{totals}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_disk_fills_up_at_random_moments_loses_nothing() {
    let server = Server::start().unwrap();
    let totals = fill_up_server(SEED, 8, &server.config()).await.unwrap();
    println!("{totals}");
    assert!(totals.full >= 8 && totals.acknowledged > 100, "there was something to lose: {totals}");
    assert_eq!((totals.lost, totals.quarantined, totals.duplicates, totals.broken), (0, 0, 0, 0), "{totals}");
}

/// The notifications of a call are unfolded in a temporary file where they are larger than `work_mem`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_may_not_write_temporary_files_for_a_while_loses_nothing() {
    let server = Server::start().unwrap();
    let totals = forbid_files(SEED, 8, &server.config()).await.unwrap();
    println!("{totals}");
    assert!(totals.faults >= 8 && totals.acknowledged > 100, "there was something to lose: {totals}");
    assert_eq!((totals.lost, totals.quarantined, totals.duplicates, totals.broken), (0, 0, 0, 0), "{totals}");
}
