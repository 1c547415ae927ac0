//! Worlds small enough for every run of the tests; a campaign of thousands is `simulate --seeds 0..20000`.

#![allow(missing_docs, reason = "a test is named by what it shows")]

use gymhook_simulation::{Campaign, Run};

#[test]
fn hundreds_of_small_worlds_keep_every_promise() {
    let campaign = Campaign::play(0..400, 40, 2);
    if let Some(failure) = campaign.failures.first() {
        panic!("{}", failure.shrunk());
    }
    assert_eq!(campaign.passed, 400);
    let totals = campaign.totals;
    assert!(
        totals.crashes > 0 && totals.leases_moved > 0 && totals.clock_steps > 0 && totals.late_answers > 0
    );
}

#[test]
fn a_world_of_many_endpoints_keeps_every_promise() {
    let totals = Run::new(3, 2_000).play().unwrap_or_else(|failure| panic!("{}", failure.shrunk()));
    assert!(totals.attempts >= 2_000, "{totals:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let totals = |seed| Run::new(seed, 100).play().unwrap_or_else(|failure| panic!("{}", failure.shrunk()));
    assert_eq!(totals(11), totals(11));
    assert_ne!(totals(11).hash, totals(12).hash);
}

#[test]
fn a_trace_without_steps_ends_at_once() {
    let totals =
        Run::new(11, 100).keeping(Vec::new()).play().unwrap_or_else(|failure| panic!("{}", failure.shrunk()));
    assert_eq!((totals.attempts, totals.deliveries), (0, 0));
}
