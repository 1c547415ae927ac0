//! A schema in a PostgreSQL server.

use core::time::Duration;
use std::path::PathBuf;

use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{PostgresStore, StoreError};
use tokio_postgres::{Client, Config, NoTls};

use super::{Backend, Inspected, questions};
use crate::Failure;

/// How long a call may take, and `statement_timeout`: shorter than a table is held up, far longer than a call takes.
const CALL: Duration = Duration::from_millis(1_000);

/// A schema in a server; the engine reaches it through a socket of its own.
#[derive(Clone, Debug)]
pub struct PostgresBackend {
    server: Config,
    engine: Config,
    schema: String,
}

impl PostgresBackend {
    /// The schema with this name. The engine's connections go to the socket in `folder`, if one is given.
    #[must_use]
    pub fn new(server: &Config, schema: String, folder: Option<PathBuf>) -> Self {
        let mut engine = server.clone();
        if let Some(folder) = folder {
            engine = Config::new();
            engine.host_path(folder);
            engine.user(server.get_user().unwrap_or_default());
            engine.dbname(server.get_dbname().unwrap_or_default());
        }
        Self { server: server.clone(), engine, schema }
    }

    async fn client(&self) -> Result<Client, Failure> {
        let (client, connection) = self.server.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Removes it.
    ///
    /// # Errors
    /// The server reports one.
    pub async fn remove(&self) -> Result<(), Failure> {
        let sql = format!("SET client_min_messages = warning; DROP SCHEMA IF EXISTS {} CASCADE", self.schema);
        Ok(self.client().await?.batch_execute(&sql).await?)
    }

    fn questions(&self) -> [String; 4] {
        questions(&format!("{}.", self.schema), "notifications")
    }
}

impl Backend for PostgresBackend {
    type Store = PostgresStore;

    async fn open(&self) -> Result<PostgresStore, StoreError> {
        let options = PostgresOptions::new()
            .with_schema(Schema::new(self.schema.clone())?)
            .with_connections(4)
            .with_call_timeout(CALL);
        PostgresStore::connect_with(self.engine.clone(), NoTls, options).await
    }

    async fn close(&self, store: PostgresStore) -> Result<(), StoreError> {
        drop(store);
        Ok(())
    }

    async fn checkpoint(&self) {
        if let Ok(client) = self.client().await {
            // It may find no room.
            let _done = client.batch_execute(&format!("VACUUM {}.deliveries", self.schema)).await;
        }
    }

    async fn commands_left(&self) -> Result<u64, Failure> {
        let [.., commands] = self.questions();
        let row = self.client().await?.query_one(&commands, &[]).await?;
        Ok(u64::try_from(row.try_get::<_, i64>(0)?)?)
    }

    async fn inspect(&self) -> Result<Inspected, Failure> {
        let client = self.client().await?;
        let mut counted = [0; 4];
        for (count, question) in counted.iter_mut().zip(self.questions()) {
            *count = u64::try_from(client.query_one(&question, &[]).await?.try_get::<_, i64>(0)?)?;
        }
        let [without_body, bodies_alone, attempts_alone, commands_left] = counted;
        Ok(Inspected { without_body, bodies_alone, attempts_alone, commands_left, damage: None })
    }
}
