//! What a sender process is told to do: JSON in its only argument.

use core::num::NonZeroU32;
use core::time::Duration;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the store is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Place {
    /// In this file.
    Sqlite(PathBuf),
    /// In this database and schema.
    Postgres {
        /// A connection string.
        url: String,
        /// The schema.
        schema: String,
    },
}

/// What a sender does to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// `SIGKILL`.
    Kill,
    /// `SIGSTOP`, once.
    Stop,
}

/// Where in the store's operations to die, or to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashPoint {
    /// The operation's name in kebab case.
    pub operation: String,
    /// `before` or `after`.
    pub when: String,
    /// On which passage of the point, from 1.
    pub nth: u64,
    /// What happens there.
    pub signal: Signal,
}

/// What a sender does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    /// Where its store is.
    pub place: Place,
    /// Where the logs and the sockets are.
    pub folder: PathBuf,
    /// The endpoints that it subscribes, and enqueues notifications for.
    pub endpoints: Vec<u32>,
    /// Whether it enqueues; else it only delivers.
    pub enqueues: bool,
    /// Chance follows from this.
    pub seed: u64,
    /// Whether to die somewhere by itself, or to stop.
    pub dies: Option<CrashPoint>,
    /// How long its leases last.
    pub lease: Duration,
    /// How many endpoints it may lease at a time.
    pub max_endpoints: NonZeroU32,
}

impl Orders {
    /// How many attempts it may have under way.
    pub const MAX_IN_FLIGHT: u32 = 40;
    /// How many threads it makes them in: as many as its runtime has.
    pub const THREADS: u32 = 2;

    /// How long an attempt may take: less than half of a lease, and not for long, since some are never answered.
    #[must_use]
    pub fn attempt_timeout(&self) -> Duration {
        (self.lease * 2 / 5).min(Duration::from_secs(1))
    }
}
