//! `PostgresOptions`, and `Pooling`: connections, timeouts, the queue, and the pooler in front of the server.

use core::fmt;
use core::time::Duration;

use crate::schema_name::Schema;
use gymhook_store::QueueLimits;

/// Whether a connection pooler in front of the server uses another session for each transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pooling {
    /// Detected when the store connects, by comparing the server processes of two connections.
    #[default]
    Detect,
    /// It does not: there is no pooler, or it pools sessions.
    Sessions,
    /// It does, as PgBouncer with `pool_mode = transaction`. No statement is prepared, each call is one transaction, and
    /// workers are notified of new work only if [`PostgresOptions::with_listen_url`] bypasses the pooler.
    Transactions,
}

/// How a store uses its database.
///
/// ```
/// use core::time::Duration;
/// use gymhook_postgres::PostgresOptions;
///
/// let options = PostgresOptions::new().with_connections(16).with_call_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    pub(super) schema: Schema,
    pub(super) connections: usize,
    pub(super) call_timeout: Duration,
    pub(super) pooling: Pooling,
    pub(super) listen_url: Option<String>,
    pub(super) read_only_allowed: bool,
    pub(super) queue_calls: usize,
    pub(super) queue_bytes: usize,
    pub(super) queue_wait: Duration,
}

impl PostgresOptions {
    /// The default maximum number of connections, beside the one that listens: our default.
    pub const CONNECTIONS: usize = 8;

    /// The default time limit of a call: 30 s (our default).
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

    /// The default maximum number of calls that are running or waiting: 1,024 (our default).
    pub const QUEUE_CALLS: usize = 1_024;

    /// The default maximum number of bytes in these calls: 64 MiB (our default).
    pub const QUEUE_BYTES: usize = 64 << 20;

    /// How long a call beyond that waits by default: 5 s (our default).
    pub const QUEUE_WAIT: Duration = Duration::from_secs(5);

    pub(super) const fn queue(&self) -> QueueLimits {
        QueueLimits { calls: self.queue_calls, bytes: self.queue_bytes, wait: self.queue_wait }
    }

    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            schema: Schema::default(),
            connections: Self::CONNECTIONS,
            call_timeout: Self::CALL_TIMEOUT,
            pooling: Pooling::Detect,
            listen_url: None,
            read_only_allowed: false,
            queue_calls: Self::QUEUE_CALLS,
            queue_bytes: Self::QUEUE_BYTES,
            queue_wait: Self::QUEUE_WAIT,
        }
    }

    /// In another schema than `gymhook`: several stores can share a database.
    #[must_use]
    pub fn with_schema(self, schema: Schema) -> Self {
        Self { schema, ..self }
    }

    /// The maximum number of connections, at least one. One more listens for work, in a process that works.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// How long a call may take, including the wait for a connection, before it fails with
    /// [`Unavailable`](gymhook_store::StoreError::Unavailable); at least a millisecond. The server is told to cancel it as well, so that it
    /// does not take effect much later: an `enqueue` that waited for others, at most this long after its caller was told.
    #[must_use]
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout: call_timeout.max(Duration::from_millis(1)), ..self }
    }

    /// Says whether a connection pooler in between pools transactions, instead of detecting it: this saves two connections
    /// when the store connects.
    #[must_use]
    pub fn with_pooling(self, pooling: Pooling) -> Self {
        Self { pooling, ..self }
    }

    /// A separate connection string for the connection that listens for new work, to the same database: for use with a pooler
    /// that pools transactions. Without one, workers poll.
    #[must_use]
    pub fn with_listen_url(self, url: impl Into<String>) -> Self {
        Self { listen_url: Some(url.into()), ..self }
    }

    /// Also connects to a read-only server, to read the log of a standby. Writes then fail with
    /// [`ReadOnly`](gymhook_store::StoreError::ReadOnly).
    #[must_use]
    pub fn with_read_only_allowed(self) -> Self {
        Self { read_only_allowed: true, ..self }
    }

    /// The maximum number of calls that run or wait for a connection, at least one; a worker's calls do not count. A further
    /// call waits for [`with_queue_wait`](Self::with_queue_wait), and then fails with [`Busy`](gymhook_store::StoreError::Busy).
    #[must_use]
    pub fn with_queue_calls(self, queue_calls: usize) -> Self {
        Self { queue_calls, ..self }
    }

    /// How many bytes of bodies, settings and names these calls may bring together, in steps of 1 KiB. As many again may be
    /// brought by those that wait to be let in, so the memory held by waiting calls is at most twice this in bodies. With ten
    /// times more calls than the server can serve the process was seen to grow by less than three times this, with what its
    /// connections send and the allocator's share (`cargo bench -p gymhook-benches --bench durable -- overload`). A call that
    /// is larger than that waits until it is alone.
    #[must_use]
    pub fn with_queue_bytes(self, queue_bytes: usize) -> Self {
        Self { queue_bytes, ..self }
    }

    /// How long a call waits for room, before [`with_call_timeout`](Self::with_call_timeout) begins to count. It is also the
    /// `retry_after` of [`Busy`](gymhook_store::StoreError::Busy), at least a second.
    #[must_use]
    pub fn with_queue_wait(self, queue_wait: Duration) -> Self {
        Self { queue_wait, ..self }
    }
}

/// `Debug` shows no connection string.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("connections", &self.connections)
            .field("call_timeout", &self.call_timeout)
            .field("pooling", &self.pooling)
            .field("read_only_allowed", &self.read_only_allowed)
            .field("queue_calls", &self.queue_calls)
            .field("queue_bytes", &self.queue_bytes)
            .field("queue_wait", &self.queue_wait)
            .finish_non_exhaustive()
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}
