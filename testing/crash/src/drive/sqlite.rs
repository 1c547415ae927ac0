//! One sender at a time on a SQLite file, killed again and again.

use core::num::NonZeroU32;
use core::time::Duration;
use std::path::{Path, PathBuf};

use gymhook_engine::store::SqliteStore;
use tempfile::TempDir;

use super::campaign::{judge, wait_for_work};
use super::moment::Moment;
use super::until_drained;
use crate::Failure;
use crate::orders::{Orders, Place};
use crate::process::Process;
use crate::random::Random;
use crate::receiver::Receiver;
use crate::total::Totals;
use crate::wire::Event;

/// A number of kills of senders that work on one file.
#[derive(Clone, Debug)]
pub struct SqliteRound {
    /// The sender's program.
    pub program: PathBuf,
    /// Chance follows from this.
    pub seed: u64,
    /// How many.
    pub kills: usize,
    /// The number of the first, which says when it happens.
    pub first: usize,
}

/// Plays a round and judges it.
///
/// # Errors
/// A promise was broken, or the test itself failed.
pub async fn sqlite(round: &SqliteRound) -> Result<Totals, Failure> {
    let folder = TempDir::with_prefix("gymhook-crash-")?;
    let ended = play(round, folder.path()).await;
    if ended.is_err() {
        eprintln!("everything is kept in {}", folder.keep().display());
    }
    ended
}

async fn play(round: &SqliteRound, folder: &Path) -> Result<Totals, Failure> {
    let receiver = Receiver::start(folder)?;
    let file = folder.join("webhooks.db");
    let mut random = Random::new(round.seed);
    let mut orders = Orders {
        place: Place::Sqlite(file.clone()),
        folder: folder.to_owned(),
        endpoints: (0..7).collect(),
        enqueues: true,
        seed: 0,
        dies: None,
        lease: Duration::from_secs(5),
        max_endpoints: NonZeroU32::MAX,
    };
    for kill in round.first..round.first + round.kills {
        let moment = Moment::of(kill, &mut random);
        orders.seed = random.draw();
        orders.dies = moment.point();
        let mut process = Process::start(&round.program, &orders)?;
        let pid = process.pid();
        match moment {
            Moment::At(point) => {
                process.dies().await.map_err(|problem| format!("{problem}: {point:?}"))?;
            }
            Moment::AfterStart(after) => {
                tokio::time::sleep(after).await;
                process.kill().await?;
            }
            Moment::AtWork(after) => {
                wait_for_work(folder, &mut process).await?;
                tokio::time::sleep(after).await;
                process.kill().await?;
            }
        }
        receiver.mark(Event::Killed { pid })?;
    }
    (orders.enqueues, orders.dies) = (false, None);
    let last = Process::start(&round.program, &orders)?;
    let store = SqliteStore::open(&file)?;
    until_drained(&store).await?;
    last.end().await?;
    judge(folder, receiver.stop()?, &store).await
}
