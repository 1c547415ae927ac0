//! Disks that fill up for real, again and again, while everything is at work.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gymhook_disk_tests::drive::fill_up;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disks_that_fill_up_at_random_moments_lose_nothing() {
    let totals = fill_up(2_026, 40).await.unwrap();
    println!("{totals}");
    assert!(
        totals.full >= 40 && totals.acknowledged > 500 && totals.deaths > 0,
        "there was something to lose"
    );
    assert_eq!((totals.lost, totals.quarantined, totals.broken), (0, 0, 0));
}
