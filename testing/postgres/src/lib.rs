//! A private PostgreSQL server for a test.
//!
//! [`Server::start`] makes a cluster in a temporary folder with the installed programs and starts it on a Unix socket in
//! that folder: no port, no running server's data. A watcher process stops the server and removes the folder when the
//! [`Server`] is dropped or this process ends, however it ends.
//!
//! [`shared`] is one such server for all tests of a process, or the one that `GYMHOOK_TEST_DATABASE_URL` names. Whoever
//! has neither the programs nor that variable gets an error that says what to install: nothing is skipped.

mod pooler;
mod programs;
mod server;

use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;

use tokio_postgres::Config;

pub use crate::pooler::{PoolMode, Pooler};
pub use crate::programs::MissingPrograms;
pub use crate::server::{Server, ServerTls, StartError};

/// The variable that names an existing database to be used instead of a private server.
pub const URL_VARIABLE: &str = "GYMHOOK_TEST_DATABASE_URL";

/// How to reach the database that all tests of this process share; the first call starts it.
///
/// # Errors
/// [`StartError`]: PostgreSQL is not installed, does not start, or the variable's value is no connection string.
pub fn shared() -> Result<Config, StartError> {
    static SERVER: OnceLock<Result<Server, StartError>> = OnceLock::new();
    match std::env::var(URL_VARIABLE) {
        Ok(url) => url.parse().map_err(|error: tokio_postgres::Error| StartError::Url(error.to_string())),
        Err(_) => SERVER.get_or_init(Server::start).as_ref().map(Server::config).map_err(Clone::clone),
    }
}

/// A schema name that no other test uses, in this process or another.
#[must_use]
pub fn fresh_schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
