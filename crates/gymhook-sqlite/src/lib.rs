#![doc = include_str!("../README.md")]

mod api_keys;
mod clock;
mod commands;
mod commit;
mod connection_thread;
mod database_file;
mod enqueue;
mod error;
mod fetch;
mod find;
mod group_commit;
mod journal;
mod lease;
mod mending;
mod notices;
mod options;
mod purge;
mod queries;
#[cfg(test)]
mod query_plan;
mod quietly;
mod repeats;
mod row;
mod schema;
mod stats;
mod subscriptions;
mod unreadable;
mod worker_lock;
mod workers;

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};
use time::UtcDateTime;
use uuid::Uuid;

use self::connection_thread::ConnectionThread;
use self::database_file::Place;
pub use self::enqueue::enqueue_in;
use self::error::Failure;
pub use self::options::SqliteOptions;
use self::worker_lock::{Found, Taken, WorkerLock};
use gymhook_store::{
    Admission, Announcement, ApiKeyQuery, ApiKeyRotation, ApiKeyRow, Arrivals, AttemptQuery, AttemptRow,
    Batch, Command, Committed, DeleteCondition, DeliveryQuery, DeliveryRow, Direction, EndpointStats,
    Enqueued, Fetch, Fetched, Journal, JournalQuery, JournalRow, LeaseRequest, Leased, NewJournalEntry,
    NewNotification, Notice, OtherWorkers, Page, Redelivery, Refused, Stats, StatsQuery, Store, StoreError,
    StoreTime, SubscriptionQuery, SubscriptionRow, WorkerId, WriteCondition,
};

/// The driver, in the version that this crate uses: a program can link SQLite only once.
pub use rusqlite;

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

    fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
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
        schema::make_durable(&writing)?;
        schema::migrate(&mut writing)?;
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

impl Store for SqliteStore {
    async fn now(&self) -> Result<UtcDateTime, StoreError> {
        let now = clock::system_time();
        Ok(StoreTime::from_micros(StoreTime::floor(now).micros()).to_utc().unwrap_or(now))
    }

    async fn put_subscription(
        &self,
        row: SubscriptionRow,
        condition: WriteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        row.check()?;
        let (id, bytes) = (row.id, row.weight() + condition.weight());
        let put = move |connection: &Connection| subscriptions::put(connection, &row, &condition, now);
        let written = self.write(bytes, put).await?;
        self.1.add([id]);
        Ok(written)
    }

    async fn subscription(&self, id: EndpointId) -> Result<Option<SubscriptionRow>, StoreError> {
        self.0.reader.call((), move |connection| row::subscription(connection, id)).await
    }

    async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Page<SubscriptionRow, EndpointId>, StoreError> {
        self.0.reader.call((), move |connection| subscriptions::list(connection, &query)).await
    }

    async fn delete_subscription(
        &self,
        id: EndpointId,
        condition: DeleteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        let bytes = condition.weight();
        let delete = move |connection: &Connection| subscriptions::delete(connection, id, &condition, now);
        self.write(bytes, delete).await
    }

