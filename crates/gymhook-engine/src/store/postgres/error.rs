//! What PostgreSQL says, in the words of every store.

use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// Shorthand for what everything here returns.
pub(super) type Result<T, E = Failure> = core::result::Result<T, E>;

/// Why a call failed, and whether it is worth to begin it again at once.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    /// Whether the server undid everything so that others could go on.
    pub(super) was_undone: bool,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, was_undone: false }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let undone = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
        let was_undone = error.code().is_some_and(|code| undone.contains(code));
        Self { error: error.into(), was_undone }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // What the values were is in the detail, which nobody is told.
            Some(said) => classify(said.code(), said.message().to_owned()),
            None if error.is_closed() => {
                Self::Unavailable { problem: "the connection was closed".to_owned() }
            }
            None => Self::Unavailable { problem: with_causes(&error) },
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::PostCreateHook(HookError::Message(problem)) => {
                StoreError::Invalid { problem: problem.into_owned() }.into()
            }
            PoolError::Closed => StoreError::Closed.into(),
            PoolError::Timeout(_) | PoolError::NoRuntimeSpecified => {
                StoreError::Unavailable { problem: "no connection became free in time".to_owned() }.into()
            }
        }
    }
}

/// What a state's two-letter class means for the caller: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn classify(state: &SqlState, problem: String) -> StoreError {
    let read_only = [SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::INSUFFICIENT_PRIVILEGE];
    let corrupted = [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED];
    if *state == SqlState::DISK_FULL {
        return StoreError::Full;
    }
    if read_only.contains(state) {
        return StoreError::ReadOnly { problem };
    }
    if corrupted.contains(state) {
        return StoreError::Damaged { problem };
    }
    match state.code().get(..2) {
        // A table or a column is gone.
        Some("42" | "3F") => StoreError::Damaged { problem },
        // Values that cannot be stored, or are too large; the role or the database does not exist.
        Some("22" | "23" | "28" | "3D" | "54") => StoreError::Invalid { problem },
        _ => StoreError::Unavailable { problem },
    }
}

fn with_causes(error: &dyn core::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        said.push_str(": ");
        said.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    said
}
