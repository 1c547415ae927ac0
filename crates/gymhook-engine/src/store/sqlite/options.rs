//! How a SQLite store is set up.

use core::num::{NonZeroU32, NonZeroU64};
use core::time::Duration;
use std::path::Path;

use super::SqliteStore;
use crate::store::StoreError;

/// Sets a [`SqliteStore`] up.
///
/// ```
/// use core::num::NonZeroU32;
/// use gymhook_engine::store::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("webhooks.db");
/// let store = SqliteStore::options().queue_calls(NonZeroU32::new(1_000).unwrap()).open(path)?;
/// # drop(store); Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it opens nothing until `open`"]
pub struct SqliteOptions {
    pub(super) queue_calls: NonZeroU32,
    pub(super) queue_bytes: NonZeroU64,
    pub(super) queue_wait: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        const CALLS: NonZeroU32 = NonZeroU32::new(4_096).unwrap();
        const BYTES: NonZeroU64 = NonZeroU64::new(128 << 20).unwrap();
        Self { queue_calls: CALLS, queue_bytes: BYTES, queue_wait: Duration::from_secs(10) }
    }
}

impl SqliteOptions {
    /// How many calls may be on their way to the disk: 4,096 (our default). As many again may wait behind them; a call
    /// beyond that gets [`StoreError::Busy`] at once. A worker's own calls do not count and go first.
    pub fn queue_calls(mut self, calls: NonZeroU32) -> Self {
        self.queue_calls = calls;
        self
    }

    /// How many bytes of notifications may be on their way to the disk: 128 MiB (our default). As many again may wait behind
    /// them, so that the store never holds more than twice this.
    pub fn queue_bytes(mut self, bytes: NonZeroU64) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How long a call waits for its place before it gets [`StoreError::Busy`]: 10 s (our default).
    pub fn queue_wait(mut self, wait: Duration) -> Self {
        self.queue_wait = wait;
        self
    }

    /// Opens a file, or makes it.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_with(path.as_ref(), self)
    }
}
