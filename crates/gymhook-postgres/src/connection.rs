//! `Connections` and `Lent`: how connections are set up, lent and given back. One in an unknown state is thrown away.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Row, Socket, Statement};

use super::connection_string;
use super::error::{Failure, READ_ONLY, Result};
use super::options::PostgresOptions;
use super::schema_name::Schema;
use super::values::{Values, typed, untyped};
use gymhook_store::StoreError;

/// A worker that stops in the middle of a transaction, or whose machine is gone, must not hold its rows for long.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

/// Whether a session is one connection's for as long as that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sessions {
    Own,
    /// A pooler in between gives each transaction another one. So each call is one transaction, which brings its settings
    /// along, and no statement has a name.
    Shared,
}

/// Where connections come from.
pub(super) struct Connections {
    pool: Pool,
    schema: Schema,
    /// To which hosts.
    place: String,
    /// What a call begins with where sessions are shared.
    begin: Option<String>,
}

impl Connections {
    pub(super) fn new<T>(
        config: Config,
        tls: T,
        options: &PostgresOptions,
        sessions: Sessions,
    ) -> Result<Self>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let place = connection_string::place(&config);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, tls, recycling);
        let pool = Pool::builder(manager)
            .max_size(options.connections)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(options.call_timeout))
            .wait_timeout(Some(options.call_timeout))
            .post_create(set_up(options, sessions))
            .build()
            .map_err(|error| StoreError::Invalid { problem: error.to_string() })?;
        let begin = (sessions == Sessions::Shared).then(|| {
            let settings: Vec<String> =
                settings(options, sessions).iter().map(|set| format!("SET LOCAL {set}")).collect();
            format!("BEGIN; {}", settings.join("; "))
        });
        Ok(Self { pool, schema: options.schema.clone(), place, begin })
    }

    pub(super) const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A connection for one call.
    pub(super) async fn lend(&self) -> Result<Lent<'_>> {
        let mut lent = self.lend_unbegun().await?;
        if let Some(begin) = &self.begin {
            lent.batch(begin).await?;
            lent.is_in_transaction = AtomicBool::new(true);
        }
        Ok(lent)
    }

    /// A connection for several transactions, each with its own settings.
    pub(super) async fn lend_unbegun(&self) -> Result<Lent<'_>> {
        let object = match self.pool.get().await {
            Ok(object) => Some(object),
            Err(PoolError::Backend(error)) => return Err(Failure::from(error).at(&self.place)),
            Err(error) => return Err(error.into()),
        };
        let sessions = if self.begin.is_some() { Sessions::Shared } else { Sessions::Own };
        Ok(Lent { object, sessions, schema: &self.schema, is_in_transaction: AtomicBool::new(false) })
    }
}

fn set_up(options: &PostgresOptions, sessions: Sessions) -> Hook {
    let settings: Vec<String> = settings(options, sessions).iter().map(|set| format!("SET {set}")).collect();
    let settings = settings.join("; ");
    let may_be_read_only = options.read_only_allowed;
    Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let settings = settings.clone();
        Box::pin(async move {
            if sessions == Sessions::Own {
                client.batch_execute(&settings).await.map_err(HookError::Backend)?;
            }
            let problem = find_problem(client).await.map_err(HookError::Backend)?;
            let problem = problem.filter(|problem| !(may_be_read_only && *problem == READ_ONLY));
            problem.map_or(Ok(()), |problem| Err(HookError::message(problem)))
        })
    })
}

/// A plan is made for the arrays that there are and the tables as they are: one that was made when they were empty would
/// read them whole when they are full. What is read was written a moment ago, so it is in memory.
fn settings(options: &PostgresOptions, sessions: Sessions) -> Vec<String> {
    let mut settings = vec![
        "plan_cache_mode = force_custom_plan".to_owned(),
        "jit = off".to_owned(),
        "random_page_cost = 1.1".to_owned(),
        "client_min_messages = warning".to_owned(),
        format!("statement_timeout = {}", options.call_timeout.as_millis().min(0x7fff_ffff)),
        format!("idle_in_transaction_session_timeout = {}", IDLE_IN_TRANSACTION.as_millis()),
    ];
    if sessions == Sessions::Shared {
        // Another user of the session may have left it off.
        settings.push("synchronous_commit = on".to_owned());
    }
    settings
}

