#![doc = include_str!("../README.md")]

mod api_keys;
mod arrivals;
mod clock;
mod commands;
mod commit;
mod connection;
mod connection_string;
mod enqueue;
mod error;
mod fetch;
mod find;
mod group_commit;
mod held;
mod insert;
mod journal;
mod lease;
mod listener;
mod mending;
mod notices;
mod options;
mod page;
mod pooling;
mod purge;
mod queries;
mod repeats;
mod row;
mod schema;
mod sqlstate;
mod stats;
mod subscriptions;
mod tls;
mod unreadable;
mod values;
mod workers;

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use time::UtcDateTime;
use tokio::sync::Semaphore;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};
use uuid::Uuid;

use self::clock::SharedClock;
use self::connection::{Connections, Lent, Sessions};
use self::connection_string::Target;
pub use self::enqueue::enqueue_in;
use self::error::Result as Attempted;
use self::group_commit::Queue;
use self::listener::{Dial, Listener};
pub use self::options::{Pooling, PostgresOptions, Schema};
use gymhook_store::{
    Admission, Announcement, ApiKeyQuery, ApiKeyRotation, ApiKeyRow, Arrivals, AttemptQuery, AttemptRow,
    Batch, Command, Committed, DeleteCondition, DeliveryQuery, DeliveryRow, Direction, EndpointStats,
    Enqueued, Fetch, Fetched, Journal, JournalQuery, JournalRow, LeaseRequest, Leased, NewJournalEntry,
    NewNotification, Notice, OtherWorkers, Page, Redelivery, Refused, Stats, StatsQuery, Store, StoreError,
    SubscriptionQuery, SubscriptionRow, WorkerId, WriteCondition,
};

/// The driver, in the version that this crate uses.
pub use tokio_postgres;

/// A store in a PostgreSQL database.
///
/// ```no_run
/// use gymhook_postgres::{PostgresOptions, PostgresStore, Schema};
/// use gymhook_store::{StatsQuery, Store};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "host=/run/postgresql user=gym dbname=gym";
/// let options = PostgresOptions::new().with_schema(Schema::new("webhooks")?);
/// let store = PostgresStore::connect(url, options).await?;
/// println!("{} deliveries wait", store.stats(StatsQuery::new(), store.now().await?).await?.waiting);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresStore(Arc<Shared>, Arrivals);

struct Shared {
    connections: Connections,
    admission: Admission,
    /// Leaves a connection to the worker.
    caller_connections: Semaphore,
    queue: Queue,
    clock: SharedClock,
    call_timeout: Duration,
    /// How to reach the server past a pooler that pools transactions; `None` if that is not known.
    dial: Option<Dial>,
    listener: OnceLock<Listener>,
}

impl PostgresStore {
    /// How many times a call is retried that the server rolled back in favour of others.
    const TIMES_UNDONE: u32 = 10;

