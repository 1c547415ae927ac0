//! `Failure`: converts SQLite's errors to those of a store.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use gymhook_store::StoreError;

/// What everything that talks to SQLite returns.
pub(super) type Result<T, E = Failure> = core::result::Result<T, E>;

/// A [`StoreError`] on its way up: this crate may convert SQLite's errors into its own type only.
#[derive(Debug)]
pub(super) struct Failure(pub(super) StoreError);

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self(in_every_store_s_words(&error))
    }
}

fn in_every_store_s_words(error: &rusqlite::Error) -> StoreError {
    let problem = error.to_string();
    // The index of the log grows by a write that fails only for want of room.
    if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE) {
        return StoreError::Full;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreError::ReadOnly { problem },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SchemaChanged) => {
            StoreError::Damaged { problem }
        }
        Some(ErrorCode::ConstraintViolation) => StoreError::Invalid { problem },
        Some(_) => StoreError::Unavailable { problem },
        None => StoreError::Damaged { problem },
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
        ("unable to open database file", "check that this process may read and write it and its folder"),
        (
            "disk I/O error",
            "check the system's log; if a file beside it (-wal, -shm) was deleted while another process has it open, stop that process first",
        ),
        ("not a database", "it was overwritten, or the path is wrong"),
    ];
    let with_path = |problem: String| {
        let hint = hints.iter().find(|(said, _)| problem.contains(said)).map(|(_, hint)| *hint);
        hint.map_or_else(|| format!("{problem}: {path}"), |hint| format!("{problem}: {path}; {hint}"))
    };
    error.map_problem(with_path)
}
