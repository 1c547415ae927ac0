//! Opens the database, and says what to do where that fails.

use gymhook_engine::store::StoreError;
use gymhook_engine::store::{PostgresStore, SqliteStore};
use gymhook_service::{Database, DatabasePlace};

use crate::failure::Failure;

/// Opens it, and brings its tables up to date.
pub(crate) async fn open(place: &DatabasePlace) -> Result<Database, Failure> {
    match place {
        DatabasePlace::File(path) => {
            let file = path.clone();
            let opened = tokio::task::spawn_blocking(move || SqliteStore::open(file)).await;
            let opened = opened.map_err(Failure::failed)?;
            opened.map(Database::from).map_err(|error| explain(&error, "another file with --database"))
        }
        DatabasePlace::Url(url) => {
            let opened = PostgresStore::connect(url, Default::default()).await;
            opened.map(Database::from).map_err(|error| explain(&error, "another URL in GYMHOOK_DATABASE_URL"))
        }
        _ => Err(Failure::usage("this database is of a kind that this gymhook does not know")),
    }
}

fn explain(error: &StoreError, instead: &str) -> Failure {
    let advice = match error {
        StoreError::Unavailable { .. } | StoreError::Busy { .. } => {
            format!("see that it runs, and that no other program locks it, or name {instead}")
        }
        StoreError::ReadOnly { .. } => {
            format!("let this user write to it and to its folder, or name {instead}")
        }
        StoreError::Invalid { .. } => format!("correct it, or name {instead}"),
        // These say themselves what to do.
        _ => return Failure::failed(format!("the database cannot be opened: {error}")),
    };
    Failure::failed(format!("the database cannot be opened: {error}: {advice}"))
}
