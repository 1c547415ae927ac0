//! How an engine is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use time::UtcDateTime;

use crate::store::StoreError;
use crate::{foreign, telemetry};

/// How an engine is, as far as it knows without asking its store. Times are by the store's clock.
///
/// [`Engine::readiness`](crate::Engine::readiness) asks the store as well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// What its worker does.
    pub worker: WorkerState,
    /// How often the worker panicked and was started again.
    pub restarts: u64,
    /// Why it panicked the last time, in one line.
    pub last_panic: Option<String>,
    /// When the worker last went to the store and came back without an error. It goes once in a poll interval at least, so that
    /// a worker whose last round trip is minutes ago hangs, or its store does.
    pub last_round_trip: Option<UtcDateTime>,
    /// When the worker last wrote to the store.
    pub last_commit: Option<UtcDateTime>,
    /// What the store last failed with when the worker went there, and when.
    pub last_store_error: Option<(StoreError, UtcDateTime)>,
    /// How many of the worker's last round trips to the store failed in a row.
    pub store_failures: u32,
}

/// What the worker of an engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// There is none: others deliver.
    EnqueueOnly,
    /// It delivers.
    Running {
        /// When it was started, or started again.
        since: UtcDateTime,
    },
    /// It panicked, and is started again after a pause, 30 s at most; nothing is delivered here meanwhile.
    Restarting {
        /// When it panicked.
        since: UtcDateTime,
    },
    /// It was told to stop, and waits for what is under way.
    Stopping,
    /// It has ended: nothing is delivered here any more.
    Stopped,
}

/// Why an engine is not ready.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The store cannot be written to.
    #[error("the store cannot be written to: {0}")]
    Store(#[from] StoreError),
    /// The worker does not run.
    #[error("{}", match state {
        WorkerState::Restarting { .. } => "the worker panicked and is started again: see the log",
        WorkerState::Stopping => "the worker is shutting down",
        WorkerState::EnqueueOnly | WorkerState::Running { .. } | WorkerState::Stopped => {
            "the worker has ended: start a new engine"
        }
    })]
    Worker {
        /// What it does instead.
        state: WorkerState,
    },
}

/// What a worker tells about itself, for whoever asks.
#[derive(Debug)]
pub(crate) struct Pulse(Mutex<Health>);

impl Pulse {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Health {
            worker: WorkerState::EnqueueOnly,
            restarts: 0,
            last_panic: None,
            last_round_trip: None,
            last_commit: None,
            last_store_error: None,
            store_failures: 0,
        }))
    }

    pub(crate) fn health(&self) -> Health {
        self.lock().clone()
    }

    pub(crate) fn running(&self, now: UtcDateTime) {
        self.turn(WorkerState::Running { since: now });
    }

    pub(crate) fn panicked(&self, why: String, now: UtcDateTime) {
        self.turn(WorkerState::Restarting { since: now });
        let mut health = self.lock();
        health.restarts += 1;
        health.last_panic = Some(why);
    }

    pub(crate) fn stopping(&self) {
        self.turn(WorkerState::Stopping);
    }

    pub(crate) fn stopped(&self) {
        self.turn(WorkerState::Stopped);
    }

    pub(crate) fn round_trip_ended(&self, now: UtcDateTime) {
        let mut health = self.lock();
        health.last_round_trip = Some(now);
        health.store_failures = 0;
    }

    pub(crate) fn committed(&self, now: UtcDateTime) {
        self.lock().last_commit = Some(now);
    }

    pub(crate) fn store_failed(&self, error: &StoreError, now: UtcDateTime) {
        let mut health = self.lock();
        health.last_store_error = Some((error.clone(), now));
        health.store_failures = health.store_failures.saturating_add(1);
    }

    fn turn(&self, state: WorkerState) {
        let is_up = |state| matches!(state, WorkerState::Running { .. } | WorkerState::Stopping);
        let was = core::mem::replace(&mut self.lock().worker, state);
        foreign::tell(|| telemetry::workers_running(i8::from(is_up(state)) - i8::from(is_up(was))));
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
