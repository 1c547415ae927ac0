//! Rounds, and what all of them have in common.

use core::time::Duration;
use std::path::Path;

use gymhook_engine::store::Store;

use super::LONGEST;
use crate::Failure;
use crate::check::{Rules, check};
use crate::enqueued;
use crate::history::History;
use crate::orders::Orders;
use crate::process::Process;
use crate::rows::rows;
use crate::total::Totals;
use crate::wire::Event;

/// Waits until something more was enqueued.
///
/// # Errors
/// Nothing is, or the sender is gone.
pub async fn wait_for_work(folder: &Path, process: &mut Process) -> Result<(), Failure> {
    let before = enqueued::length(folder);
    let whole = async {
        while enqueued::length(folder) == before {
            process.still_runs()?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok::<(), Failure>(())
    };
    tokio::time::timeout(LONGEST, whole).await.map_err(|_| "nothing is enqueued")?
}

/// Has everything that was left behind judged.
///
/// # Errors
/// A promise was broken: the first of the violations are named.
pub async fn judge(folder: &Path, wire: Vec<Event>, store: &impl Store) -> Result<Totals, Failure> {
    const NAMED: usize = 20;
    let history = History { enqueued: enqueued::read(folder)?, wire, rows: rows(store).await? };
    let rules = Rules { max_in_flight: Orders::MAX_IN_FLIGHT, threads: Orders::THREADS, is_drained: true };
    check(&history, &rules).map_err(|violations| {
        let named: Vec<String> = violations.iter().take(NAMED).map(ToString::to_string).collect();
        format!("{} broken promises:\n{}", violations.len(), named.join("\n")).into()
    })
}

/// Rounds of `kills` each, until there were enough.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    /// How many kills.
    pub kills: usize,
    /// How many of them in one round.
    pub in_a_round: usize,
}

impl Campaign {
    /// The first kill of each round, and how many.
    pub fn rounds(self) -> impl Iterator<Item = (usize, usize)> {
        let step = self.in_a_round.max(1);
        (0..self.kills).step_by(step).map(move |first| (first, step.min(self.kills - first)))
    }
}