    /// Connects, and migrates the tables.
    ///
    /// `url` is a connection string as PostgreSQL's own programs take it: `postgresql://user@host/database`, or
    /// `host=/run/postgresql user=gym dbname=gym` for a Unix socket.
    ///
    /// TLS is as in libpq: `sslmode` is `disable`, `prefer` (the default), `require`, `verify-ca` or `verify-full`;
    /// `sslrootcert` is the CA's certificate in a PEM file, or `system` for the CAs that browsers trust; `sslcert` and `sslkey`
    /// are the client's. Over a network only `verify-full` proves that the right server answers.
    ///
    /// # Errors
    /// - [`StoreError::Invalid`]: `url` cannot be used, and which option is wrong; a certificate is refused; the server is
    ///   too old; commits may be lost (`synchronous_commit` is off); the database is not in UTF-8; the role or database
    ///   does not exist, or the password is wrong.
    /// - [`StoreError::Unavailable`]: the server does not answer.
    /// - [`StoreError::ReadOnly`]: the server accepts no writes, for example because it is a standby, or the role may not create
    ///   or use the tables.
    /// - [`StoreError::Schema`]: a newer version of this crate has migrated it.
    /// - [`StoreError::Full`], [`StoreError::Damaged`]: what the server says about its disk.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let Target { config, tls } = Target::parse(url)?;
        Self::connect_with(config, tls.connector()?, options).await
    }

    /// The same with other settings, and with TLS if `tls` makes it, as the crates `tokio-postgres-rustls` and
    /// `postgres-native-tls` do. Without it, `tls` is [`NoTls`](tokio_postgres::NoTls).
    ///
    /// # Errors
    /// As [`PostgresStore::connect`].
    pub async fn connect_with<T>(
        mut config: Config,
        tls: T,
        options: PostgresOptions,
    ) -> Result<Self, StoreError>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        connection_string::check(&config)?;
        if config.get_application_name().is_none() {
            config.application_name("gymhook");
        }
        let attributes = config.get_target_session_attrs();
        if config.get_hosts().len() > 1 && attributes == TargetSessionAttrs::Any && !options.read_only_allowed
        {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let dial = listener::dialler(config.clone(), tls.clone());
        let sessions = Self::sessions(&dial, &connection_string::place(&config), &options).await?;
        let dial = match &options.listen_url {
            Some(url) => {
                let Target { config, tls } = Target::parse(url)?;
                Some(listener::dialler(config, tls.connector()?))
            }
            None => (sessions == Sessions::Own).then_some(dial),
        };
        let for_callers = options.connections.saturating_sub(1).max(1);
        let store = Self(
            Arc::new(Shared {
                connections: Connections::new(config, tls, &options, sessions)?,
                admission: Admission::new(options.queue()),
                caller_connections: Semaphore::new(for_callers),
                queue: Queue::new(for_callers),
                clock: SharedClock::default(),
                call_timeout: options.call_timeout,
                dial,
                listener: OnceLock::new(),
            }),
            Arrivals::default(),
        );
        // It takes as long as it takes.
        schema::migrate(store.0.connections.lend_unbegun().await?, store.schema()).await?;
        Ok(store)
    }

    async fn sessions(dial: &Dial, place: &str, options: &PostgresOptions) -> Result<Sessions, StoreError> {
        let sessions = match options.pooling {
            Pooling::Sessions => Sessions::Own,
            Pooling::Transactions => Sessions::Shared,
            Pooling::Detect => {
                match tokio::time::timeout(options.call_timeout, pooling::detect(dial, place)).await {
                    Ok(detected) => detected?,
                    Err(_) => return Err(no_answer(options.call_timeout)),
                }
            }
        };
        if sessions == Sessions::Shared {
            let listens = options.listen_url.is_some();
            tracing::warn!(
                listens,
                "a connection pooler in between pools transactions: no statement is prepared, and workers are notified of new \
                 work only through PostgresOptions::with_listen_url"
            );
        }
        Ok(sessions)
    }

    /// The schema that its tables are in.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.0.connections.schema()
    }

    /// Makes a caller's call: it waits until there is room for it and the `bytes` that it brings.
    async fn call<'s, T, F>(&'s self, bytes: usize, make: impl Fn(Lent<'s>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Attempted<T>>,
    {
        let _admitted = self.0.admission.enter(bytes).await?;
        self.in_time(async {
            let _permit = self.0.caller_connections.acquire().await.map_err(|_| StoreError::Closed)?;
            self.make(make).await
        })
        .await
    }

    /// Makes a worker's call, which waits for no caller.
    async fn work<'s, T, F>(&'s self, make: impl Fn(Lent<'s>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Attempted<T>>,
    {
        self.in_time(self.make(make)).await
    }

    /// Makes a call on a connection, and again if the server rolled it back.
    async fn make<'s, T, F>(&'s self, make: impl Fn(Lent<'s>) -> F) -> Attempted<T>
    where
        F: Future<Output = Attempted<T>>,
    {
        let connections = &self.0.connections;
        for _ in 0..Self::TIMES_UNDONE {
            match make(connections.lend().await?).await {
                Err(failure) if failure.was_undone => {
                    tracing::debug!(problem = %failure.error, "a call is retried");
                }
                ended => return ended,
            }
        }
        make(connections.lend().await?).await
    }

    /// Not for longer than a call may take. The server gives up first, and reports it.
    async fn in_time<T>(&self, whole: impl Future<Output = Attempted<T>>) -> Result<T, StoreError> {
        let call_timeout = self.0.call_timeout;
        let longest = call_timeout.saturating_add(Duration::from_secs(2));
        match tokio::time::timeout(longest, whole).await {
            Ok(ended) => Ok(ended?),
            Err(_) => Err(no_answer(call_timeout)),
        }
    }
}

fn no_answer(call_timeout: Duration) -> StoreError {
    StoreError::Unavailable {
        problem: format!(
            "no response within {call_timeout:?}: check whether the server is overloaded or the network is down"
        ),
    }
}

impl Store for PostgresStore {
    async fn now(&self) -> Result<UtcDateTime, StoreError> {
        self.0.clock.now(|| self.work(clock::read)).await
    }

    async fn put_subscription(
        &self,
        row: SubscriptionRow,
        condition: WriteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        row.check()?;
        let bytes = row.weight() + condition.weight();
        self.call(bytes, |lent| subscriptions::put(lent, self.schema(), &row, &condition, now)).await
    }

    async fn subscription(&self, id: EndpointId) -> Result<Option<SubscriptionRow>, StoreError> {
        self.work(|lent| subscriptions::one(lent, id)).await
    }

    async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Page<SubscriptionRow, EndpointId>, StoreError> {
        self.call(0, |lent| subscriptions::list(lent, &query)).await
    }

    async fn delete_subscription(
        &self,
        id: EndpointId,
        condition: DeleteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        let bytes = condition.weight();
        self.call(bytes, |lent| subscriptions::delete(lent, id, &condition, now)).await
    }

    async fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        let bytes = new.iter().map(NewNotification::weight).sum();
        let admitted = self.0.admission.enter(bytes).await?;
        let answered = self.0.queue.push(self, admitted, new, bytes, now);
        self.in_time(async { Ok(answered.await.map_err(|_| group_commit::writer_gone())??) }).await
    }

    async fn command(
        &self,
        commands: Vec<(EndpointId, Command)>,
        due: UtcDateTime,
    ) -> Result<(), StoreError> {
        self.call(size_of_val(commands.as_slice()), |lent| {
            commands::command(lent, self.schema(), &commands, due)
        })
        .await
    }

    async fn redeliver(&self, which: Redelivery, now: UtcDateTime) -> Result<u64, StoreError> {
        self.call(0, |lent| commands::redeliver(lent, self.schema(), &which, now)).await
    }

    async fn lease(&self, request: LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>, StoreError> {
        self.work(|lent| lease::lease(lent, &request, now)).await
    }

    async fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> Result<OtherWorkers, StoreError> {
        self.work(|lent| workers::others(lent, worker, direction, now)).await
    }

    async fn announce(&self, announcement: Announcement, now: UtcDateTime) -> Result<(), StoreError> {
        self.work(|lent| workers::announce(lent, &announcement, now)).await
    }

    async fn commit(&self, batch: Batch, now: UtcDateTime) -> Result<Committed, StoreError> {
        self.work(|lent| commit::commit(lent, self.schema(), &batch, now)).await
    }

    async fn fetch(&self, fetches: Vec<Fetch>, now: UtcDateTime) -> Result<Vec<Fetched>, StoreError> {
        self.work(|lent| fetch::fetch(lent, &fetches, now)).await
    }

    /// `false`: other workers may be on other machines, and only time tells whether they are gone.
    async fn take_over(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The first call makes the connection that listens.
    async fn work_arrived(&self) -> Vec<EndpointId> {
        let Shared { dial, listener, .. } = &*self.0;
        let Some(dial) = dial else { return core::future::pending().await };
        listener.get_or_init(|| Listener::start(Arc::clone(dial), self.1.clone(), self.schema()));
        self.1.next().await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        self.call(0, |lent| queries::delivery(lent, id)).await
    }

    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        self.call(0, |lent| find::deliveries(lent, &query)).await
    }

    async fn body(&self, id: DeliveryId) -> Result<Option<Bytes>, StoreError> {
        self.call(0, |lent| queries::body(lent, id)).await
    }

    async fn attempts(&self, query: AttemptQuery) -> Result<Page<AttemptRow, u32>, StoreError> {
        self.call(0, |lent| queries::attempts(lent, query)).await
    }

    async fn stats(&self, query: StatsQuery, now: UtcDateTime) -> Result<Stats, StoreError> {
        self.call(0, |lent| stats::stats(lent, &query, now)).await
    }

    async fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> Result<Option<EndpointStats>, StoreError> {
        self.call(0, |lent| stats::endpoint_stats(lent, id, now)).await
    }

    async fn purge(&self, before: UtcDateTime, limit: u32) -> Result<u64, StoreError> {
        self.call(0, |lent| purge::purge(lent, before, limit)).await
    }

    async fn claim_notices(
        &self,
        limit: u32,
        hold: Duration,
        now: UtcDateTime,
    ) -> Result<Vec<Notice>, StoreError> {
        self.call(0, |lent| notices::claim(lent, limit, hold, now)).await
    }

    async fn acknowledge_notices(&self, ids: Vec<Uuid>, now: UtcDateTime) -> Result<u64, StoreError> {
        self.call(size_of_val(ids.as_slice()), |lent| notices::acknowledge(lent, &ids, now)).await
    }

    /// Bypasses the callers' queue: the question is about the server, not about how many calls wait for it.
    async fn check_writable(&self) -> Result<(), StoreError> {
        self.work(schema::write_nothing).await
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError> {
        row.check()?;
        self.call(row.weight(), |lent| api_keys::put(lent, &row)).await
    }

    async fn rotate_api_key(&self, rotation: ApiKeyRotation) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(0, |lent| api_keys::rotate(lent, &rotation)).await
    }

    async fn revoke_api_key(&self, id: Uuid, at: UtcDateTime) -> Result<bool, StoreError> {
        self.call(0, |lent| api_keys::revoke(lent, id, at)).await
    }

    async fn api_key(&self, id: Uuid) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(0, |lent| api_keys::by_id(lent, id)).await
    }

    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(0, |lent| api_keys::by_digest(lent, digest)).await
    }

    async fn api_keys(&self, query: ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>, StoreError> {
        self.call(0, |lent| api_keys::list(lent, &query)).await
    }

    async fn append_to_journal(
        &self,
        journal: Journal,
        entries: Vec<NewJournalEntry>,
        keep: u64,
    ) -> Result<(), StoreError> {
        entries.iter().try_for_each(NewJournalEntry::check)?;
        let bytes = entries.iter().map(NewJournalEntry::weight).sum();
        self.call(bytes, |lent| journal::append(lent, journal, &entries, keep)).await
    }

    async fn journal(&self, query: JournalQuery) -> Result<Page<JournalRow>, StoreError> {
        self.call(0, |lent| journal::page(lent, &query)).await
    }
}

/// `Debug` shows no connection string.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("schema", self.schema()).finish_non_exhaustive()
    }
}
