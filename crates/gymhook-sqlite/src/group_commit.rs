//! Group commit: the calls that wait at one time share a transaction.
//!
//! SQLite answers many errors, among them a full disk and a failed write, by rolling the **whole** transaction back, and some
//! by undoing the statement alone. So after each call this asks whether the transaction is still open. Where it is not, every
//! call that was in it fails, whatever that call itself was told, and those that are left begin a new one. Nothing is ever
//! written outside a transaction that this began.

use rusqlite::Connection;

use super::error::{self, Failure, Result};
use super::place::Place;
use super::quietly::quietly;
use gymhook_store::StoreError;

/// A call: it is given a connection, or told why there is none, and leaves behind what its caller is told.
pub(super) type Job = Box<dyn FnOnce(Step<'_>) -> Done + Send>;

/// Tells the caller of a call how its transaction ended.
pub(super) type Tell = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a call leaves behind.
pub(super) struct Done {
    pub(super) tell: Tell,
    /// Why the transaction is gone, if it is.
    pub(super) lost: Option<StoreError>,
}

/// What a call may do.
pub(super) enum Step<'c> {
    /// Read, outside a transaction.
    Read(&'c Connection),
    /// Read and write, inside a transaction.
    Write(&'c Connection),
    /// Nothing, for this reason.
    Nothing(StoreError),
}

impl Step<'_> {
    /// Takes the step, and says what came of it and why the transaction is gone, if it is.
    pub(super) fn run<T>(
        self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> (Result<T, StoreError>, Option<StoreError>) {
        match self {
            Step::Read(connection) => (work(connection), None),
            Step::Write(connection) => in_savepoint(connection, work),
            Step::Nothing(error) => (Err(error), None),
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> (Result<T, StoreError>, Option<StoreError>) {
    if let Err(error) = execute(connection, "SAVEPOINT call") {
        return (Err(error.clone()), Some(error));
    }
    let found = work(connection);
    if connection.is_autocommit() {
        let gone = || StoreError::Unavailable { problem: "SQLite gave the transaction up".to_owned() };
        let error = found.err().unwrap_or_else(gone);
        return (Err(error.clone()), Some(error));
    }
    let undone = if found.is_err() { execute(connection, "ROLLBACK TO call") } else { Ok(()) };
    match undone.and_then(|()| execute(connection, "RELEASE call")) {
        Ok(()) => (found, None),
        Err(error) => {
            // What made the call fail says more than what kept it from being undone.
            let error = found.err().unwrap_or(error);
            (Err(error.clone()), Some(error))
        }
    }
}

/// Runs calls, in as many transactions as it takes, and tells each caller once its own has ended.
pub(super) fn write_group(connection: &Connection, place: &Place, group: Vec<Job>) {
    let mut jobs = group.into_iter();
    while jobs.len() > 0 {
        write_transaction(connection, place, &mut jobs);
    }
}

fn write_transaction(connection: &Connection, place: &Place, jobs: &mut std::vec::IntoIter<Job>) {
    if let Err(error) = begin(connection, place) {
        save_log(connection, place, &error);
        for job in jobs {
            (job(Step::Nothing(error.clone())).tell)(Err(error.clone()));
        }
        return;
    }
    let mut callers = Vec::with_capacity(jobs.len());
    let mut lost = None;
    for job in jobs {
        let done = job(Step::Write(connection));
        callers.push(done.tell);
        lost = done.lost;
        if lost.is_some() {
            break;
        }
    }
    let ended = match lost {
        Some(error) => Err(error),
        // Whoever finds the file later finds only what lies at its path.
        None => execute(connection, "COMMIT").and_then(|()| place.check()),
    };
    if let Err(error) = &ended {
        roll_back(connection);
        save_log(connection, place, error);
    }
    for tell in callers {
        tell(ended.clone());
    }
}

fn begin(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    roll_back(connection);
    place.check()?;
    execute(connection, "BEGIN IMMEDIATE").map_err(|error| error::at(place.path(), error))
}

/// Ends a transaction that an error left open. If even that fails, the next one does not begin, and says why.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = execute(connection, "ROLLBACK")
    {
        quietly(|| {
            tracing::error!(%error, "a transaction that failed was not rolled back: nothing is written until it is");
        });
    }
}

/// Writes what was acknowledged into the database, if the log that it is in has lost its place: with the process it would be
/// gone.
fn save_log(connection: &Connection, place: &Place, error: &StoreError) {
    if !matches!(error, StoreError::Replaced { .. }) || !place.can_be_saved() {
        return;
    }
    let saved = connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| {
        let (busy, frames, written): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!busy && frames == written)
    });
    if !matches!(saved, Ok(true)) {
        quietly(|| {
            tracing::error!(
                ?saved,
                "acknowledged data is in a write-ahead log that was moved: close the store cleanly"
            );
        });
    }
}

fn execute(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    let executed = connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
    executed.map(drop).map_err(|error| Failure::from(error).into())
}
