//! `Options`: the settings of an engine, with their defaults, which its operations and its worker read.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use gymhook_delivery::{EndpointChange, EndpointId, Limits};
use gymhook_retry::RetryBudget;

use crate::LoggedAttempt;
use crate::secret_cipher::{PlainText, SecretCipher};

type Observer = Arc<dyn Fn(EndpointId, EndpointChange) + Send + Sync>;
type AttemptObserver = Arc<dyn Fn(&LoggedAttempt<'_>) + Send + Sync>;

/// The settings of an engine. All defaults are ours.
pub(crate) struct Options {
    pub(crate) limits: Limits,
    pub(crate) retry_budget: Option<RetryBudget>,
    pub(crate) lease_length: Duration,
    pub(crate) poll_interval: Duration,
    pub(crate) window: NonZeroU32,
    pub(crate) horizon: Duration,
    pub(crate) max_endpoints: NonZeroU32,
    pub(crate) lease_batch: NonZeroU32,
    pub(crate) idle_release: Duration,
    pub(crate) shutdown_grace: Duration,
    pub(crate) secret_cipher: Arc<dyn SecretCipher>,
    pub(crate) on_endpoint_change: Option<Observer>,
    pub(crate) on_attempt_logged: Option<AttemptObserver>,
}

impl Options {
    /// The longest attempt that certainly ends before its lease, since leases are renewed while two thirds of them remain.
    pub(crate) fn longest_attempt(&self) -> Duration {
        self.lease_length / 2
    }

    /// An endpoint's window is refilled when no more than this many deliveries wait in it.
    pub(crate) const fn low_water(&self) -> usize {
        self.window.get() as usize / 2
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("limits", &self.limits)
            .field("lease_length", &self.lease_length)
            .field("poll_interval", &self.poll_interval)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::new(NonZeroU32::MIN.saturating_add(255)),
            retry_budget: None,
            lease_length: Duration::from_secs(90),
            poll_interval: Duration::from_secs(1),
            window: NonZeroU32::MIN.saturating_add(127),
            horizon: Duration::from_secs(10),
            max_endpoints: NonZeroU32::MIN.saturating_add(19_999),
            lease_batch: NonZeroU32::MIN.saturating_add(255),
            idle_release: Duration::from_secs(2),
            shutdown_grace: Duration::from_secs(30),
            secret_cipher: Arc::new(PlainText),
            on_endpoint_change: None,
            on_attempt_logged: None,
        }
    }
}
