//! How many calls may wait for the server, with how much in their hands.

use core::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::options::PostgresOptions;
use crate::store::StoreError;

/// Bytes are counted in these.
const UNIT: usize = 1 << 10;

/// Lets in as many callers at a time as there may be, and of these as many to the pool as leave a connection to the worker.
///
/// A worker's calls pass by: it has few at a time, and what callers left must go on being delivered while they wait.
#[derive(Debug)]
pub(super) struct Admission {
    calls: Semaphore,
    units: Semaphore,
    most_units: u32,
    connections: Semaphore,
    wait: Duration,
}

/// A call that was let in, until it has ended.
#[derive(Debug)]
pub(super) struct Admitted<'a> {
    _call: SemaphorePermit<'a>,
    _units: SemaphorePermit<'a>,
}

impl Admission {
    pub(super) fn new(options: &PostgresOptions) -> Self {
        let most_units = units(options.queue_bytes).max(1);
        Self {
            calls: Semaphore::new(options.queue_calls.clamp(1, Semaphore::MAX_PERMITS)),
            units: Semaphore::new(most_units as usize),
            most_units,
            connections: Semaphore::new(options.connections.saturating_sub(1).max(1)),
            wait: options.queue_wait,
        }
    }

    /// Waits until a call that brings so many bytes may join the others. One that is larger than all that may wait together is
    /// let in alone.
    pub(super) async fn enter(&self, bytes: usize) -> Result<Admitted<'_>, StoreError> {
        let units = units(bytes).min(self.most_units);
        let both = async {
            let call = self.calls.acquire().await.ok()?;
            Some(Admitted { _call: call, _units: self.units.acquire_many(units).await.ok()? })
        };
        match timeout(self.wait, both).await {
            Ok(entered) => entered.ok_or(StoreError::Closed),
            Err(_) => Err(StoreError::Busy { retry_after: self.wait.max(Duration::from_secs(1)) }),
        }
    }

    /// The turn of a call that was let in to ask the pool for a connection.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.connections.acquire().await.map_err(|_| StoreError::Closed)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}
