//! `PostgresStore`: connects to a database, and lends a connection to each call, within its time and as often as it is undone.

mod operations;

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use super::clock::SharedClock;
use super::connection::{Connections, Lent, Sessions};
use super::connection_string::Target;
use super::error::Result as Attempted;
use super::group_commit::Queue;
use super::listener::{Dial, Listener};
use super::options::{Pooling, PostgresOptions};
use super::schema_name::Schema;
use super::{connection_string, listener, migrations, pooling};
use gymhook_store::{Admission, Arrivals, StoreError};

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
pub struct PostgresStore(pub(super) Arc<Shared>, Arrivals);

pub(super) struct Shared {
    connections: Connections,
    admission: Admission,
    /// Leaves a connection to the worker.
    pub(super) caller_connections: Semaphore,
    pub(super) queue: Queue,
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
        migrations::migrate(store.0.connections.lend_unbegun().await?, store.schema()).await?;
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
    pub(super) async fn make<'s, T, F>(&'s self, make: impl Fn(Lent<'s>) -> F) -> Attempted<T>
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
    pub(super) async fn in_time<T>(
        &self,
        whole: impl Future<Output = Attempted<T>>,
    ) -> Result<T, StoreError> {
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

/// `Debug` shows no connection string.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("schema", self.schema()).finish_non_exhaustive()
    }
}
