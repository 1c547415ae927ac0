//! `SqliteStore`: opens, backs up and closes a file, and passes calls to the threads that own its connections.

mod operations;

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::connection_thread::ConnectionThread;
use super::database_file::Place;
use super::error::Failure;
use super::options::SqliteOptions;
use super::worker_lock::{Found, Taken, WorkerLock};
use super::{error, lease, migrations};
use gymhook_store::{Admission, Arrivals, Store, StoreError};

/// A store in one SQLite file.
///
/// ```
/// use gymhook_sqlite::SqliteStore;
/// use gymhook_store::{StatsQuery, Store};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let store = SqliteStore::open(folder.path().join("webhooks.db"))?;
/// assert_eq!(store.stats(StatsQuery::new(), store.now().await?).await?.waiting, 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SqliteStore(Arc<Shared>, Arrivals);

#[derive(Debug)]
struct Shared {
    place: Arc<Place>,
    /// What callers pass on their way to the writer; a worker does not.
    admission: Admission,
    writer: ConnectionThread,
    /// For workers, and for what each request of a service needs (keys, subscriptions), so that a long look into the log holds
    /// neither up.
    reader: ConnectionThread,
    log_reader: ConnectionThread,
    /// Held as long as this process works on the file.
    worker_lock: Arc<WorkerLock>,
}

impl SqliteStore {
    /// How long a call waits for another process that writes: 10 s (our default).
    pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

    /// Opens or creates a file, and migrates its tables.
    ///
    /// # Errors
    /// - [`StoreError::Unavailable`]: another process locks the file for longer than [`SqliteStore::BUSY_TIMEOUT`].
    /// - [`StoreError::ReadOnly`], [`StoreError::Full`], [`StoreError::Damaged`]: the file cannot be written, the disk is
    ///   full, or it is not a SQLite file.
    /// - [`StoreError::Schema`]: a newer version of this crate has migrated it.
    /// - [`StoreError::Invalid`]: the path is not that of a file that can be opened or created (it is never a URI), the file
    ///   has several names or is itself a mount point, or the file system does not support a write-ahead log.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options().open(path)
    }

    /// Options for opening a file.
    #[must_use]
    pub const fn options() -> SqliteOptions {
        SqliteOptions::new()
    }

    pub(super) fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        let absolute = Place::absolute(path)?;
        Self::open_file(absolute, options).map_err(|Failure(error)| error::at(path, error))
    }

    fn open_file(path: PathBuf, options: &SqliteOptions) -> Result<Self, Failure> {
        let read_write = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut writing = connect(&path, read_write)?;
        // SQLite opens such a file for reading, and would report it only when the first notification is enqueued.
        if writing.is_readonly(MAIN_DB)? {
            let problem = "the file may only be read: look at its permissions, and its folder's".to_owned();
            return Err(StoreError::ReadOnly { problem }.into());
        }
        migrations::make_durable(&writing)?;
        migrations::migrate(&mut writing)?;
        // What a savepoint changes is kept until it ends, to be undone: in memory, not in a file. A migration may sort all rows,
        // which might need too much of it.
        writing.execute_batch("PRAGMA temp_store = MEMORY")?;
        let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let readers = [connect(&path, read_only)?, connect(&path, read_only)?].map(ConnectionThread::reader);
        let [reader, log_reader] = readers;
        let place = Arc::new(Place::of_open_file(path)?);
        let worker_lock = Arc::new(WorkerLock::at(place.worker_lock()));
        Ok(Self(
            Arc::new(Shared {
                writer: ConnectionThread::writer(writing, Arc::clone(&place))?,
                place,
                admission: Admission::new(options.queue),
                reader: reader?,
                log_reader: log_reader?,
                worker_lock,
            }),
            Arrivals::default(),
        ))
    }

    /// The file, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.place.path()
    }

    /// Closes the file, for this and all clones: earlier calls are completed, and later calls fail with
    /// [`StoreError::Closed`]. Shut the engine down first.
    ///
    /// If no other process has the file open, it is then complete, and only the workers' lock file is beside it. Without
    /// this, what was acknowledged is just as durable, but part of it may be in the write-ahead log.
    ///
    /// # Errors
    /// [`StoreError::Closed`] if it was closed before, [`StoreError::Replaced`] if the path no longer leads to the open file, and
    /// SQLite's errors.
    pub async fn close(&self) -> Result<(), StoreError> {
        // The last one to close writes the log into the file, and only the writer may.
        self.0.reader.close().await?;
        self.0.log_reader.close().await?;
        let closed = self.0.writer.close().await;
        self.0.worker_lock.give_back();
        closed
    }

    /// Does something with the workers' lock that may wait for another process.
    async fn with_worker_lock<T: Send + 'static>(
        &self,
        work: impl FnOnce(&WorkerLock) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lock = Arc::clone(&self.0.worker_lock);
        let done = tokio::task::spawn_blocking(move || work(&lock)).await.map_err(|_| StoreError::Closed)?;
        done.map_err(|error| StoreError::Unavailable {
            problem: format!("the workers' lock, {}: {error}", self.0.place.worker_lock().display()),
        })
    }

    /// Looks whether other workers still see this process's lock.
    async fn keep_worker_lock(&self) -> Result<(), StoreError> {
        if self.0.worker_lock.is_lost() {
            let path = self.0.place.worker_lock();
            tracing::warn!(path = %path.display(), "the workers' lock file was deleted or replaced: it is created and locked again");
            self.with_worker_lock(WorkerLock::take_again).await?;
        }
        Ok(())
    }

    async fn end_leases_if_alone(&self, found: Found) -> Result<(bool, Option<Taken>), StoreError> {
        Ok(match found {
            Found::Itself => (false, None),
            Found::Others(taken) => (false, Some(taken)),
            Found::Nobody(taken) => {
                self.0.writer.call((), lease::end_leases).await?;
                (true, Some(taken))
            }
            Found::NoFile(taken) => {
                let now = self.now().await?;
                let leased =
                    self.0.reader.call((), move |connection| lease::is_leased(connection, now)).await?;
                if leased {
                    let path = self.0.place.worker_lock();
                    tracing::warn!(path = %path.display(), "the workers' lock file was missing: existing leases have to expire first");
                }
                (!leased, Some(taken))
            }
        })
    }

    /// Writes for a caller, who waits until there is room for the bytes that the call brings.
    async fn write<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let admitted = self.0.admission.enter(bytes).await?;
        self.0.writer.call(admitted, work).await
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(SqliteStore::BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Else SQLite plans a statement again each time that its `LIMIT` is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join("webhooks.db"), OpenFlags::default()).unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY)").unwrap();
        let mut select = connection.prepare("SELECT number FROM numbers ORDER BY number LIMIT ?1").unwrap();
        for limit in 1..=5 {
            assert!(!select.exists([limit]).unwrap());
        }
        assert_eq!(select.get_status(StatementStatus::RePrepare), 0);
    }

    /// Else SQLite writes each page that a call changes to a temporary file first.
    #[tokio::test]
    async fn what_a_savepoint_changes_is_kept_in_memory() {
        const MEMORY: i64 = 2;
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
        let read = |connection: &Connection| {
            Ok(connection.query_row("PRAGMA temp_store", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(store.0.writer.call((), read).await, Ok(MEMORY));
    }
}
