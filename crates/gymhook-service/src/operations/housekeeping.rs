//! What a service does by itself: it purges what ended long ago, and forgets API keys that ask no more.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use gymhook_engine::Engine;
use gymhook_engine::store::{Store as _, StoreError};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::app::App;
use crate::database::Database;

/// How many deliveries are purged in one transaction: few, so that nobody waits for it.
const BATCH: u32 = 500;

/// How often it is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between two rounds; the first one comes after a tenth of it. Up to half of it is added, so that the processes of one database
    /// do not all purge at once.
    pub(crate) every: Duration,
    /// Between two batches, so that others write in between.
    pub(crate) pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { every: Duration::from_secs(20 * 60), pause: Duration::from_millis(20) }
    }
}

/// The task that does it; it ends with this value.
#[derive(Debug, Default)]
pub(crate) struct Housekeeping(Mutex<Option<JoinHandle<()>>>);

impl Housekeeping {
    pub(crate) fn start(&self, app: &Arc<App>, pace: Pace) {
        let app = Arc::downgrade(app);
        let task = tokio::spawn(async move {
            let mut wait = pace.every / 10;
            loop {
                tokio::time::sleep(wait + drawn(pace.every / 2)).await;
                let Some(app) = app.upgrade() else { return };
                app.key_limits.forget_idle();
                let keep = app.settings.load().keep;
                if let Some(keep) = keep {
                    purge_and_tell(&app.outgoing, keep, pace.pause).await;
                }
                wait = pace.every;
            }
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Ends it. A batch under way is written, or not at all.
    pub(crate) fn stop(&self) {
        if let Some(task) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl Drop for Housekeeping {
    fn drop(&mut self) {
        self.stop();
    }
}

/// After an error the next round goes on where this one ended.
async fn purge_and_tell(engine: &Engine<Database>, keep: Duration, pause: Duration) {
    let mut purged = 0;
    let result = purge(engine, keep, pause, &mut purged).await;
    metrics::counter!("gymhook_purged_total").increment(purged);
    match result {
        Ok(()) if purged == 0 => tracing::debug!("nothing to purge"),
        Ok(()) => tracing::info!(purged, keep_days = keep.as_secs() / 86_400, "purged what ended long ago"),
        Err(error) => tracing::warn!(purged, %error, "purging ended early: the next round goes on"),
    }
}

async fn purge(
    engine: &Engine<Database>,
    keep: Duration,
    pause: Duration,
    purged: &mut u64,
) -> Result<(), StoreError> {
    // The time of the database: what the rows have.
    let now = engine.now().await?;
    let Some(before) = time::Duration::try_from(keep).ok().and_then(|keep| now.checked_sub(keep)) else {
        return Ok(());
    };
    loop {
        let batch = engine.store().purge(before, BATCH).await?;
        *purged += batch;
        if batch < u64::from(BATCH) {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
    }
}

/// Any length below this one.
fn drawn(below: Duration) -> Duration {
    let [a, b, ..] = *Uuid::new_v4().as_bytes();
    below * u32::from(u16::from_be_bytes([a, b])) / u32::from(u16::MAX)
}
