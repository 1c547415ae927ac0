//! `Housekeeping`: purges deliveries that ended long ago, and forgets the request limits of idle API keys.

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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use gymhook::event::Vendor;
    use gymhook::signature::{Keyring, Secret};
    use gymhook::{Provider, Receiver};
    use gymhook_engine::store::{DeliveryQuery, SqliteStore};
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{Service, Settings, Source};

    const KEY: &str = "the key that egym sends";

    /// A service that has taken this many webhooks and passed them on to nobody: all of them have ended.
    async fn with_ended(store: &SqliteStore, settings: Settings, count: usize) -> Service {
        let egym = Provider::of(Vendor::EGYM).unwrap();
        let keys = Keyring::single("berlin", Secret::new(KEY).unwrap()).unwrap();
        let sources = vec![Source::new("egym", Receiver::new(&egym, keys).unwrap())];
        let service = Service::start(Settings { sources, ..settings }, store.clone()).await.unwrap();
        let router = service.router();
        for account in 0..count {
            let body =
                format!(r#"{{"accountId":"a-{account}","timestamp":1667921312188,"type":"GYM_CHECKIN"}}"#);
            let request = Request::post("/in/egym").header("x-api-key", KEY).body(Body::from(body)).unwrap();
            assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 200);
        }
        let idle = async {
            loop {
                let stats = service.app().outgoing.stats().await.unwrap();
                if stats.waiting + stats.in_flight == 0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), idle).await.unwrap();
        service
    }

    async fn kept(engine: &Engine<Database>) -> usize {
        engine.deliveries(DeliveryQuery::new(200)).await.unwrap().items.len()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_ended_long_enough_ago_is_purged_a_batch_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
        let count = usize::try_from(BATCH).unwrap() + 1;
        let service = with_ended(&store, Settings { keep: None, ..Settings::default() }, count).await;
        let engine = &service.app().outgoing;
        let mut purged = 0;
        purge(engine, Duration::from_secs(3_600), Duration::ZERO, &mut purged).await.unwrap();
        assert_eq!((purged, kept(engine).await), (0, 200), "what ended just now was purged");
        purge(engine, Duration::ZERO, Duration::ZERO, &mut purged).await.unwrap();
        assert_eq!((purged, kept(engine).await), (u64::from(BATCH) + 1, 0));
        // A database that is away ends a round, and nothing else.
        store.close().await.unwrap();
        purge_and_tell(engine, Duration::ZERO, Duration::ZERO).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_service_purges_by_itself_as_its_settings_say_now() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
        let service = with_ended(&store, Settings { keep: None, ..Settings::default() }, 3).await;
        let app = service.app();
        let pace = Pace { every: Duration::from_millis(10), pause: Duration::ZERO };
        app.housekeeping.stop();
        app.housekeeping.start(app, pace);
        let settings = app.settings.load_full();
        app.settings.store(Arc::new(Settings { keep: Some(Duration::ZERO), ..Settings::clone(&settings) }));
        let purged = async {
            while kept(&app.outgoing).await > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), purged).await.unwrap();
        app.housekeeping.stop();
    }

    #[test]
    fn what_is_drawn_is_below_its_bound() {
        for _ in 0..1_000 {
            assert!(drawn(Duration::from_secs(10)) <= Duration::from_secs(10));
        }
        assert_eq!(drawn(Duration::ZERO), Duration::ZERO);
    }
}
