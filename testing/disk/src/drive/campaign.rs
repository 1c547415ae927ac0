//! Many rounds, several at a time: most of a round is waiting.

use std::collections::BTreeMap;

use gymhook_crash_tests::random::Random;
use tokio::task::JoinSet;
use tokio_postgres::Config;

use super::full::{MEBIBYTES, full};
use super::full_server::SmallTablespace;
use super::sessions::{Session, session};
use super::stage::Ended;
use super::walk::{Strikes, Walk, walk};
use crate::Failure;
use crate::proxy::Statement;
use crate::small_disk::SmallDisk;
use crate::total::Totals;
use crate::vfs::Call;

/// How many rounds at a time.
pub(super) const AT_A_TIME: usize = 8;

/// How many broken promises of a round are named.
const NAMED: usize = 4;

/// What a run fails at, so that it is known which calls are used up: the kind of call, and its position among those of its kind.
pub(super) trait Run: Clone + Send + 'static {
    type Kind: Ord;

    fn place(&self) -> (Self::Kind, u64);

    fn name(&self) -> String;
}

impl Run for Walk {
    type Kind = (Call, Strikes);

    fn place(&self) -> (Self::Kind, u64) {
        ((self.fault.call, self.strikes), self.fault.nth)
    }

    fn name(&self) -> String {
        format!("{}, counted {:?}, seed {}", self.fault, self.strikes, self.seed)
    }
}

impl Run for Session {
    type Kind = (Statement, Strikes);

    fn place(&self) -> (Self::Kind, u64) {
        ((self.trouble.at, self.strikes), self.trouble.nth)
    }

    fn name(&self) -> String {
        format!("{}, counted {:?}, seed {}", self.trouble, self.strikes, self.seed)
    }
}

/// Walks on until this many faults have struck, or there is no call left. What breaks a promise is printed and counted.
pub async fn walk_on(walks: impl Iterator<Item = Walk>, faults: u64) -> Totals {
    play_all(walks, faults, |run| async move { walk(&run).await }).await
}

/// The same through what is said to this server.
pub async fn cut_off(sessions: impl Iterator<Item = Session>, faults: u64, server: &Config) -> Totals {
    play_all(sessions, faults, |run| {
        let server = server.clone();
        async move { session(&run, &server).await }
    })
    .await
}

/// Plays these runs, several at a time. Where calls of a kind are used up, later ones are left out.
async fn play_all<R: Run, F>(runs: impl Iterator<Item = R>, faults: u64, play: impl Fn(R) -> F) -> Totals
where
    F: Future<Output = Result<Ended, Failure>> + Send + 'static,
{
    /// Whoever meets nothing but these is at the end.
    const AT_THE_END: u32 = 1_000;
    let mut totals = Totals::default();
    let mut used_up: BTreeMap<R::Kind, u64> = BTreeMap::new();
    let mut runs = runs.fuse();
    let mut under_way = JoinSet::new();
    let mut left_out = 0;
    loop {
        while under_way.len() < AT_A_TIME && totals.faults + (under_way.len() as u64) < faults {
            let Some(next) = runs.next().filter(|_| left_out < AT_THE_END) else { break };
            let (kind, nth) = next.place();
            if used_up.get(&kind).is_some_and(|last| nth > *last) {
                left_out += 1;
                continue;
            }
            left_out = 0;
            let playing = play(next.clone());
            under_way.spawn(async move { (next, playing.await) });
        }
        let Some(done) = under_way.join_next().await else { return totals };
        let Ok((run, ended)) = done else {
            totals.broken += 1;
            continue;
        };
        let reached = ended.as_ref().map_or(true, |ended| ended.reached);
        let more = count(ended, &run.name());
        if !reached {
            let (kind, nth) = run.place();
            // The number of calls differs a little from run to run.
            used_up.entry(kind).or_insert(nth + 2);
        }
        totals += more;
    }
}

/// Fills disks until this many faults have struck, on several disks at a time. What breaks a promise is printed and counted.
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

/// Fills the disk of a server's tables until this many faults have struck. What breaks a promise is printed and counted.
///
/// # Errors
/// No disk can be mounted, or the server does not take it.
pub async fn fill_up_server(seed: u64, faults: u64, server: &Config) -> Result<Totals, Failure> {
    let tablespace = SmallTablespace::on(server).await?;
    let mut totals = Totals::default();
    let mut round = 0;
    while totals.faults < faults {
        let seed = Random::new(seed ^ round).draw();
        round += 1;
        totals += count(tablespace.fill(seed).await, &format!("full server, seed {seed}"));
    }
    Ok(totals)
}

/// The figures of a round; one that did not come to an end is a broken promise, too.
pub(super) fn count(ended: Result<Ended, Failure>, what: &str) -> Totals {
    match ended {
        Ok(Ended { totals, violations, .. }) => {
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
