//! What SQLite says, in the words of every store.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::store::StoreError;

/// Shorthand for what everything here returns.
pub(super) type Result<T> = core::result::Result<T, StoreError>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let problem = error.to_string();
        // The index of the log grows by a write that fails only for want of room.
        if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::Full;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { problem },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SchemaChanged) => {
                Self::Damaged { problem }
            }
            Some(ErrorCode::ConstraintViolation) => Self::Invalid { problem },
            Some(_) => Self::Unavailable { problem },
            None => Self::Damaged { problem },
        }
    }
}

/// Says which file it is about, and what to do.
pub(super) fn at(path: &Path, error: StoreError) -> StoreError {
    let path = path.display();
    let hints = [
        (
            "database is locked",
            "another connection has held its lock for 10 s: find the program that holds it, and end its transaction",
        ),
        ("unable to open database file", "may this process read and write it, and its folder?"),
        (
            "disk I/O error",
            "see the system's log; if a file beside it (-wal, -shm) was deleted while another process has it open, stop that process first",
        ),
        ("not a database", "it was overwritten, or another file was meant"),
    ];
    let with_path = |problem: String| {
        let hint = hints.iter().find(|(said, _)| problem.contains(said)).map(|(_, hint)| *hint);
        hint.map_or_else(|| format!("{problem}: {path}"), |hint| format!("{problem}: {path}; {hint}"))
    };
    match error {
        StoreError::Damaged { problem } => StoreError::Damaged { problem: with_path(problem) },
        StoreError::ReadOnly { problem } => StoreError::ReadOnly { problem: with_path(problem) },
        StoreError::Unavailable { problem } => StoreError::Unavailable { problem: with_path(problem) },
        other @ (StoreError::Busy { .. }
        | StoreError::Closed
        | StoreError::Conflict { .. }
        | StoreError::Full
        | StoreError::Internal { .. }
        | StoreError::Invalid { .. }
        | StoreError::Replaced { .. }
        | StoreError::Schema { .. }) => other,
    }
}
