//! `StoreError`: why a store's operation failed.

use core::time::Duration;

/// Why a store's operation failed. Nothing was written, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The maximum number of calls is waiting for the store: try again later. Nothing of this call was done.
    #[error("the store is busy: the maximum number of calls is waiting; try again in {} s", retry_after.as_secs())]
    Busy {
        /// When to try again, at least a second: an adapter's `Retry-After`.
        retry_after: Duration,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Something with this id already exists. The caller's mistake.
    #[error("{what} already exists")]
    Conflict {
        /// What exists.
        what: &'static str,
    },
    /// A row, a page or a file cannot be read. Caused by the disk, or by another program.
    #[error("the store is damaged: {problem}; restore it from a backup")]
    Damaged {
        /// What the database says.
        problem: String,
    },
    /// The disk is full. The operator must free some space.
    #[error("the disk is full: free some space; nothing was lost")]
    Full,
    /// A bug in the store. Nothing of this call was written.
    #[error("a fault inside the store: {problem}; please report it")]
    Internal {
        /// What happened.
        problem: String,
    },
    /// The request is invalid. The caller's mistake.
    #[error("{problem}")]
    Invalid {
        /// What is wrong with it.
        problem: String,
    },
    /// The file or the role is read-only. Caused by the configuration.
    #[error("the store cannot be written to: {problem}")]
    ReadOnly {
        /// What the database says.
        problem: String,
    },
    /// The file was deleted, moved or replaced while it was open: what is written to the open one is lost with the process.
    /// Caused by the operator. Nothing of this call is acknowledged.
    #[error(
        "{problem}: shut this process down cleanly, put the file back (or restore it from a backup), and start again"
    )]
    Replaced {
        /// What was found at the path.
        problem: String,
    },
    /// The tables have a version that this program does not know: a newer program has migrated them.
    #[error(
        "the tables have version {found}, and this program knows versions up to {known}: use a newer program"
    )]
    Schema {
        /// The tables' version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
    },
    /// The database does not answer, or is busy: try again later. It is not known whether the last call took effect.
    #[error("the database is not available: {problem}")]
    Unavailable {
        /// What it says.
        problem: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later, on its own or after space was freed.
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
