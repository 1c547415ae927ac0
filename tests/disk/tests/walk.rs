//! A part of the walk through every call that SQLite makes to its disk: the first ones, and ever fewer of the later ones.

use gymhook_disk_tests::drive::{Strikes, Walk, walk_on};
use gymhook_disk_tests::vfs::Call;

const SEED: u64 = 9;

/// Whichever call fails, and however, nothing acknowledged is lost and nothing is half done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_call_fails_at_some_of_its_calls_and_nothing_is_lost() {
    let calls = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987];
    let walks = calls.into_iter().flat_map(|nth| {
        let of = move |strikes| Call::ALL.map(|call| Walk::of(call, nth, strikes, SEED));
        [of(Strikes::AtWork), of(Strikes::FromTheStart)].into_iter().flatten()
    });
    let totals = walk_on(walks, 150).await;
    println!("{totals}");
    assert!(totals.faults >= 100 && totals.full > 10 && totals.deaths > 10, "every kind of fault: {totals}");
    assert!(totals.acknowledged > 1_000 && totals.delivered > 500, "there was something to lose: {totals}");
    assert_eq!((totals.lost, totals.quarantined, totals.broken), (0, 0, 0), "{totals}");
}
