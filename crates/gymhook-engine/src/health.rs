//! `Health` and `WorkerState` of an engine, and `Pulse`, in which a worker notes them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use time::UtcDateTime;

use crate::store::StoreError;
use crate::{telemetry, user_code};

/// The health of an engine, without asking its store. Times are by the store's clock.
///
/// [`Engine::readiness`](crate::Engine::readiness) asks the store as well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The state of its worker.
    pub worker: WorkerState,
    /// How often the worker panicked and was restarted.
    pub restarts: u64,
    /// The message of its last panic, in one line.
    pub last_panic: Option<String>,
    /// When the worker's last round trip to the store succeeded. There is at least one in each poll interval, so if the last
    /// one is minutes ago, the worker or its store hangs.
    pub last_round_trip: Option<UtcDateTime>,
    /// When the worker last wrote to the store.
    pub last_commit: Option<UtcDateTime>,
    /// The last error of the store on a round trip of the worker, and its time.
    pub last_store_error: Option<(StoreError, UtcDateTime)>,
    /// How many of the worker's last round trips to the store failed in a row.
    pub store_failures: u32,
}

/// The state of an engine's worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// There is no worker: other processes deliver.
    EnqueueOnly,
    /// It is running.
    Running {
        /// When it was started or restarted.
        since: UtcDateTime,
    },
    /// It panicked, and is restarted after a pause of at most 30 s; nothing is delivered here in the meantime.
    Restarting {
        /// When it panicked.
        since: UtcDateTime,
    },
    /// It is shutting down, and waits for the attempts in flight.
    Stopping,
    /// It has ended: nothing more is delivered here.
    Stopped,
}

/// Why an engine is not ready.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The store cannot be written to.
    #[error("the store cannot be written to: {0}")]
    Store(#[from] StoreError),
    /// The worker is not running.
    #[error("{}", match state {
        WorkerState::Restarting { .. } => "the worker panicked and is started again: see the log",
        WorkerState::Stopping => "the worker is shutting down",
        WorkerState::EnqueueOnly | WorkerState::Running { .. } | WorkerState::Stopped => {
            "the worker has ended: start a new engine"
        }
    })]
    Worker {
        /// The worker's state.
        state: WorkerState,
    },
}

/// The health that a worker publishes.
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
        self.set_state(WorkerState::Running { since: now });
    }

    pub(crate) fn panicked(&self, why: String, now: UtcDateTime) {
        self.set_state(WorkerState::Restarting { since: now });
        let mut health = self.lock();
        health.restarts += 1;
        health.last_panic = Some(why);
    }

    pub(crate) fn stopping(&self) {
        self.set_state(WorkerState::Stopping);
    }

    pub(crate) fn stopped(&self) {
        self.set_state(WorkerState::Stopped);
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

    fn set_state(&self, state: WorkerState) {
        let is_up = |state| matches!(state, WorkerState::Running { .. } | WorkerState::Stopping);
        let was = core::mem::replace(&mut self.lock().worker, state);
        user_code::quietly(|| telemetry::workers_running(i8::from(is_up(state)) - i8::from(is_up(was))));
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
