//! Everything in PostgreSQL, for many workers on many machines.
//!
//! Workers lease endpoints with `FOR UPDATE SKIP LOCKED`, and hold no lock and no transaction while they send. Each write
//! goes through the lease's number, so what a late worker writes changes nothing. All of them go by the server's clock.
//!
//! # Handing over in one's own transaction
//!
//! [`enqueue_in`] puts notifications into a transaction that is already open, so that they are sent if, and only if, what
//! they tell of has happened.
//!
//! # How soon a worker hears of it
//!
//! At once, by `LISTEN` and `NOTIFY`; where that is lost, when it next looks for itself. For `LISTEN` and for prepared
//! statements a worker needs a connection of its own: a connection pooler in between has to pool sessions.
//!
//! # What it needs
//!
//! - PostgreSQL 13 or newer, a database in UTF-8, `synchronous_commit` not `off`, and for durability `fsync` on.
//! - The right to create a schema the first time, and after an update of this crate that adds to the tables; else the right
//!   to read and write its tables.
//!
//! A text has no NUL character here, so no store takes one ([`NewNotification::check`]); a body may have any bytes. What an
//! endpoint answered is kept with U+FFFD in its place.
//!
//! # What is not known
//!
//! After [`StoreError::Unavailable`] the call may have taken effect, and can be made again: enqueueing goes by the delivery's
//! id, and a batch says where things stand. An order that is left twice is carried out twice.

mod api_keys;
mod arrivals;
mod commit;
mod connection;
mod enqueue;
mod error;
mod fetch;
mod lease;
mod listener;
mod log;
mod options;
mod repeats;
mod row;
mod schema;
mod subscriptions;
mod unreadable;

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use deadpool_postgres::Pool;
use gymhook_delivery::{DeliveryId, EndpointId};
use time::UtcDateTime;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, NoTls, Socket};

use self::arrivals::Arrivals;
use self::connection::Lent;
pub use self::enqueue::enqueue_in;
use self::error::Result as Attempted;
use self::listener::{Dial, Listener};
pub use self::options::{PostgresOptions, Schema};
use super::{
    ApiKeyRow, AttemptRow, Batch, Command, Committed, DeliveryQuery, DeliveryRow, EndpointStats, Enqueued,
    Fetch, Fetched, LeaseRequest, Leased, NewNotification, Page, Redelivery, Refused, Stats, Store,
    StoreError, SubscriptionQuery, SubscriptionRow, WorkerId,
};

/// The driver, in the version that is in use here.
pub use tokio_postgres;

/// A store in a PostgreSQL database.
///
/// ```no_run
/// use gymhook_engine::store::postgres::{PostgresOptions, Schema};
/// use gymhook_engine::store::{PostgresStore, Store};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "host=/run/postgresql user=gym dbname=gym";
/// let options = PostgresOptions::new().with_schema(Schema::new("webhooks")?);
/// let store = PostgresStore::connect(url, options).await?;
/// println!("{} deliveries wait", store.stats(store.now().await?).await?.waiting);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresStore(Arc<Shared>);

struct Shared {
    pool: Pool,
    schema: Schema,
    call_timeout: Duration,
    dial: Dial,
    arrivals: Arc<Arrivals>,
    listener: OnceLock<Listener>,
}

impl PostgresStore {
    /// How often a call is begun again that the server undid so that others could go on.
    const TIMES_UNDONE: u32 = 10;

    /// Connects without TLS, and brings the tables up to date.
    ///
    /// `url` is a connection string as PostgreSQL's own programs take it: `postgresql://user@host/database`, or
    /// `host=/run/postgresql user=gym dbname=gym` for a Unix socket.
    ///
    /// # Errors
    /// - [`StoreError::Invalid`]: `url` cannot be read; the server is too old; commits may be lost (`synchronous_commit` is
    ///   off); the database is not in UTF-8; there is no such role or database, or the password is wrong.
    /// - [`StoreError::Unavailable`]: the server does not answer.
    /// - [`StoreError::ReadOnly`]: the role may not create or use the tables.
    /// - [`StoreError::Schema`]: a newer version of this crate has been here.
    /// - [`StoreError::Full`], [`StoreError::Damaged`]: what the server says of its disk.
    pub async fn connect(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let config = url.parse().map_err(|error: tokio_postgres::Error| StoreError::Invalid {
            problem: format!("the connection string cannot be read: {error}"),
        })?;
        Self::connect_with(config, NoTls, options).await
    }

