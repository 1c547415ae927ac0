//! A file with a million deliveries in its log, made once and kept beside this program.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_engine::store::{SqliteStore, Store as _};
use rusqlite::Connection;
use time::format_description::well_known::Rfc3339;
use time::{Duration, UtcDateTime};

use crate::log_rows;

/// The log.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    pub(crate) file: PathBuf,
    pub(crate) deliveries: u64,
}

impl Filled {
    /// The log of this program's folder, which is made if it is not there.
    pub(crate) async fn find(is_quick: bool) -> Outcome<Self> {
        let deliveries = if is_quick { 50_000 } else { 1_000_000 };
        let this = std::env::current_exe()?;
        let folder = this.parent().ok_or("this program has no folder")?.join("gateway-logs");
        fs::create_dir_all(&folder)?;
        // Of another length if anything of it is made in another way.
        let file = folder.join(format!("{deliveries}-1.db"));
        if !file.exists() {
            let began = Instant::now();
            let making = folder.join(format!("{deliveries}.making"));
            for rest in ["", "-wal", "-shm"] {
                let path = folder.join(format!("{deliveries}.making{rest}"));
                if path.exists() {
                    fs::remove_file(path)?;
                }
            }
            make(&making, deliveries).await?;
            fs::rename(&making, &file)?;
            eprintln!(
                "a log of {deliveries} deliveries was made in {:?}: {}",
                began.elapsed(),
                file.display()
            );
        }
        Ok(Self { file, deliveries })
    }

    /// A week after the first delivery was enqueued, as the API takes a time.
    pub(crate) fn first_week_ends(&self) -> Outcome<String> {
        let connection = Connection::open(&self.file)?;
        let sql = "SELECT min(enqueued_at) FROM gymhook_deliveries";
        let first: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        let end = UtcDateTime::from_unix_timestamp(first / 1_000_000)? + Duration::WEEK;
        Ok(end.format(&Rfc3339)?)
    }

    /// A cursor into the log that leaves this many of 1,000 deliveries before it.
    pub(crate) fn cursor(&self, per_mille: u64) -> u64 {
        self.deliveries - self.deliveries * per_mille / 1_000
    }
}

async fn make(file: &Path, deliveries: u64) -> Outcome<()> {
    let store = SqliteStore::open(file)?;
    log_rows::subscribe(&store).await?;
    let now = store.now().await?;
    drop(store);
    log_rows::write_to_sqlite(file, deliveries, now)
}
