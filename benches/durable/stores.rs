//! Fresh stores, on a disk that syncs.

use core::sync::atomic::{AtomicU32, Ordering};

use gymhook_benches::Outcome;
use gymhook_engine::store::postgres::tokio_postgres::{Config, NoTls};
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{PostgresStore, SqliteStore};
use gymhook_test_postgres::Server;
use tempfile::TempDir;

/// A SQLite file in a folder that goes with it.
#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(crate) folder: TempDir,
    pub(crate) store: SqliteStore,
}

impl Sqlite {
    pub(crate) fn fresh() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let store = SqliteStore::open(folder.path().join("webhooks.db"))?;
        Ok(Self { folder, store })
    }
}

/// A private PostgreSQL; each store in a schema of its own.
#[derive(Debug)]
pub(crate) struct Postgres {
    server: Server,
    next: AtomicU32,
}

impl Postgres {
    pub(crate) fn start() -> Outcome<Self> {
        Ok(Self { server: Server::start()?, next: AtomicU32::new(0) })
    }

    pub(crate) fn fresh_schema(&self) -> Outcome<Schema> {
        Ok(Schema::new(format!("bench_{}", self.next.fetch_add(1, Ordering::Relaxed)))?)
    }

    pub(crate) async fn fresh(&self) -> Outcome<PostgresStore> {
        self.store(&self.fresh_schema()?).await
    }

    /// Another store in a schema, with connections of its own.
    pub(crate) async fn store(&self, schema: &Schema) -> Outcome<PostgresStore> {
        Self::connect(self.config(), schema.clone()).await
    }

    /// The same on whatever runtime this is called.
    pub(crate) async fn connect(config: Config, schema: Schema) -> Outcome<PostgresStore> {
        let options = PostgresOptions::new().with_schema(schema);
        Ok(PostgresStore::connect_with(config, NoTls, options).await?)
    }

    /// What a process of its own connects to.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn config(&self) -> Config {
        self.server.config()
    }

    /// What the peer connects to: another database on the same server.
    pub(crate) async fn peers_database(&self) -> Outcome<String> {
        let name = format!("peer_{}", self.next.fetch_add(1, Ordering::Relaxed));
        let (client, connection) = self.config().connect(NoTls).await?;
        let connection = tokio::spawn(connection);
        client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        drop(client);
        connection.await??;
        let url = self.server.url();
        let word = |key: &str| {
            url.split(' ')
                .find_map(|pair| pair.strip_prefix(key))
                .ok_or("the server's connection string changed")
        };
        Ok(format!("postgres://{}@localhost/{name}?host={}", word("user=")?, word("host=")?))
    }
}
