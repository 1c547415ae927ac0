//! The drivers: rounds of kills on one database, and what is left judged.

mod moment;
mod postgres;
mod sqlite;

use std::path::PathBuf;

pub use self::moment::Moment;
pub use self::postgres::{age_leases, postgres};
pub use self::sqlite::sqlite;
use crate::Failure;
use crate::stage::Stage;
use gymhook_crash_tests::random::Random;

/// A number of kills of gateways on one database.
#[derive(Clone, Debug)]
pub struct Round {
    /// The gateway's program.
    pub program: PathBuf,
    /// Chance follows from this.
    pub seed: u64,
    /// How many.
    pub kills: usize,
}

/// Lets the gateway work until its moment has come.
async fn until_its_moment(stage: &mut Stage, random: &mut Random) -> Result<(), Failure> {
    match Moment::draw(random) {
        Moment::AfterStart(after) => tokio::time::sleep(after).await,
        Moment::Listening(after) => {
            stage.until_it_listens().await?;
            tokio::time::sleep(after).await;
        }
        Moment::AtWork(after) => {
            stage.until_acknowledged().await?;
            tokio::time::sleep(after).await;
        }
    }
    Ok(())
}
