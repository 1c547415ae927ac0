//! A walk through every call that SQLite makes to its disk: each fails in turn, in a run of its own.

use core::time::Duration;
use std::path::Path;

use gymhook_crash_tests::random::Random;
use gymhook_engine::Engine;
use gymhook_engine::store::SqliteStore;
use tempfile::TempDir;

use super::stage::{Ended, Stage};
use crate::Failure;
use crate::check::Told;
use crate::ground::SqliteGround;
use crate::life::Life;
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

impl Walk {
    /// The run in which this call fails.
    #[must_use]
    pub fn of(call: Call, nth: u64, strikes: Strikes, seed: u64) -> Self {
        const LASTS: [Lasts; 4] = [Lasts::Once, Lasts::UntilHealed, Lasts::NowAndThen, Lasts::ForEver];
        let seed = Random::new(seed ^ (nth << 8) ^ call as u64 ^ ((strikes as u64) << 7)).draw();
        let mut random = Random::new(seed);
        let error = random.one_of(Error::of(call)).copied().unwrap_or(Error::Io);
        let lasts = random.one_of(&LASTS).copied().unwrap_or(Lasts::Once);
        Self { fault: Fault { call, nth, error, lasts }, strikes, seed }
    }
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
    let mut stage = Stage::set(SqliteGround::in_folder(&first), walk.seed, Size::SMALL);
    let mut life = Life::begin()?;
    let work = run(&life, stage.clone(), disk.clone(), *walk);
    let survivor = tokio::select! {
        worked = work => Some(worked?),
        () = dies(&disk, walk.fault.lasts) => None,
    };
    let mut deaths = 0;
    let engine = match survivor {
        Some(engine) => engine,
        None => {
            stage.caller.ledger.die();
            drop(life);
            disk.until_still().await;
            stage = stage.clone().moved(stage.caller.ground.copy_to(&second)?);
            life = Life::begin()?;
            deaths = 1;
            let again = stage.clone();
            life.run(async move { again.begin().await }).await?
        }
    };
    let last = stage.clone();
    life.run(async move {
        last.perform(&engine).await?;
        last.finish(engine).await
    })
    .await?;
    drop(life);
    let mut ended = stage.judge(told(walk.fault)).await?;
    ended.totals.rounds = 1;
    ended.reached = disk.hits() > 0;
    if ended.reached {
        ended.totals.faults = 1;
        ended.totals.full = u64::from(walk.fault.error.is_full());
        ended.totals.deaths = deaths;
    }
    Ok(ended)
}

/// The process up to where the whole script was played, with the disk failing in it.
async fn run(
    life: &Life,
    stage: Stage<SqliteGround>,
    disk: Disk,
    walk: Walk,
) -> Result<Engine<SqliteStore>, Failure> {
    let healing = tokio::spawn(heal(disk.clone(), walk));
    let run = life.run(async move {
        if walk.strikes == Strikes::FromTheStart {
            disk.arm(walk.fault);
        }
        let engine = stage.begin().await?;
        if walk.strikes == Strikes::AtWork {
            disk.arm(walk.fault);
        }
        stage.perform(&engine).await?;
        disk.heal();
        Ok(engine)
    });
    let ran = run.await;
    healing.abort();
    ran
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
