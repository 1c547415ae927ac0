//! `write_group`, group commit: the calls that wait at one time share a transaction.
//!
//! Calls seldom fail, and a savepoint around each would copy every page that it changes. So a group is first written without
//! savepoints. If one of its calls fails, everything is rolled back, and the group is written again with them, so that the
//! others lose nothing by it.
//!
//! SQLite answers many errors, among them a full disk and a failed write, by rolling the **whole** transaction back, and some
//! by undoing the statement alone. So after each call this asks whether the transaction is still open. Where it is not, every
//! call that was in it fails, whatever that call itself was told, and those that are left begin a new one. Nothing is ever
//! written outside a transaction that this began.

use rusqlite::Connection;

use super::database_file::Place;
use super::error::{self, Failure, Result};
use super::quietly::quietly;
use gymhook_store::StoreError;

/// A call, with the caller who waits for it.
pub(super) trait Call: Send {
    /// Does the call's work, which may have been done before and rolled back, and says whether it succeeded.
    fn work(&mut self, connection: &Connection) -> Result<(), StoreError>;

    /// Tells the caller what the work returned, if what it was part of succeeded.
    fn tell(self: Box<Self>, ended: Result<(), StoreError>);
}

/// Writes calls, in as many transactions as it takes, and tells each caller once its own has ended.
pub(super) fn write_group(connection: &Connection, place: &Place, group: Vec<Box<dyn Call>>) {
    if group.is_empty() {
        return;
    }
    let Some(group) = write_together(connection, place, group) else { return };
    let mut calls = group.into_iter();
    while calls.len() > 0 {
        write_with_savepoints(connection, place, &mut calls);
    }
}

/// Writes all of them in one transaction. If one fails, nothing is written, and they are returned to be written again.
fn write_together(
    connection: &Connection,
    place: &Place,
    mut group: Vec<Box<dyn Call>>,
) -> Option<Vec<Box<dyn Call>>> {
    let mut ended = begin(connection, place);
    if ended.is_ok() {
        for call in &mut group {
            if call.work(connection).is_err() || connection.is_autocommit() {
                roll_back(connection);
                return Some(group);
            }
        }
        ended = commit(connection, place);
    }
    tell_all(connection, place, group, &ended);
    None
}

/// Writes some of them in one transaction: all that are left, unless one of them loses it.
fn write_with_savepoints(
    connection: &Connection,
    place: &Place,
    calls: &mut std::vec::IntoIter<Box<dyn Call>>,
) {
    if let Err(error) = begin(connection, place) {
        return tell_all(connection, place, calls.collect(), &Err(error));
    }
    let (mut written, mut ended) = (Vec::with_capacity(calls.len()), Ok(()));
    while ended.is_ok()
        && let Some(mut call) = calls.next()
    {
        ended = in_savepoint(connection, &mut *call);
        written.push(call);
    }
    let ended = ended.and_then(|()| commit(connection, place));
    tell_all(connection, place, written, &ended);
}

/// Does a call's work, and undoes it alone if it fails. An error means that the transaction is lost.
fn in_savepoint(connection: &Connection, call: &mut dyn Call) -> Result<(), StoreError> {
    execute(connection, "SAVEPOINT call")?;
    let worked = call.work(connection);
    if connection.is_autocommit() {
        let gone = || StoreError::Unavailable { problem: "SQLite gave the transaction up".to_owned() };
        return Err(worked.err().unwrap_or_else(gone));
    }
    let undone = if worked.is_err() { execute(connection, "ROLLBACK TO call") } else { Ok(()) };
    let released = undone.and_then(|()| execute(connection, "RELEASE call"));
    // What made the call fail says more than what kept it from being undone.
    released.map_err(|error| worked.err().unwrap_or(error))
}

fn begin(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    roll_back(connection);
    place.check()?;
    execute(connection, "BEGIN IMMEDIATE").map_err(|error| error::at(place.path(), error))
}

fn commit(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    execute(connection, "COMMIT")?;
    // Whoever finds the file later finds only what lies at its path.
    place.check()
}

fn tell_all(
    connection: &Connection,
    place: &Place,
    calls: Vec<Box<dyn Call>>,
    ended: &Result<(), StoreError>,
) {
    if let Err(error) = ended {
        roll_back(connection);
        save_log(connection, place, error);
    }
    for call in calls {
        call.tell(ended.clone());
    }
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
