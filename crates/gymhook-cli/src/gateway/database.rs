//! Opens the gateway's database, creates its file for the owner alone, and says what to do if that fails.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use gymhook_engine::store::{PostgresStore, SqliteStore, StoreError};
use gymhook_service::{Database, DatabasePlace};

use crate::failure::Failure;

/// Opens it, and brings its tables up to date.
pub(crate) async fn open(place: &DatabasePlace) -> Result<Database, Failure> {
    match place {
        DatabasePlace::File(path) => {
            let file = path.clone();
            let opened = tokio::task::spawn_blocking(move || {
                create_private(&file);
                SqliteStore::open(file)
            });
            let opened = opened.await;
            let opened = opened.map_err(Failure::failed)?;
            opened.map(Database::from).map_err(|error| explain(&error, "another file with --database"))
        }
        DatabasePlace::Url(url) => {
            let opened = PostgresStore::connect(url, Default::default()).await;
            opened.map(Database::from).map_err(|error| explain(&error, "another URL in GYMHOOK_DATABASE_URL"))
        }
    }
}

/// A new file is for nobody else: it has secrets. What is wrong with its path, opening it tells.
fn create_private(path: &Path) {
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

fn explain(error: &StoreError, instead: &str) -> Failure {
    let advice = if matches!(error, StoreError::Unavailable { .. } | StoreError::Busy { .. }) {
        format!(": see that it runs, and that no other program locks it, or name {instead}")
    } else if matches!(error, StoreError::ReadOnly { .. }) {
        format!(": let this user write to it and to its folder, or name {instead}")
    } else if matches!(error, StoreError::Invalid { .. }) {
        format!(": correct it, or name {instead}")
    } else {
        // The others say themselves what to do.
        String::new()
    };
    Failure::failed(format!("the database cannot be opened: {error}{advice}"))
}
