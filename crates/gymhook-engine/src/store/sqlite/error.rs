//! What SQLite says, in the words of every store.

use rusqlite::ErrorCode;

use crate::store::StoreError;

/// Shorthand for what everything here returns.
pub(super) type Result<T> = core::result::Result<T, StoreError>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let problem = error.to_string();
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
