//! `Engine`: a store and, optionally, a worker that delivers from it; starting, shutting down, health and readiness.

mod builder;

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use gymhook_delivery::EndpointId;
use time::UtcDateTime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

pub use self::builder::EngineBuilder;
use crate::health::{Health, NotReady, Pulse, WorkerState};
use crate::options::Options;
use crate::store::{Store, StoreError};
use crate::telemetry;
use crate::user_code::{self, Place};
use crate::worker::{Means, Worker, supervise};
use crate::worker_requests::Request;
use crate::{Subscription, Transport};

/// Delivers enqueued notifications durably. Cloning is cheap: all clones are the same engine.
///
/// When the last clone is dropped, its worker shuts down gracefully, if the runtime keeps running; [`Engine::shutdown`] waits for
/// that.
#[derive(Clone, Debug)]
pub struct Engine<S> {
    store: S,
    options: Arc<Options>,
    worker: Option<Arc<Running>>,
    pulse: Arc<Pulse>,
}

struct Running {
    requests: UnboundedSender<Request>,
    ended: Mutex<Option<JoinHandle<()>>>,
    check: Check,
}

/// Whether a worker's transport can send for a subscription.
type Check = Box<dyn Fn(&Subscription) -> Result<(), String> + Send + Sync>;

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl<S: Store> Engine<S> {
    /// A builder of an engine on this store.
    #[must_use]
    pub fn builder(store: S) -> EngineBuilder<S> {
        EngineBuilder::new(store)
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// The store's time.
    ///
    /// # Errors
    /// The store's error.
    pub async fn now(&self) -> Result<UtcDateTime, StoreError> {
        self.store.now().await
    }

    /// Tells the worker of this process that there may be work, after your own commit (outbox). The worker also polls by
    /// itself, once in each poll interval.
    pub fn look_for_work(&self, endpoints: impl IntoIterator<Item = EndpointId>) {
        if let Some(worker) = &self.worker {
            // A worker that has ended need not be told.
            drop(worker.requests.send(Request::Look(endpoints.into_iter().collect())));
        }
    }

    /// Stops the worker gracefully: no new attempt begins, those in flight may end, and the leases are released.
    ///
    /// After the shutdown grace the remaining attempts are abandoned, and not charged. If the store fails or does not answer,
    /// it waits another five seconds; then leases are not released, but expire. It does nothing for an engine without a
    /// worker, or the second time.
    pub async fn shutdown(&self) {
        let Some(worker) = &self.worker else { return };
        drop(worker.requests.send(Request::Stop { grace: self.options.shutdown_grace }));
        let ended = worker.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended
            && let Err(error) = ended.await
        {
            tracing::error!(%error, "the worker task failed: its endpoints are taken over when its leases expire");
        }
    }

    /// The engine's health, without asking its store: the worker's state, and when the worker's calls of the store last succeeded
    /// and last failed.
    #[must_use]
    pub fn health(&self) -> Health {
        self.pulse.health()
    }

    /// Whether the engine can work now: its worker runs, if it has one, and the store can be written to, tested by a small
    /// write that changes nothing. For a readiness probe, every few seconds: it costs a commit on SQLite, a round trip and a
    /// commit on PostgreSQL.
    ///
    /// # Errors
    /// [`NotReady`], with what is missing. A store that has not answered after five seconds is
    /// [`StoreError::Unavailable`].
    pub async fn readiness(&self) -> Result<(), NotReady> {
        const PATIENCE: Duration = Duration::from_secs(5);
        match self.health().worker {
            WorkerState::EnqueueOnly | WorkerState::Running { .. } => {}
            state @ (WorkerState::Restarting { .. } | WorkerState::Stopping | WorkerState::Stopped) => {
                return Err(NotReady::Worker { state });
            }
        }
        let probe = user_code::run(Place::Store, || self.store.check_writable());
        match tokio::time::timeout(PATIENCE, probe).await {
            Ok(answered) => Ok(answered.map_err(StoreError::from)??),
            Err(_) => {
                let problem = format!("no answer within {} s", PATIENCE.as_secs());
                Err(StoreError::Unavailable { problem }.into())
            }
        }
    }

    /// Whether this engine's worker can send for a subscription. An engine without a worker, or for the other direction,
    /// cannot tell.
    pub(crate) fn check(&self, subscription: &Subscription) -> Result<(), String> {
        self.worker.as_ref().map_or(Ok(()), |worker| (worker.check)(subscription))
    }

    pub(crate) const fn options(&self) -> &Arc<Options> {
        &self.options
    }

    pub(crate) fn without_worker(store: S, options: Options) -> Self {
        Self { store, options: Arc::new(options), worker: None, pulse: Arc::new(Pulse::new()) }
    }

    pub(crate) async fn start<T: Transport>(
        store: S,
        options: Options,
        transport: T,
    ) -> Result<Self, StoreError> {
        let direction = user_code::call(Place::Transport, || transport.direction()).map_err(|panicked| {
            StoreError::Invalid { problem: format!("asked for its direction, {panicked}") }
        })?;
        user_code::quietly(telemetry::describe);
        let (options, transport, pulse) = (Arc::new(options), Arc::new(transport), Arc::new(Pulse::new()));
        let means = Means {
            store: store.clone(),
            transport: Arc::clone(&transport),
            direction,
            options: Arc::clone(&options),
            pulse: Arc::clone(&pulse),
        };
        let worker = user_code::run(Place::Store, || Worker::start(means.clone())).await??;
        let (requests, asked) = unbounded_channel();
        let ended = Mutex::new(Some(tokio::spawn(supervise(worker, means, asked))));
        let check: Check = Box::new(move |subscription| {
            if subscription.direction() != direction {
                return Ok(());
            }
            let checked = user_code::call(Place::Transport, || transport.check(subscription));
            checked.unwrap_or_else(|panicked| Err(panicked.to_string()))
        });
        Ok(Self { store, options, worker: Some(Arc::new(Running { requests, ended, check })), pulse })
    }
}
