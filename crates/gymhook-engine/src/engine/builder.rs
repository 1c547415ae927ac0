//! `EngineBuilder`: the settings of an engine and of its worker, and `start`.

use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use gymhook_delivery::{EndpointChange, EndpointId, Limits};
use gymhook_retry::RetryBudget;

use super::Engine;
use crate::options::Options;
use crate::secret_cipher::SecretCipher;
use crate::store::{Store, StoreError};
use crate::{LoggedAttempt, Transport};

/// Builds an [`Engine`].
///
/// ```
/// use core::num::NonZeroU32;
/// use core::time::Duration;
/// use gymhook_engine::Engine;
/// use gymhook_engine::store::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let store = SqliteStore::open(folder.path().join("webhooks.db"))?;
/// let engine = Engine::builder(store)
///     .max_in_flight(NonZeroU32::new(500).unwrap())
///     .shutdown_grace(Duration::from_secs(10))
///     .enqueue_only();
/// # drop(engine); Ok(()) }
/// ```
#[derive(Debug)]
pub struct EngineBuilder<S> {
    store: S,
    options: Options,
}

impl<S: Store> EngineBuilder<S> {
    pub(super) fn new(store: S) -> Self {
        Self { store, options: Options::default() }
    }

    /// The maximum number of attempts in flight; 256 by default, no more than a tenth of them to one endpoint.
    #[must_use]
    pub fn max_in_flight(mut self, attempts: NonZeroU32) -> Self {
        self.options.limits = Limits::new(attempts);
        self
    }

    /// All limits shared by the endpoints.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Limits retries to a share of the traffic; no limit by default.
    #[must_use]
    pub fn retry_budget(mut self, budget: Option<RetryBudget>) -> Self {
        self.options.retry_budget = budget;
        self
    }

    /// How long a lease on an endpoint lasts without renewal: after a worker is killed, its endpoints wait no longer than
    /// this. 90 s by default, at least a millisecond. Make it at least twice the longest attempt timeout, so that no attempt
    /// outlives the lease of a paused worker.
    #[must_use]
    pub fn lease_length(mut self, length: Duration) -> Self {
        self.options.lease_length = length.max(Duration::from_millis(1));
        self
    }

    /// How often to poll for work, and read the store's clock; 1 s by default, at least a millisecond.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.poll_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// The number of deliveries of one endpoint that are held in memory, to be sent next; 128 by default.
    #[must_use]
    pub const fn window(mut self, deliveries: NonZeroU32) -> Self {
        self.options.window = deliveries;
        self
    }

    /// The maximum number of endpoints that this process leases; 20,000 by default.
    #[must_use]
    pub const fn max_endpoints(mut self, endpoints: NonZeroU32) -> Self {
        self.options.max_endpoints = endpoints;
        self
    }

    /// The maximum number of endpoints to lease at once, so that other workers get some; 256 by default.
    #[must_use]
    pub const fn lease_batch(mut self, endpoints: NonZeroU32) -> Self {
        self.options.lease_batch = endpoints;
        self
    }

    /// How long to keep an idle endpoint; 2 s by default.
    #[must_use]
    pub const fn idle_release(mut self, after: Duration) -> Self {
        self.options.idle_release = after;
        self
    }

    /// How long a shutdown waits for attempts in flight; 30 s by default.
    #[must_use]
    pub const fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.options.shutdown_grace = grace;
        self
    }

    /// Encrypts secrets before they are stored. Without it they are stored as they are.
    #[must_use]
    pub fn secret_cipher(mut self, cipher: impl SecretCipher + 'static) -> Self {
        self.options.secret_cipher = Arc::new(cipher);
        self
    }

    /// Calls this on every change of an endpoint, except for its rate tokens, in the process whose worker holds it. It must
    /// return at once. To warn the owner reliably, even across a crash, use [`Engine::notices`].
    #[must_use]
    pub fn on_endpoint_change(
        mut self,
        observe: impl Fn(EndpointId, EndpointChange) + Send + Sync + 'static,
    ) -> Self {
        self.options.on_endpoint_change = Some(Arc::new(observe));
        self
    }

    /// Calls this on every attempt of this process's worker, once its row is in the log: what it reads of the log has the row,
    /// and the state of the delivery that follows from it. It must return at once.
    ///
    /// It is called once for each row, in the order in which the rows were written, and never for one that was not written. It
    /// is not called for a row that was written without this process getting to know of it: if the process ends or its worker
    /// panics at that moment, or if the store's answer is lost and the lease with it.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::sync::Arc;
    ///
    /// use gymhook_engine::Engine;
    /// use gymhook_engine::store::SqliteStore;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let failed = Arc::new(AtomicU64::new(0));
    /// let count = Arc::clone(&failed);
    /// let builder = Engine::builder(SqliteStore::open(folder.path().join("webhooks.db"))?).on_attempt_logged(move |attempt| {
    ///     if !attempt.row.status.is_some_and(|status| (200..300).contains(&status)) {
    ///         count.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// # drop(builder); Ok(()) }
    /// ```
    #[must_use]
    pub fn on_attempt_logged(mut self, observe: impl Fn(&LoggedAttempt<'_>) + Send + Sync + 'static) -> Self {
        self.options.on_attempt_logged = Some(Arc::new(observe));
        self
    }

    /// An engine that enqueues and queries, and leaves delivering to other processes.
    #[must_use]
    pub fn enqueue_only(self) -> Engine<S> {
        Engine::without_worker(self.store, self.options)
    }

    /// Starts delivering through this transport, on the caller's Tokio runtime.
    ///
    /// # Errors
    /// The store's error on its first use.
    pub async fn start<T: Transport>(self, transport: T) -> Result<Engine<S>, StoreError> {
        Engine::start(self.store, self.options, transport).await
    }
}
