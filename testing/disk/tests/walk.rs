//! A sample of the walk through every call that SQLite makes to its disk, from the first one of a run to the last.

use gymhook_disk_tests::drive::walk_sample;

const SEED: u64 = 9;

/// How many calls of each kind fail; the campaign fails more.
const OF_EACH: u64 = 8;

/// Whichever call fails, and however, nothing acknowledged is lost and nothing is half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_call_fails_from_its_first_one_to_its_last_and_nothing_is_lost() {
    let sample = walk_sample(SEED, OF_EACH).await;
    println!("{sample}");
    for reach in &sample.reaches {
        assert!(reach.is_from_end_to_end(), "{reach}");
    }
    let totals = sample.totals;
    assert!(totals.faults >= 60 && totals.full > 10 && totals.deaths > 10, "every kind of fault: {totals}");
    assert!(totals.acknowledged > 1_000 && totals.delivered > 500, "there was something to lose: {totals}");
    assert_eq!((totals.lost, totals.quarantined, totals.broken), (0, 0, 0), "{totals}");
}
