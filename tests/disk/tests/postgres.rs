//! PostgreSQL: sessions that end, statements that are held up, and a disk without room.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gymhook_disk_tests::drive::{Session, Strikes, cut_off, fill_up_server};
use gymhook_disk_tests::proxy::Statement;
use gymhook_test_postgres::Server;

const SEED: u64 = 9;

/// Whichever message it happens at, nothing acknowledged is lost and nothing is half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn something_happens_at_every_kind_of_message_and_nothing_is_lost() {
    let server = Server::start().unwrap();
    let sessions = [1, 2, 3, 5, 8, 13, 34, 89, 233].into_iter().flat_map(|nth| {
        let of = move |strikes| Statement::ALL.map(|at| Session::of(at, nth, strikes, SEED));
        [of(Strikes::AtWork), of(Strikes::FromTheStart)].into_iter().flatten()
    });
    let totals = cut_off(sessions, 60, &server.config()).await;
    println!("{totals}");
    assert!(totals.faults >= 40 && totals.refusals > 20, "it was noticed: {totals}");
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
