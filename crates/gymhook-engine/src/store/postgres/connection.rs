//! Connections: how they are set up, lent, and thrown away when nobody knows what state they are in.

use core::time::Duration;
use std::time::SystemTime;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime,
};
use time::UtcDateTime;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Row, Socket, Statement};

use super::error::Result;
use super::options::{PostgresOptions, Schema};
use crate::store::StoreError;

/// The values of a statement.
pub(super) type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// A worker that stops in the middle of a transaction, or whose machine is gone, must not hold its rows for long.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

pub(super) fn pool<T>(config: Config, tls: T, options: &PostgresOptions) -> Result<Pool>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let manager =
        Manager::from_config(config, tls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let settings = settings(options);
    let set_up = Hook::async_fn(move |client: &mut ClientWrapper, _| {
        let settings = settings.clone();
        Box::pin(async move {
            client.batch_execute(&settings).await.map_err(HookError::Backend)?;
            let problem = find_problem(client).await.map_err(HookError::Backend)?;
            problem.map_or(Ok(()), |problem| Err(HookError::message(problem)))
        })
    });
    Pool::builder(manager)
        .max_size(options.connections)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(options.call_timeout))
        .wait_timeout(Some(options.call_timeout))
        .post_create(set_up)
        .build()
        .map_err(|error| StoreError::Invalid { problem: error.to_string() }.into())
}

/// A plan is made for the arrays that there are and the tables as they are: one that was made when they were empty would
/// read them whole when they are full. What is read was written a moment ago, so it is in memory.
fn settings(options: &PostgresOptions) -> String {
    format!(
        "SET plan_cache_mode = force_custom_plan; SET jit = off; SET random_page_cost = 1.1; SET client_min_messages = warning;
         SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
        options.call_timeout.as_millis().min(0x7fff_ffff),
        IDLE_IN_TRANSACTION.as_millis(),
    )
}

/// What is wrong with a server or a session for those who want to keep what they write.
async fn find_problem(client: &Client) -> Result<Option<&'static str>, tokio_postgres::Error> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::int >= 130000, current_setting('synchronous_commit') <> 'off',
             current_setting('server_encoding') = 'UTF8', current_setting('fsync') = 'on'",
            &[],
        )
        .await?;
    let problems = [
        "PostgreSQL is older than version 13",
        "commits may be lost with the power: synchronous_commit is off for this role or database",
        "the database's encoding is not UTF8",
    ];
    if !row.try_get::<_, bool>(problems.len())? {
        tracing::warn!("PostgreSQL runs with fsync = off: a loss of power may lose everything");
    }
    for (column, problem) in problems.into_iter().enumerate() {
        if !row.try_get::<_, bool>(column)? {
            return Ok(Some(problem));
        }
    }
    Ok(None)
}

/// A connection lent by the pool. Unless it is [given back](Lent::give_back) it is closed, since something may still be
/// under way on it; the server then undoes what was begun and not committed.
pub(super) struct Lent<'s> {
    object: Option<Object>,
    schema: &'s Schema,
}

impl<'s> Lent<'s> {
    pub(super) async fn from_pool(pool: &Pool, schema: &'s Schema) -> Result<Self> {
        Ok(Self { object: Some(pool.get().await?), schema })
    }

    /// Back to the pool: nothing is under way on it.
    pub(super) fn give_back(mut self) {
        drop(self.object.take());
    }

    pub(super) fn client(&self) -> Result<&ClientWrapper> {
        self.object.as_deref().ok_or_else(|| StoreError::Closed.into())
    }

    pub(super) async fn prepare(&self, sql: &str) -> Result<Statement> {
        Ok(self.client()?.prepare_cached(&self.schema.render(sql)).await?)
    }

    /// Rows of one statement that is a transaction of its own, or part of the one that was begun.
    pub(super) async fn query(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>> {
        let statement = self.prepare(sql).await?;
        Ok(self.client()?.query(&statement, values).await?)
    }

    /// How many rows such a statement wrote.
    pub(super) async fn execute(&self, sql: &str, values: Values<'_>) -> Result<u64> {
        let statement = self.prepare(sql).await?;
        Ok(self.client()?.execute(&statement, values).await?)
    }

    pub(super) async fn batch(&self, sql: &str) -> Result<()> {
        Ok(self.client()?.batch_execute(sql).await?)
    }
}

/// The server's clock, not that of a transaction's beginning.
pub(super) async fn clock(lent: Lent<'_>) -> Result<UtcDateTime> {
    let statement = lent.prepare("SELECT clock_timestamp()").await?;
    let row = lent.client()?.query_one(&statement, &[]).await?;
    lent.give_back();
    Ok(UtcDateTime::from(row.try_get::<_, SystemTime>(0)?))
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
