//! The drivers: they start senders, kill them, and have what is left judged.

mod campaign;
mod moment;
mod postgres;
mod sqlite;

pub use self::campaign::{Campaign, judge, wait_for_work};
pub use self::moment::{CRASH_POINTS, Moment};
pub use self::postgres::{PostgresRound, postgres};
pub use self::sqlite::{SqliteRound, sqlite};

use core::time::Duration;

use gymhook_engine::store::{StatsQuery, Store, StoreError};

use crate::Failure;

/// Nothing here takes this long, unless it hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// Waits until nothing is under way, and only what is held waits.
///
/// # Errors
/// It does not come to that in any reasonable time.
pub async fn until_drained(store: &impl Store) -> Result<(), Failure> {
    let whole = async {
        loop {
            match is_drained(store).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
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

async fn is_drained(store: &impl Store) -> Result<bool, StoreError> {
    // A retry is due by then, what is held tomorrow. One look at all of it: what is under way may come to wait again.
    let soon = store.now().await? + Duration::from_secs(3_600);
    let stats = store.stats(StatsQuery::new(), soon).await?;
    Ok(stats.in_flight == 0 && stats.oldest_due.is_none())
}
