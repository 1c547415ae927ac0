//! Many seeds, as fast as the cores allow.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::thread;

use crate::run::{Failure, Run};
use crate::trace::Totals;

/// What came of many seeds.
#[derive(Debug, Default)]
pub struct Campaign {
    /// How many seeds kept every promise.
    pub passed: u64,
    /// The runs that did not, by seed.
    pub failures: Vec<Failure>,
    /// What all that passed amount to; the hash does not depend on the order in which they ran.
    pub totals: Totals,
}

impl Campaign {
    /// Plays the runs of all these seeds, each with this many deliveries, on this many threads; one in a hundred has thirty
    /// times as many, and hundreds of endpoints.
    #[must_use]
    pub fn play(seeds: Range<u64>, deliveries: u64, threads: usize) -> Self {
        let next = AtomicU64::new(seeds.start);
        let results = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    let mut mine = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            break;
                        }
                        let times = if seed % 100 == 99 { 30 } else { 1 };
                        mine.push((seed, Run::new(seed, deliveries.saturating_mul(times)).play()));
                    }
                    if let Ok(mut results) = results.lock() {
                        results.append(&mut mine);
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        results.sort_by_key(|(seed, _)| *seed);
        let mut campaign = Self::default();
        for (_, result) in results {
            match result {
                Ok(totals) => {
                    campaign.passed += 1;
                    campaign.totals.add(&totals);
                }
                Err(failure) => campaign.failures.push(*failure),
            }
        }
        campaign
    }
}
