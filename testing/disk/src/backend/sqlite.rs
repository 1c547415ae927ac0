//! A SQLite file.

use core::time::Duration;
use std::path::{Path, PathBuf};

use gymhook_engine::store::{SqliteStore, StoreError};
use rusqlite::{Connection, OpenFlags};

use super::{Backend, Inspected, questions};
use crate::Failure;

/// A SQLite file in a folder.
#[derive(Clone, Debug)]
pub struct SqliteBackend {
    file: PathBuf,
}

impl SqliteBackend {
    /// The file in this folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { file: folder.join("webhooks.db") }
    }

    /// Copies what a dead process left of it into another folder.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn copy_to(&self, folder: &Path) -> Result<Self, Failure> {
        let copy = Self::in_folder(folder);
        for suffix in ["", "-wal", "-journal", "-worker"] {
            let [from, to] = [&self.file, &copy.file].map(|file| with_suffix(file, suffix));
            if from.exists() {
                std::fs::copy(from, to)?;
            }
        }
        Ok(copy)
    }

    /// Past the disk that fails: its calls are those of the engine and of operators.
    fn look(&self) -> Result<Connection, Failure> {
        let connection = Connection::open_with_flags_and_vfs(
            &self.file,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            c"unix",
        )?;
        connection.busy_timeout(Duration::from_secs(10))?;
        Ok(connection)
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Backend for SqliteBackend {
    type Store = SqliteStore;

    async fn open(&self) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.file)
    }

    async fn close(&self, store: SqliteStore) -> Result<(), StoreError> {
        store.close().await
    }

    async fn checkpoint(&self) {
        let file = self.file.clone();
        let work = tokio::task::spawn_blocking(move || {
            let connection = Connection::open(file)?;
            connection.busy_timeout(Duration::from_millis(20))?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        // Busy, or the disk fails: it is an operator's, and need not succeed.
        let _done = work.await;
    }

    async fn commands_left(&self) -> Result<u64, Failure> {
        let [.., commands] = questions("gymhook_", "bodies");
        Ok(self.look()?.query_row(&commands, [], |row| row.get(0))?)
    }

    async fn inspect(&self) -> Result<Inspected, Failure> {
        let connection = self.look()?;
        let ask = |question: String| connection.query_row(&question, [], |row| row.get::<_, u64>(0));
        let [without_body, bodies_alone, attempts_alone, commands_left] =
            questions("gymhook_", "bodies").map(ask);
        let said: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        Ok(Inspected {
            without_body: without_body?,
            bodies_alone: bodies_alone?,
            attempts_alone: attempts_alone?,
            commands_left: commands_left?,
            damage: (said != "ok").then_some(said),
        })
    }
}