    /// The same with settings of one's own, and with TLS if `tls` makes it, as the crates `tokio-postgres-rustls` and
    /// `postgres-native-tls` do.
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
        if config.get_application_name().is_none() {
            config.application_name("gymhook");
        }
        let dial = listener::dialler(config.clone(), tls.clone());
        let store = Self(Arc::new(Shared {
            pool: connection::pool(config, tls, &options)?,
            schema: options.schema,
            call_timeout: options.call_timeout,
            dial,
            arrivals: Arc::default(),
            listener: OnceLock::new(),
        }));
        // It takes as long as it takes.
        schema::migrate(Lent::from_pool(&store.0.pool, &store.0.schema).await?, &store.0.schema).await?;
        Ok(store)
    }

    /// The schema that its tables are in.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    /// Makes a call on a connection, again if the server undid it, and not for longer than a call may take.
    async fn call<'s, T, F>(&'s self, make: impl Fn(Lent<'s>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Attempted<T>>,
    {
        let Shared { pool, schema, call_timeout, .. } = &*self.0;
        let whole = async {
            for _ in 0..Self::TIMES_UNDONE {
                match make(Lent::from_pool(pool, schema).await?).await {
                    Err(failure) if failure.was_undone => {
                        tracing::debug!(problem = %failure.error, "a call is begun again");
                    }
                    ended => return ended,
                }
            }
            make(Lent::from_pool(pool, schema).await?).await
        };
        // The server gives up first, and says so.
        let longest = call_timeout.saturating_add(Duration::from_secs(2));
        match tokio::time::timeout(longest, whole).await {
            Ok(ended) => Ok(ended?),
            Err(_) => Err(StoreError::Unavailable { problem: format!("no answer within {call_timeout:?}") }),
        }
    }
}

impl Store for PostgresStore {
    async fn now(&self) -> Result<UtcDateTime, StoreError> {
        self.call(connection::clock).await
    }

    async fn put_subscription(&self, row: SubscriptionRow, now: UtcDateTime) -> Result<bool, StoreError> {
        row.check()?;
        self.call(|lent| subscriptions::put(lent, &self.0.schema, &row, now)).await
    }

    async fn subscription(&self, id: EndpointId) -> Result<Option<SubscriptionRow>, StoreError> {
        self.call(|lent| subscriptions::one(lent, id)).await
    }

    async fn subscriptions(&self, query: SubscriptionQuery) -> Result<Vec<SubscriptionRow>, StoreError> {
        self.call(|lent| subscriptions::list(lent, &query)).await
    }

    async fn delete_subscription(&self, id: EndpointId, now: UtcDateTime) -> Result<bool, StoreError> {
        self.call(|lent| subscriptions::delete(lent, id, now)).await
    }

    async fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        self.call(|lent| enqueue::enqueue(lent, &self.0.schema, &new, now)).await
    }

    async fn command(&self, orders: Vec<(EndpointId, Command)>, due: UtcDateTime) -> Result<(), StoreError> {
        self.call(|lent| subscriptions::command(lent, &self.0.schema, &orders, due)).await
    }

    async fn redeliver(&self, which: Redelivery, now: UtcDateTime) -> Result<u64, StoreError> {
        self.call(|lent| subscriptions::redeliver(lent, &self.0.schema, &which, now)).await
    }

    async fn lease(&self, request: LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>, StoreError> {
        self.call(|lent| lease::lease(lent, &request, now)).await
    }

    async fn next_lease_end(
        &self,
        worker: WorkerId,
        now: UtcDateTime,
    ) -> Result<Option<UtcDateTime>, StoreError> {
        self.call(|lent| lease::next_end(lent, worker, now)).await
    }

    async fn commit(&self, batch: Batch, now: UtcDateTime) -> Result<Committed, StoreError> {
        self.call(|lent| commit::commit(lent, &batch, now)).await
    }

    async fn fetch(&self, fetches: Vec<Fetch>, now: UtcDateTime) -> Result<Vec<Fetched>, StoreError> {
        self.call(|lent| fetch::fetch(lent, &fetches, now)).await
    }

    /// `false`: other workers may be on other machines, and only time tells whether they are gone.
    async fn take_over(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The first call makes the connection that listens.
    async fn work_arrived(&self) -> Vec<EndpointId> {
        let Shared { dial, arrivals, schema, listener, .. } = &*self.0;
        listener.get_or_init(|| Listener::start(Arc::clone(dial), Arc::clone(arrivals), schema));
        arrivals.take().await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        self.call(|lent| log::delivery(lent, id)).await
    }

    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        self.call(|lent| log::deliveries(lent, &query)).await
    }

    async fn body(&self, id: DeliveryId) -> Result<Option<Bytes>, StoreError> {
        self.call(|lent| log::body(lent, id)).await
    }

    async fn attempts(&self, id: DeliveryId) -> Result<Vec<AttemptRow>, StoreError> {
        self.call(|lent| log::attempts(lent, id)).await
    }

    async fn stats(&self, now: UtcDateTime) -> Result<Stats, StoreError> {
        self.call(|lent| log::stats(lent, now)).await
    }

    async fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> Result<Option<EndpointStats>, StoreError> {
        self.call(|lent| log::endpoint_stats(lent, id, now)).await
    }

    async fn purge(&self, before: UtcDateTime, limit: u32) -> Result<u64, StoreError> {
        self.call(|lent| log::purge(lent, before, limit)).await
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError> {
        row.check()?;
        self.call(|lent| api_keys::put(lent, &row)).await
    }

    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(|lent| api_keys::by_digest(lent, digest)).await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKeyRow>, StoreError> {
        self.call(api_keys::all).await
    }
}

/// `Debug` shows no connection string.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("schema", &self.0.schema).finish_non_exhaustive()
    }
}
