//! Why a store could not do what it was asked.

use core::time::Duration;

/// Why a store could not do what it was asked. Nothing was written, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// More calls wait for the store than it may hold: try again after a while. Nothing of this call was done.
    #[error("the store is busy: as many calls wait for it as may; try again in {} s", retry_after.as_secs())]
    Busy {
        /// When to try again, at least a second: an adapter's `Retry-After`.
        retry_after: Duration,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Something with this name is there already. The caller's mistake.
    #[error("{what} is there already")]
    Conflict {
        /// What.
        what: &'static str,
    },
    /// A row, a page or a file cannot be read. Caused by the disk, or by another program.
    #[error("the store is damaged: {problem}; restore it from a copy")]
    Damaged {
        /// What the database says.
        problem: String,
    },
    /// No room is left on the disk. The operator has to make room.
    #[error("the disk is full: make room, nothing was lost")]
    Full,
    /// Something inside the store failed that never should. Nothing of this call was written.
    #[error("a fault inside the store: {problem}; please report it")]
    Internal {
        /// What happened.
        problem: String,
    },
    /// A request that no store can carry out. The caller's mistake.
    #[error("{problem}")]
    Invalid {
        /// What is wrong with it.
        problem: String,
    },
    /// The file or the role may only read. Caused by its setup.
    #[error("the store may not be written to: {problem}")]
    ReadOnly {
        /// What the database says.
        problem: String,
    },
    /// The file was deleted, moved or replaced while it was open: what is written to the open one is lost with the process.
    /// Whoever runs the machine caused it. Nothing of this call is acknowledged.
    #[error(
        "{problem}: let this process shut down in good order, put the file back (or restore it from a copy), and start again"
    )]
    Replaced {
        /// What was found at the path.
        problem: String,
    },
    /// The tables are of a version that this program does not know. A newer program has been here.
    #[error("the tables are of version {found}, this program knows up to {known}: use a newer one")]
    Schema {
        /// The tables' version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The database does not answer, or is busy: try again later. Whether the last call took effect is not known.
    #[error("the database is not available: {problem}")]
    Unavailable {
        /// What it says.
        problem: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later, without anybody's doing or after room was made.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Full | Self::Unavailable { .. })
    }

    /// The same error with another `problem`, if it has one that a database worded ([`Damaged`](Self::Damaged),
    /// [`ReadOnly`](Self::ReadOnly), [`Unavailable`](Self::Unavailable)): a store adds which file or server it is about.
    #[must_use]
    pub fn map_problem(self, map: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Damaged { problem } => Self::Damaged { problem: map(problem) },
            Self::ReadOnly { problem } => Self::ReadOnly { problem: map(problem) },
            Self::Unavailable { problem } => Self::Unavailable { problem: map(problem) },
            other @ (Self::Busy { .. }
            | Self::Closed
            | Self::Conflict { .. }
            | Self::Full
            | Self::Internal { .. }
            | Self::Invalid { .. }
            | Self::Replaced { .. }
            | Self::Schema { .. }) => other,
        }
    }
}
