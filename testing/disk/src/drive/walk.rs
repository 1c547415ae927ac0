//! A walk through every call that SQLite makes to its disk: each fails in turn, in a run of its own.

use core::time::Duration;
use std::path::Path;

use gymhook_crash_tests::random::Random;
use gymhook_engine::Engine;
use gymhook_engine::store::SqliteStore;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::stage::{Ended, Stage};
use crate::Failure;
use crate::backend::SqliteBackend;
use crate::check::Told;
use crate::process::Process;
use crate::script::Size;
use crate::vfs::{Call, Disk, Error, Fault, Lasts, leave_little_memory};

/// From when on the calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strikes {
    /// From before the file is opened for the first time.
    FromTheStart,
    /// From when everything is at work.
    AtWork,
}

/// One run with one fault.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// What fails.
    pub fault: Fault,
    /// From when on its calls are counted.
    pub strikes: Strikes,
    /// Chance follows from this.
    pub seed: u64,
}

/// The runs of a walk: the first call of every kind fails, then the second, and so on, counted from the start and at work; how,
/// and for how long, follows from the seed. Endless: a fault that finds no call is none.
pub fn walks(seed: u64) -> impl Iterator<Item = Walk> {
    (1..).flat_map(move |nth| {
        let both = [Strikes::AtWork, Strikes::FromTheStart].into_iter();
        both.flat_map(move |strikes| {
            Call::ALL.into_iter().map(move |call| Walk::of(call, nth, strikes, seed))
        })
    })
}

const LASTS: [Lasts; 4] = [Lasts::Once, Lasts::UntilHealed, Lasts::NowAndThen, Lasts::ForEver];

impl Walk {
    /// The run in which this call fails.
    #[must_use]
    pub fn of(call: Call, nth: u64, strikes: Strikes, seed: u64) -> Self {
        let seed = Random::new(seed ^ (nth << 8) ^ call as u64 ^ ((strikes as u64) << 7)).draw();
        let mut random = Random::new(seed);
        let error = random.one_of(Error::of(call)).copied().unwrap_or(Error::Io);
        let lasts = random.one_of(&LASTS).copied().unwrap_or(Lasts::Once);
        Self { fault: Fault { call, nth, error, lasts }, strikes, seed }
    }

    /// The run of this seed in which this call fails, counted from the start. How, and for how long, differs from turn to turn.
    #[must_use]
    pub fn in_turn(call: Call, nth: u64, turn: u64, seed: u64) -> Self {
        let lasts = in_turn(&LASTS, turn).unwrap_or(Lasts::Once);
        // Each lasts differently the next time round.
        let error = in_turn(Error::of(call), turn + turn / LASTS.len() as u64).unwrap_or(Error::Io);
        Self { fault: Fault { call, nth, error, lasts }, strikes: Strikes::FromTheStart, seed }
    }
}

/// The one of these whose turn it is.
pub(super) fn in_turn<T: Copy>(all: &[T], turn: u64) -> Option<T> {
    let place = turn.checked_rem(all.len() as u64)?;
    all.get(usize::try_from(place).ok()?).copied()
}

/// Plays a run and judges it.
///
/// # Errors
/// The test itself failed, or the engine did not come to an end.
pub async fn walk(walk: &Walk) -> Result<Ended, Failure> {
    let folder = TempDir::with_prefix("gymhook-disk-")?;
    let ended = play(walk, folder.path()).await;
    ended.map_err(|problem| {
        format!("{}, counted {:?}, seed {}: {problem}", walk.fault, walk.strikes, walk.seed).into()
    })
}

async fn play(walk: &Walk, folder: &Path) -> Result<Ended, Failure> {
    let [first, second] = ["first", "second"].map(|name| folder.join(name));
    std::fs::create_dir(&first)?;
    std::fs::create_dir(&second)?;
    let disk = Disk::under(&first)?;
    leave_little_memory()?;
    let mut stage = Stage::set(SqliteBackend::in_folder(&first), walk.seed, Size::SMALL);
    let mut process = Process::begin()?;
    let survived = tokio::select! {
        ran = run(&process, &stage, &disk, *walk) => ran,
        () = dies(&disk, walk.fault.lasts) => Ok(()),
    };
    // It may have come to its end in the moment in which it died.
    let died = disk.is_dead();
    if died {
        stage.caller.ledger.die();
        drop(process);
        disk.until_still().await;
        stage = stage.clone().moved(stage.caller.backend.copy_to(&second)?);
        process = Process::begin()?;
        play_on(&process, &stage).await?;
    } else {
        survived?;
        disk.heal();
    }
    drop(process);
    let mut ended = stage.judge(told(walk.fault)).await?;
    ended.totals.rounds = 1;
    ended.reached = disk.hits() > 0;
    if ended.reached {
        ended.totals.faults = 1;
        ended.totals.full = u64::from(walk.fault.error.is_full());
        ended.totals.deaths = u64::from(died);
    }
    ended.counted = Call::ALL.map(|call| disk.counted(call)).to_vec();
    Ok(ended)
}

/// The process from beginning to end, with the disk failing in it.
async fn run(
    process: &Process,
    stage: &Stage<SqliteBackend>,
    disk: &Disk,
    walk: Walk,
) -> Result<(), Failure> {
    let mut healing = JoinSet::new();
    healing.spawn(heal(disk.clone(), walk));
    if walk.strikes == Strikes::FromTheStart {
        disk.arm(walk.fault);
    }
    let engine = begin(process, stage).await?;
    if walk.strikes == Strikes::AtWork {
        disk.arm(walk.fault);
    }
    end(process, stage, engine).await
}

/// A process that comes after a dead one.
async fn play_on(process: &Process, stage: &Stage<SqliteBackend>) -> Result<(), Failure> {
    let engine = begin(process, stage).await?;
    end(process, stage, engine).await
}

async fn begin(process: &Process, stage: &Stage<SqliteBackend>) -> Result<Engine<SqliteStore>, Failure> {
    let stage = stage.clone();
    process.run(async move { stage.begin().await }).await
}

async fn end(
    process: &Process,
    stage: &Stage<SqliteBackend>,
    engine: Engine<SqliteStore>,
) -> Result<(), Failure> {
    let stage = stage.clone();
    process
        .run(async move {
            stage.perform(&engine).await?;
            stage.finish(engine).await
        })
        .await
}

/// What lasts is healed after a while that differs from run to run.
async fn heal(disk: Disk, walk: Walk) {
    disk.until_hit().await;
    if matches!(walk.fault.lasts, Lasts::UntilHealed | Lasts::NowAndThen) {
        tokio::time::sleep(Duration::from_millis(2 + walk.fault.nth * 7 % 60)).await;
        disk.heal();
    }
}

/// Resolves when the process has to die.
async fn dies(disk: &Disk, lasts: Lasts) {
    if lasts != Lasts::ForEver {
        return core::future::pending().await;
    }
    disk.until_hit().await;
}

const fn told(fault: Fault) -> Told {
    match fault.lasts {
        // What comes after the fault fails in its own way, up to the end.
        Lasts::ForEver => Told::Either,
        _ if fault.error.is_full() => Told::Full,
        Lasts::Once | Lasts::UntilHealed | Lasts::NowAndThen => Told::Unavailable,
    }
}
