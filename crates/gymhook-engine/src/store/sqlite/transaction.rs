//! The writer's transactions: each is whole, or nothing of it stays.
//!
//! SQLite answers most errors of a disk that is full or fails by rolling the whole transaction back, and what is written after
//! that would commit statement by statement. So the writer looks after each call whether its transaction still stands, and a
//! commit hook refuses every commit but its own.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::Result;
use super::place::Place;
use super::queue::{Entry, Job};
use crate::store::StoreError;

/// The connection that writes.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    /// Whether the commit that happens now is the writer's own.
    committing: Arc<AtomicBool>,
    place: Arc<Place>,
}

/// A call that has run in a transaction, and what it found.
type Ran = (Entry, Result<()>);

/// A transaction of which nothing stayed.
struct Undone {
    error: StoreError,
    /// The calls that had run in it, without the one that brought it down.
    ran: Vec<Ran>,
    /// Whether it was the commit that failed.
    at_commit: bool,
}

impl Writer {
    pub(super) fn new(mut connection: Connection, place: Arc<Place>) -> Result<Self> {
        let committing = Arc::new(AtomicBool::new(false));
        let may_commit = Arc::clone(&committing);
        connection.commit_hook(Some(move || !may_commit.load(Ordering::Relaxed)))?;
        Ok(Self { connection, committing, place })
    }

    /// Runs calls in one transaction, and tells each caller how that ended.
    pub(super) fn write(&mut self, mut waiting: VecDeque<Entry>) {
        while !waiting.is_empty() {
            let Err(undone) = self.transact(&mut waiting) else { continue };
            // Those before the one that failed fitted, and the worker's small batches may fit without the rest: they get a
            // transaction of their own, once.
            let again = |(entry, _): &Ran| !undone.at_commit || entry.urgent;
            let (mut again, refused): (Vec<Ran>, Vec<Ran>) = undone.ran.into_iter().partition(again);
            if undone.at_commit && refused.is_empty() {
                refuse(core::mem::take(&mut again), &undone.error);
            }
            refuse(refused, &undone.error);
            let mut again: VecDeque<Entry> = again.into_iter().map(|(entry, _)| entry).collect();
            while !again.is_empty() {
                if let Err(undone) = self.transact(&mut again) {
                    refuse(undone.ran, &undone.error);
                }
            }
        }
    }

    /// One transaction with as many of those that wait as it can take: all, up to one that brings it down.
    fn transact(&mut self, waiting: &mut VecDeque<Entry>) -> Result<(), Undone> {
        if let Err(error) = self.begin() {
            refuse(waiting.drain(..).map(|entry| (entry, Ok(()))).collect(), &error);
            return Ok(());
        }
        let mut ran: Vec<Ran> = Vec::with_capacity(waiting.len());
        while let Some(mut entry) = waiting.pop_front() {
            let found = self.run(&mut *entry.job);
            if self.connection.is_autocommit() {
                let error = found.err().unwrap_or_else(|| StoreError::Unavailable {
                    problem: "SQLite rolled the transaction back".to_owned(),
                });
                entry.job.answer(Err(error.clone()));
                return Err(Undone { error, ran, at_commit: false });
            }
            ran.push((entry, found));
        }
        if let Err(error) = self.commit() {
            return Err(Undone { error, ran, at_commit: true });
        }
        for (entry, found) in ran {
            entry.job.answer(found);
        }
        Ok(())
    }

    fn begin(&self) -> Result<()> {
        self.place.check()?;
        self.roll_back();
        self.execute("BEGIN IMMEDIATE").map_err(|error| self.place.locked(error))
    }

    /// Commits, and looks whether what was written can be found again.
    fn commit(&self) -> Result<()> {
        self.committing.store(true, Ordering::Relaxed);
        let committed = self.execute("COMMIT");
        self.committing.store(false, Ordering::Relaxed);
        self.roll_back();
        committed?;
        self.place.check()
    }

    /// Rolls back what is still open. If SQLite refuses, the next transaction does not begin.
    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a transaction cannot be rolled back: nothing is written until it can");
        }
    }

    /// Runs a call in a savepoint. If it fails nothing of it stays, and if that cannot be, nothing of the transaction.
    fn run(&self, job: &mut dyn Job) -> Result<()> {
        self.execute("SAVEPOINT call")?;
        let found = guarded(|| job.run(&self.connection));
        if self.connection.is_autocommit() {
            return found;
        }
        let undone = if found.is_err() { self.execute("ROLLBACK TO call") } else { Ok(()) };
        let released = undone.and_then(|()| self.execute("RELEASE call"));
        if released.is_err() {
            self.roll_back();
        }
        found.and(released)
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Closes the file, unless another one has taken its place: then that one's log is left alone.
    pub(super) fn close(self) -> Result<()> {
        let found = self.place.check();
        if found.is_err() && self.place.is_anothers() {
            self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        }
        let closed = self.connection.close().map_err(|(_, error)| StoreError::from(error));
        found.and(closed).and_then(|()| self.place.check_closed())
    }
}

fn refuse(ran: Vec<Ran>, error: &StoreError) {
    for (entry, _) in ran {
        entry.job.answer(Err(error.clone()));
    }
}

/// Does it; a panic is that call's failure.
pub(super) fn guarded(work: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let problem = format!("the call panicked ({said}) and nothing of it was written");
        tracing::error!(problem, "a call of the store panicked");
        Err(StoreError::Internal { problem })
    })
}
