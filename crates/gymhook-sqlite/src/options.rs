//! `SqliteOptions`: the limits of the queue in front of the writer.

use core::time::Duration;
use std::path::Path;

use super::SqliteStore;
use gymhook_store::QueueLimits;
use gymhook_store::StoreError;

/// How a store uses its file.
///
/// ```
/// use core::time::Duration;
/// use gymhook_sqlite::SqliteStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let store = SqliteStore::options()
///     .with_queue_bytes(16 << 20)
///     .with_queue_wait(Duration::from_secs(2))
///     .open(folder.path().join("webhooks.db"))?;
/// # drop(store); Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    pub(super) queue: QueueLimits,
}

impl SqliteOptions {
    /// The default maximum number of calls that wait to be written: 4,096 (our default).
    pub const QUEUE_CALLS: usize = 4_096;

    /// The default maximum number of bytes in these calls: 64 MiB (our default).
    pub const QUEUE_BYTES: usize = 64 << 20;

    /// How long a call beyond that waits by default: 5 s (our default).
    pub const QUEUE_WAIT: Duration = Duration::from_secs(5);

    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        let queue =
            QueueLimits { calls: Self::QUEUE_CALLS, bytes: Self::QUEUE_BYTES, wait: Self::QUEUE_WAIT };
        Self { queue }
    }

    /// The maximum number of calls that wait to be written, at least one. As many again may wait for room; any further call
    /// fails with [`StoreError::Busy`].
    #[must_use]
    pub const fn with_queue_calls(mut self, calls: usize) -> Self {
        self.queue.calls = calls;
        self
    }

    /// The maximum number of bytes in these calls: bodies, types, origins, settings, commands, and their ids and times. A
    /// call's place in the queue, some hundred bytes, is bounded by [`with_queue_calls`](Self::with_queue_calls). As many
    /// bytes again may be brought by the calls that wait for room, so the memory held by waiting calls is at most twice this.
    /// With ten times more calls than the disk can serve the process grew by less than three times this, the allocator's
    /// share included, beside SQLite's cache of 64 MiB (`cargo bench -p gymhook-benches --bench durable -- overload`). A call
    /// that is larger than that is admitted alone.
    #[must_use]
    pub const fn with_queue_bytes(mut self, bytes: usize) -> Self {
        self.queue.bytes = bytes;
        self
    }

    /// How long a call waits for room before it fails with [`StoreError::Busy`].
    #[must_use]
    pub const fn with_queue_wait(mut self, wait: Duration) -> Self {
        self.queue.wait = wait;
        self
    }

    /// Opens a file with these options, as [`SqliteStore::open`] does.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_with(path.as_ref(), self)
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}
