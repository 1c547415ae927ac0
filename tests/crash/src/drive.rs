//! The drivers: they start senders, kill them, and have what is left judged.

mod campaign;
mod moment;
mod postgres;
mod sqlite;

pub use self::campaign::{Campaign, judge};
pub use self::moment::{CRASH_POINTS, Moment};
pub use self::postgres::{PostgresRound, postgres};
pub use self::sqlite::{SqliteRound, sqlite};

use core::time::Duration;

use gymhook_engine::store::{Store, StoreError};

use crate::Failure;

/// Nothing here takes so long, unless it hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// Waits until nothing is under way and nothing that is due waits.
///
/// # Errors
/// It does not come to that in any reasonable time.
pub async fn until_drained(store: &impl Store) -> Result<(), Failure> {
    let whole = async {
        loop {
            let stats = match store.now().await {
                Ok(now) => store.stats(now).await,
                Err(error) => Err(error),
            };
            match stats {
                // What is held is due tomorrow.
                Ok(stats) if stats.in_flight == 0 && is_far(store, stats.oldest_due).await? => return Ok(()),
                Ok(_) => {}
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(LONGEST, whole).await {
        Ok(drained) => Ok(drained?),
        Err(_) => Err("deliveries that are due still wait".into()),
    }
}

async fn is_far(store: &impl Store, due: Option<time::UtcDateTime>) -> Result<bool, StoreError> {
    let soon = store.now().await? + Duration::from_secs(3_600);
    Ok(due.is_none_or(|due| due > soon))
}