    async fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        let endpoints: Vec<EndpointId> = new.iter().flat_map(NewNotification::endpoints_with_work).collect();
        let bytes = new.iter().map(NewNotification::weight).sum();
        let enqueued = self.write(bytes, move |connection| enqueue::insert(connection, &new, now)).await?;
        self.1.add(endpoints);
        Ok(enqueued)
    }

    async fn command(
        &self,
        commands: Vec<(EndpointId, Command)>,
        due: UtcDateTime,
    ) -> Result<(), StoreError> {
        let endpoints: Vec<EndpointId> = commands.iter().map(|(endpoint, _)| *endpoint).collect();
        let bytes = size_of_val(commands.as_slice());
        self.write(bytes, move |connection| commands::command(connection, &commands, due)).await?;
        self.1.add(endpoints);
        Ok(())
    }

    async fn redeliver(&self, which: Redelivery, now: UtcDateTime) -> Result<u64, StoreError> {
        let commands = self.write(0, move |connection| commands::redeliver(connection, &which, now)).await?;
        self.1.add([which.endpoint]);
        Ok(commands)
    }

    async fn lease(&self, request: LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>, StoreError> {
        self.keep_worker_lock().await?;
        let asked = request.clone();
        let found =
            self.0.reader.call((), move |connection| lease::find_work(connection, &asked, now)).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        self.0.writer.call((), move |connection| lease::lease(connection, &found, &request, now)).await
    }

    async fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> Result<OtherWorkers, StoreError> {
        self.0.reader.call((), move |connection| workers::others(connection, worker, direction, now)).await
    }

    async fn announce(&self, announcement: Announcement, now: UtcDateTime) -> Result<(), StoreError> {
        self.0.writer.call((), move |connection| workers::announce(connection, &announcement, now)).await
    }

    async fn commit(&self, batch: Batch, now: UtcDateTime) -> Result<Committed, StoreError> {
        self.keep_worker_lock().await?;
        let follow_ups: Vec<EndpointId> = batch.follow_ups.iter().map(|(_, new)| new.endpoint).collect();
        let committed =
            self.0.writer.call((), move |connection| commit::commit(connection, &batch, now)).await?;
        self.1.add(follow_ups);
        Ok(committed)
    }

    async fn fetch(&self, fetches: Vec<Fetch>, now: UtcDateTime) -> Result<Vec<Fetched>, StoreError> {
        let (fetched, damaged) =
            self.0.reader.call((), move |connection| fetch::fetch(connection, &fetches, now)).await?;
        if !damaged.is_empty() {
            self.0.writer.call((), move |connection| row::quarantine(connection, &damaged)).await?;
        }
        Ok(fetched)
    }

    async fn take_over(&self) -> Result<bool, StoreError> {
        let found = self.with_worker_lock(WorkerLock::take).await?;
        let (alone, taken) = self.end_leases_if_alone(found).await?;
        if let Some(taken) = taken {
            self.with_worker_lock(move |lock| lock.share(taken)).await?;
        }
        Ok(alone)
    }

    async fn work_arrived(&self) -> Vec<EndpointId> {
        self.1.next().await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        self.0.log_reader.call((), move |connection| queries::delivery(connection, id)).await
    }

    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        self.0.log_reader.call((), move |connection| find::deliveries(connection, &query)).await
    }

    async fn body(&self, id: DeliveryId) -> Result<Option<Bytes>, StoreError> {
        self.0.log_reader.call((), move |connection| queries::body(connection, id)).await
    }

    async fn attempts(&self, query: AttemptQuery) -> Result<Page<AttemptRow, u32>, StoreError> {
        self.0.log_reader.call((), move |connection| queries::attempts(connection, query)).await
    }

    async fn stats(&self, query: StatsQuery, now: UtcDateTime) -> Result<Stats, StoreError> {
        self.0.log_reader.call((), move |connection| stats::stats(connection, &query, now)).await
    }

    async fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> Result<Option<EndpointStats>, StoreError> {
        self.0.log_reader.call((), move |connection| stats::endpoint_stats(connection, id, now)).await
    }

    async fn purge(&self, before: UtcDateTime, limit: u32) -> Result<u64, StoreError> {
        let found = self
            .0
            .log_reader
            .call((), move |connection| purge::find_ended(connection, before, limit))
            .await?;
        let has_notices = self
            .0
            .log_reader
            .call((), move |connection| purge::has_acknowledged_notices(connection, before))
            .await?;
        if found.is_empty() && !has_notices {
            return Ok(0);
        }
        self.write(0, move |connection| {
            purge::purge_notices(connection, before)?;
            purge::purge_ended(connection, &found, before)
        })
        .await
    }

    async fn claim_notices(
        &self,
        limit: u32,
        hold: Duration,
        now: UtcDateTime,
    ) -> Result<Vec<Notice>, StoreError> {
        self.write(0, move |connection| notices::claim(connection, limit, hold, now)).await
    }

    async fn acknowledge_notices(&self, ids: Vec<Uuid>, now: UtcDateTime) -> Result<u64, StoreError> {
        self.write(size_of_val(ids.as_slice()), move |connection| notices::acknowledge(connection, &ids, now))
            .await
    }

    /// Bypasses the callers' queue: the question is about the disk, not about how many calls wait for it.
    async fn check_writable(&self) -> Result<(), StoreError> {
        self.0.writer.call((), schema::write_nothing).await
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError> {
        row.check()?;
        self.write(row.weight(), move |connection| api_keys::put(connection, &row)).await
    }

    async fn rotate_api_key(&self, rotation: ApiKeyRotation) -> Result<Option<ApiKeyRow>, StoreError> {
        self.write(0, move |connection| api_keys::rotate(connection, &rotation)).await
    }

    async fn revoke_api_key(&self, id: Uuid, at: UtcDateTime) -> Result<bool, StoreError> {
        self.write(0, move |connection| api_keys::revoke(connection, id, at)).await
    }

    async fn api_key(&self, id: Uuid) -> Result<Option<ApiKeyRow>, StoreError> {
        self.0.reader.call((), move |connection| api_keys::by_id(connection, id)).await
    }

    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        self.0.reader.call((), move |connection| api_keys::by_digest(connection, digest)).await
    }

    async fn api_keys(&self, query: ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>, StoreError> {
        self.0.reader.call((), move |connection| api_keys::list(connection, &query)).await
    }

    async fn append_to_journal(
        &self,
        journal: Journal,
        entries: Vec<NewJournalEntry>,
        keep: u64,
    ) -> Result<(), StoreError> {
        entries.iter().try_for_each(NewJournalEntry::check)?;
        let bytes = entries.iter().map(NewJournalEntry::weight).sum();
        self.write(bytes, move |connection| journal::append(connection, journal, &entries, keep)).await
    }

    async fn journal(&self, query: JournalQuery) -> Result<Page<JournalRow>, StoreError> {
        self.0.log_reader.call((), move |connection| journal::page(connection, &query)).await
    }
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
