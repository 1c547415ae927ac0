//! Disks that are full for real: at random moments, while everything is at work.

use core::time::Duration;
use std::path::Path;

use gymhook_crash_tests::random::Random;
use gymhook_engine::Engine;
use gymhook_engine::store::SqliteStore;
use tokio::task::JoinHandle;

use super::stage::{Ended, Stage};
use crate::Failure;
use crate::backend::SqliteBackend;
use crate::check::Told;
use crate::ledger::Ledger;
use crate::process::Process;
use crate::script::Size;
use crate::small_disk::{Ballast, SmallDisk};
use crate::vfs::{Disk, leave_little_memory};

/// More than a disk of this holds beside what was taken away of it.
pub(super) const MEBIBYTES: u32 = 16;

const SIZE: Size = Size { each: 6, longest: 120_000 };

/// How often a disk fills up in a round.
pub(super) const FILLINGS: u64 = 4;

/// Plays a round on this disk, in a folder of its own, and judges it.
///
/// # Errors
/// The test itself failed, or the engine did not come to an end.
pub async fn full(seed: u64, disk: &SmallDisk) -> Result<Ended, Failure> {
    let folder = tempfile::tempdir_in(disk.path())?;
    let ended = play(seed, disk, folder.path()).await;
    ended.map_err(|problem| format!("full disk, seed {seed}: {problem}").into())
}

async fn play(seed: u64, disk: &SmallDisk, folder: &Path) -> Result<Ended, Failure> {
    let mut random = Random::new(seed);
    let [first, second] = ["first", "second"].map(|name| folder.join(name));
    std::fs::create_dir(&first)?;
    std::fs::create_dir(&second)?;
    leave_little_memory()?;
    let device = Disk::under(&first)?;
    let mut stage = Stage::set(SqliteBackend::in_folder(&first), seed, SIZE);
    let mut process = Process::begin()?;
    let begun = stage.clone();
    let mut engine = process.run(async move { begun.begin().await }).await?;

    let mut working = tokio::spawn(work(process, stage.clone(), engine.clone()));
    let (mut faults, mut deaths) = (0, 0);
    for _ in 0..FILLINGS {
        let (ballast, struck) =
            fill(disk, random.below(400_000), &mut random, &stage.caller.ledger, &working).await?;
        faults += u64::from(struck);
        let dies = struck && deaths == 0 && random.below(8) == 0;
        if dies {
            device.die();
            stage.caller.ledger.die();
            working.abort();
            let _gone = (&mut working).await;
            device.until_still().await;
        }
        ballast.remove()?;
        if dies {
            deaths += 1;
            stage = stage.clone().moved(stage.caller.backend.copy_to(&second)?);
            process = Process::begin()?;
            let begun = stage.clone();
            engine = process.run(async move { begun.begin().await }).await?;
            working = tokio::spawn(work(process, stage.clone(), engine.clone()));
        }
    }
    let process = working.await??;
    let last = stage.clone();
    process.run(async move { last.finish(engine).await }).await?;
    drop(process);
    let mut ended = stage.judge(if deaths > 0 { Told::Either } else { Told::Full }).await?;
    (ended.totals.rounds, ended.totals.deaths) = (1, deaths);
    (ended.totals.faults, ended.totals.full) = (faults, faults);
    Ok(ended)
}

/// Fills a disk, except `left` bytes, at a random moment, and waits for a while after a caller was refused, or until there is
/// nothing more to do. Says whether one was.
pub(super) async fn fill<'d, T>(
    disk: &'d SmallDisk,
    left: u64,
    random: &mut Random,
    ledger: &Ledger,
    working: &JoinHandle<T>,
) -> Result<(Ballast<'d>, bool), Failure> {
    tokio::time::sleep(Duration::from_micros(random.below(20_000))).await;
    let before = ledger.refusals();
    let ballast = disk.fill(left)?;
    let struck = until_refused(ledger, before, random, working).await;
    Ok((ballast, struck))
}

/// Waits for a while after more callers than before were refused, or until there is nothing more to do. Says whether one was.
pub(super) async fn until_refused<T>(
    ledger: &Ledger,
    before: usize,
    random: &mut Random,
    working: &JoinHandle<T>,
) -> bool {
    while ledger.refusals() == before && !working.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let struck = ledger.refusals() > before;
    tokio::time::sleep(Duration::from_millis(random.below(40))).await;
    struck
}

/// The process up to where the whole script was played; it dies when this is given up.
async fn work(
    process: Process,
    stage: Stage<SqliteBackend>,
    engine: Engine<SqliteStore>,
) -> Result<Process, Failure> {
    process.run(async move { stage.perform(&engine).await }).await?;
    Ok(process)
}