/// What is wrong with a server or a session for those who want to keep what they write.
async fn find_problem(client: &Client) -> Result<Option<&'static str>, tokio_postgres::Error> {
    let row = client
        .query_typed_one(
            "SELECT current_setting('server_version_num')::int >= 130000, current_setting('synchronous_commit') <> 'off',
             current_setting('server_encoding') = 'UTF8',
             NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off', current_setting('fsync') = 'on'",
            &[],
        )
        .await?;
    let problems = [
        "PostgreSQL is older than version 13: update the server",
        "commits may be lost with the power: synchronous_commit is off for this role or database; set it to on",
        "the database's encoding is not UTF8: create one with ENCODING 'UTF8'",
        READ_ONLY,
    ];
    if !row.try_get::<_, bool>(problems.len())? {
        tracing::warn!("PostgreSQL runs with fsync = off: a power failure may lose everything");
    }
    for (column, problem) in problems.into_iter().enumerate() {
        if !row.try_get::<_, bool>(column)? {
            return Ok(Some(problem));
        }
    }
    Ok(None)
}

/// A statement, ready to run.
pub(super) enum Prepared {
    Named(Statement),
    Unnamed(String),
}

/// A connection lent by the pool. Unless it is [given back](Lent::give_back) it is closed, since something may still be
/// under way on it; the server then undoes what was begun and not committed.
pub(super) struct Lent<'s> {
    object: Option<Object>,
    sessions: Sessions,
    schema: &'s Schema,
    is_in_transaction: AtomicBool,
}

impl Lent<'_> {
    /// Commits what is not committed yet, and back to the pool: nothing is under way on it.
    pub(super) async fn give_back(mut self) -> Result<()> {
        if self.is_in_transaction() {
            self.commit().await?;
        }
        drop(self.object.take());
        Ok(())
    }

    pub(super) fn client(&self) -> Result<&ClientWrapper> {
        self.object.as_deref().ok_or_else(|| StoreError::Closed.into())
    }

    /// Begins a transaction of several statements with these settings. Where sessions are shared, the call is in one.
    pub(super) async fn begin(&self, settings: &str) -> Result<()> {
        self.is_in_transaction.store(true, Ordering::Relaxed);
        match self.sessions {
            Sessions::Own => self.batch(&format!("BEGIN; {settings}")).await,
            Sessions::Shared => self.batch(settings).await,
        }
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        self.is_in_transaction.load(Ordering::Relaxed)
    }

    /// Ends the transaction; what follows is one of its own, statement by statement.
    pub(super) async fn commit(&self) -> Result<()> {
        // After an error in the transaction `COMMIT` undoes it and reports none; `SELECT` reports it.
        self.batch("SELECT 1; COMMIT").await?;
        self.is_in_transaction.store(false, Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn prepare(&self, sql: &str) -> Result<Prepared> {
        let sql = self.schema.render(sql);
        Ok(match self.sessions {
            Sessions::Own => Prepared::Named(self.client()?.prepare_cached(&sql).await?),
            Sessions::Shared => Prepared::Unnamed(sql.into_owned()),
        })
    }

    /// Rows of one statement that is a transaction of its own, or part of the one that was begun.
    pub(super) async fn query(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>> {
        let statement = self.prepare(sql).await?;
        self.run(&statement, values).await
    }

    /// The same for one that was prepared: it is sent when this is first polled.
    pub(super) async fn run(&self, statement: &Prepared, values: Values<'_>) -> Result<Vec<Row>> {
        let client: &Client = self.client()?;
        Ok(match statement {
            Prepared::Named(statement) => client.query(statement, &untyped(values)).await?,
            Prepared::Unnamed(sql) => client.query_typed(sql, &typed(values)).await?,
        })
    }

    pub(super) async fn batch(&self, sql: &str) -> Result<()> {
        Ok(self.client()?.batch_execute(sql).await?)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
