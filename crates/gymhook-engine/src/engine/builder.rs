//! Setting an engine up.

use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use gymhook_delivery::{EndpointChange, EndpointId, Limits};
use gymhook_retry::RetryBudget;

use super::Engine;
use crate::Transport;
use crate::options::Options;
use crate::secret_cipher::SecretCipher;
use crate::store::{Store, StoreError};

/// Sets an [`Engine`] up.
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

    /// The maximum number of attempts under way; 256 by default, no more than a tenth of them to one endpoint.
    #[must_use]
    pub fn max_in_flight(mut self, attempts: NonZeroU32) -> Self {
        self.options.limits = Limits::new(attempts);
        self
    }

    /// What all endpoints together may use, in full.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Retries at most a share of the traffic; no limit by default.
    #[must_use]
    pub fn retry_budget(mut self, budget: Option<RetryBudget>) -> Self {
        self.options.retry_budget = budget;
        self
    }

    /// How long a lease on an endpoint lasts without renewal: so long at most nobody works where a worker was killed. 90 s by
    /// default, at least a millisecond. Make it at least twice the longest attempt timeout, so that no attempt outlives the lease of a
    /// worker that stands still.
    #[must_use]
    pub fn lease_length(mut self, length: Duration) -> Self {
        self.options.lease_length = length.max(Duration::from_millis(1));
        self
    }

    /// How often to look for work that nobody has told of, and at the store's clock; 1 s by default, at least a millisecond.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.options.poll_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// How many deliveries of one endpoint are held in memory to be sent next; 128 by default.
    #[must_use]
    pub const fn window(mut self, deliveries: NonZeroU32) -> Self {
        self.options.window = deliveries;
        self
    }

    /// How many endpoints this process works on at a time; 20,000 by default.
    #[must_use]
    pub const fn max_endpoints(mut self, endpoints: NonZeroU32) -> Self {
        self.options.max_endpoints = endpoints;
        self
    }

    /// How many endpoints to lease at once, so that others get some; 256 by default.
    #[must_use]
    pub const fn lease_batch(mut self, endpoints: NonZeroU32) -> Self {
        self.options.lease_batch = endpoints;
        self
    }

    /// How long to keep an endpoint that has nothing to do; 2 s by default.
    #[must_use]
    pub const fn idle_release(mut self, after: Duration) -> Self {
        self.options.idle_release = after;
        self
    }

    /// How long a shutdown waits for attempts under way; 30 s by default.
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

    /// Calls this on everything that changes about an endpoint but its tokens, in the process whose worker it is. It has to return
    /// at once. To warn its owner, and not lose that in a crash, ask for [`Engine::notices`].
    #[must_use]
    pub fn on_endpoint_change(
        mut self,
        observe: impl Fn(EndpointId, EndpointChange) + Send + Sync + 'static,
    ) -> Self {
        self.options.on_endpoint_change = Some(Arc::new(observe));
        self
    }

    /// An engine that takes over and looks back, and leaves delivering to others.
    #[must_use]
    pub fn enqueue_only(self) -> Engine<S> {
        Engine::idle(self.store, self.options)
    }

    /// Starts to deliver through this transport, on the Tokio runtime of the caller.
    ///
    /// # Errors
    /// Whatever the store says when it is asked for the first time.
    pub async fn start<T: Transport>(self, transport: T) -> Result<Engine<S>, StoreError> {
        Engine::start(self.store, self.options, transport).await
    }
}
