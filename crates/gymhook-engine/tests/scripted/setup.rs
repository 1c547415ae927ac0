//! An engine to be tried: on a SQLite file, through a scripted transport.

#![allow(dead_code, reason = "each test file uses its own part")]

use core::time::Duration;

use gymhook_engine::Engine;
use gymhook_engine::store::{SqliteStore, State, Store};
use tempfile::TempDir;

use crate::scripted::*;

/// An engine on a file of its own.
pub struct Setup {
    pub folder: TempDir,
    pub transport: Scripted,
    pub engine: Engine<SqliteStore>,
}

impl Setup {
    pub async fn new(transport: Scripted) -> Self {
        Self::on(tempfile::tempdir().unwrap(), transport).await
    }

    pub async fn on(folder: TempDir, transport: Scripted) -> Self {
        let store = SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
        let engine = Engine::builder(store)
            .poll_interval(Duration::from_millis(50))
            .shutdown_grace(Duration::from_millis(200))
            .start(transport.clone())
            .await
            .unwrap();
        Self { folder, transport, engine }
    }

    /// Enqueues deliveries for an endpoint; all are new.
    pub async fn enqueue(&self, ids: impl IntoIterator<Item = u128>, to: u128) {
        let new = ids.into_iter().map(|id| notification(id, to)).collect();
        for answer in self.engine.enqueue(new).await.unwrap() {
            assert_eq!(answer, Ok(gymhook_engine::store::Enqueued::New));
        }
    }

    pub async fn state(&self, id: u128) -> State {
        self.engine.store().delivery(delivery(id)).await.unwrap().expect("it is there").state
    }

    pub async fn until_state(&self, id: u128, state: State) {
        until(&format!("delivery {id} is {}", state.as_str()), || async { self.state(id).await == state })
            .await;
    }

    /// Until nothing waits and nothing is under way.
    pub async fn until_idle(&self) {
        until("nothing is left to do", || async {
            let stats = self.engine.stats().await.unwrap();
            stats.waiting + stats.in_flight == 0
        })
        .await;
    }

    /// What the log says of each attempt: the status, or the outcome's name.
    pub async fn outcomes(&self, id: u128) -> Vec<String> {
        let attempts = self.engine.store().attempts(delivery(id)).await.unwrap();
        let outcome = |attempt: gymhook_engine::store::AttemptRow| {
            attempt.status.map_or(attempt.outcome, |status| status.to_string())
        };
        attempts.into_iter().map(outcome).collect()
    }
}
