//! `Failure`: converts the errors of PostgreSQL and its driver to those of a store.

use core::error::Error;
use std::io;

use deadpool_postgres::{HookError, PoolError};

use super::sqlstate;
use gymhook_store::StoreError;

/// Shorthand for what everything here returns.
pub(super) type Result<T, E = Failure> = core::result::Result<T, E>;

/// What an error says about a server that accepts no writes.
pub(super) const READ_ONLY: &str = "the server accepts no writes: it is a standby, or default_transaction_read_only is on; \
                                    connect to the primary, or name all hosts, as in host=a,b \
                                    target_session_attrs=read-write";

/// Why a call failed, and whether it is worth to begin it again at once.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    /// Whether the server undid everything.
    pub(super) was_undone: bool,
    /// The constraint that refused a row.
    pub(super) constraint: Option<String>,
}

impl Failure {
    /// The same for a connection that could not be made.
    pub(super) fn at(mut self, place: &str) -> Self {
        if let StoreError::Invalid { problem } | StoreError::Unavailable { problem } = &mut self.error {
            problem.insert_str(0, &format!("no connection to {place}: "));
        }
        self
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self { error, was_undone: false, constraint: None }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let was_undone = error.code().is_some_and(sqlstate::was_undone);
        let constraint = error.as_db_error().and_then(|said| said.constraint()).map(str::to_owned);
        Self { error: in_every_store_s_words(&error), was_undone, constraint }
    }
}

fn in_every_store_s_words(error: &tokio_postgres::Error) -> StoreError {
    if let Some(said) = error.as_db_error() {
        return sqlstate::classify(said);
    }
    let problem = with_causes(error);
    if error.is_closed() {
        return StoreError::Unavailable { problem: "the connection was closed".to_owned() };
    }
    match Driver::of(error) {
        Driver::TakesNoWrites => StoreError::ReadOnly { problem: format!("of all hosts, {READ_ONLY}") },
        Driver::IsSetUpWrongly => StoreError::Invalid { problem },
        Driver::HasNoTls => {
            let advice = "check sslmode, that sslrootcert is the CA that issued the server's certificate, and that its \
                          subjectAltName has the host's name";
            StoreError::Invalid { problem: format!("{problem}: {advice}") }
        }
        Driver::Failed => StoreError::Unavailable { problem },
    }
}

/// What an error is that the driver made. It tells the kinds apart by their words alone, which tests hold fast.
enum Driver {
    TakesNoWrites,
    /// The same settings will never do.
    IsSetUpWrongly,
    /// Nor will this server, by TLS.
    HasNoTls,
    Failed,
}

impl Driver {
    fn of(error: &tokio_postgres::Error) -> Self {
        let io_error = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
        if io_error.is_some_and(|cause| cause.to_string() == "database does not allow writes") {
            return Self::TakesNoWrites;
        }
        let said = error.to_string();
        let settings = ["invalid configuration", "invalid connection string", "authentication error"];
        if settings.iter().any(|kind| said.starts_with(kind)) {
            return Self::IsSetUpWrongly;
        }
        // A certificate, or a server without TLS; a connection that was cut in the middle of it is none of these.
        let is_cut = io_error.is_some_and(|cause| cause.kind() != io::ErrorKind::InvalidData);
        if said.starts_with("error performing TLS handshake") && !is_cut {
            return Self::HasNoTls;
        }
        Self::Failed
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::PostCreateHook(HookError::Message(problem)) if problem == READ_ONLY => {
                StoreError::ReadOnly { problem: problem.into_owned() }.into()
            }
            PoolError::PostCreateHook(HookError::Message(problem)) => {
                StoreError::Invalid { problem: problem.into_owned() }.into()
            }
            PoolError::Closed => StoreError::Closed.into(),
            PoolError::Timeout(_) | PoolError::NoRuntimeSpecified => {
                let problem = "no connection became free in time: the server is slow, or PostgresOptions::with_connections too \
                               small";
                StoreError::Unavailable { problem: problem.to_owned() }.into()
            }
        }
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    core::iter::successors(Some(error), |error| (*error).source())
}

/// An error in words, with what is behind it.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = causes(error).map(ToString::to_string).collect();
    // Some repeat their cause.
    said.dedup();
    said.join(": ")
}
