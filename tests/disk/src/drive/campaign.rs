//! Many rounds, several at a time: most of a round is waiting.

use std::collections::BTreeMap;

use gymhook_crash_tests::random::Random;
use tokio::task::JoinSet;

use super::full::{MEBIBYTES, full};
use super::stage::Ended;
use super::walk::{Strikes, Walk, walk};
use crate::Failure;
use crate::small_disk::SmallDisk;
use crate::total::Totals;
use crate::vfs::Call;

/// How many rounds at a time.
const AT_A_TIME: usize = 8;

/// How many broken promises of a round are named.
const NAMED: usize = 4;

/// Plays these runs, several at a time, until so many faults have struck. Where calls of a kind are used up, later ones are left
/// out. What breaks a promise is printed and counted.
pub async fn walk_on(walks: impl Iterator<Item = Walk>, faults: u64) -> Totals {
    let mut totals = Totals::default();
    let mut used_up: BTreeMap<(Call, Strikes), u64> = BTreeMap::new();
    let mut walks = walks.fuse();
    let mut under_way = JoinSet::new();
    let mut idle = 0;
    loop {
        while under_way.len() < AT_A_TIME && totals.faults + (under_way.len() as u64) < faults && idle < 1_000
        {
            let Some(next) = walks.next() else { break };
            let last = used_up.get(&(next.fault.call, next.strikes)).copied();
            if last.is_some_and(|last| next.fault.nth > last) {
                // Whoever walks on through nothing but these is at the end.
                idle += 1;
                continue;
            }
            idle = 0;
            under_way.spawn(async move { (next, walk(&next).await) });
        }
        let Some(done) = under_way.join_next().await else { return totals };
        let Ok((run, ended)) = done else {
            totals.broken += 1;
            continue;
        };
        let more = count(ended, &format!("{}, counted {:?}, seed {}", run.fault, run.strikes, run.seed));
        if more.faults == 0 && more.broken == 0 {
            // The number of calls differs a little from run to run.
            used_up.entry((run.fault.call, run.strikes)).or_insert(run.fault.nth + 2);
        }
        totals += more;
    }
}

/// Fills disks until that was so many times, on several disks at a time. What breaks a promise is printed and counted.
///
/// # Errors
/// No disk can be mounted.
pub async fn fill_up(seed: u64, faults: u64) -> Result<Totals, Failure> {
    let mut workers = JoinSet::new();
    for worker in 0..AT_A_TIME as u64 {
        let disk = SmallDisk::of(MEBIBYTES)?;
        let share = faults.div_ceil(AT_A_TIME as u64);
        workers.spawn(async move {
            let mut totals = Totals::default();
            let mut round = worker;
            while totals.faults < share {
                let seed = Random::new(seed ^ round).draw();
                round += AT_A_TIME as u64;
                totals += count(full(seed, &disk).await, &format!("full disk, seed {seed}"));
            }
            totals
        });
    }
    let mut totals = Totals::default();
    while let Some(done) = workers.join_next().await {
        totals += done?;
    }
    Ok(totals)
}

/// The figures of a round; one that did not come to an end is a broken promise, too.
pub(super) fn count(ended: Result<Ended, Failure>, what: &str) -> Totals {
    match ended {
        Ok(Ended { totals, violations }) => {
            if !violations.is_empty() {
                println!("{what}: {} broken promises", violations.len());
                for violation in violations.iter().take(NAMED) {
                    println!("    {violation}");
                }
            }
            totals
        }
        Err(problem) => {
            println!("{what}: {problem}");
            Totals { rounds: 1, faults: 1, broken: 1, ..Totals::default() }
        }
    }
}
