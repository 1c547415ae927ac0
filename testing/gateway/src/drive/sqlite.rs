//! One gateway at a time on a SQLite file, killed again and again.

use std::path::Path;

use gymhook_crash_tests::orders::Place;
use gymhook_crash_tests::random::Random;
use gymhook_engine::store::SqliteStore;
use tempfile::TempDir;

use super::{Round, until_its_moment};
use crate::Failure;
use crate::check::Totals;
use crate::stage::Stage;

/// Plays a round and judges it.
///
/// # Errors
/// A promise was broken, or the test itself failed.
pub async fn sqlite(round: &Round) -> Result<Totals, Failure> {
    let folder = TempDir::with_prefix("gymhook-gateway-")?;
    let ended = play(round, folder.path()).await;
    if ended.is_err() {
        eprintln!("everything is kept in {}", folder.keep().display());
    }
    ended
}

async fn play(round: &Round, folder: &Path) -> Result<Totals, Failure> {
    let file = folder.join("gymhook.db");
    let mut random = Random::new(round.seed);
    let mut stage = Stage::set(&round.program, Place::Sqlite(file.clone()), folder, round.seed).await?;
    for _ in 0..round.kills {
        until_its_moment(&mut stage, &mut random).await?;
        stage.kill().await?;
        stage.start_again()?;
    }
    stage.until_acknowledged().await?;
    stage.end(&SqliteStore::open(&file)?).await
}
