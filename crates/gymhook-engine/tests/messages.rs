//! What people read when something goes wrong: each message says what happened, where, and what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::time::Duration;

use gymhook_engine::store::StoreError;

#[test]
fn what_a_store_says() {
    let problem = || "PROBLEM".to_owned();
    let table = [
        (
            StoreError::Busy { retry_after: Duration::from_secs(2) },
            "the store is busy: as many calls wait for it as may; try again in 2 s",
        ),
        (StoreError::Closed, "the store is closed"),
        (
            StoreError::Conflict { what: "an API key with this digest" },
            "an API key with this digest is there already",
        ),
        (StoreError::Damaged { problem: problem() }, "the store is damaged: PROBLEM; restore it from a copy"),
        (StoreError::Full, "the disk is full: make room, nothing was lost"),
        (StoreError::Internal { problem: problem() }, "a fault inside the store: PROBLEM; please report it"),
        (StoreError::Invalid { problem: problem() }, "PROBLEM"),
        (StoreError::ReadOnly { problem: problem() }, "the store may not be written to: PROBLEM"),
        (
            StoreError::Replaced { problem: problem() },
            "PROBLEM: stop this process, put the file back (or restore it from a copy), and start again",
        ),
        (
            StoreError::Schema { found: 9, known: 2 },
            "the tables are of version 9, this program knows up to 2: use a newer one",
        ),
        (StoreError::Unavailable { problem: problem() }, "the database is not available: PROBLEM"),
    ];
    for (error, message) in table {
        assert_eq!(error.to_string(), message);
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn what_a_file_that_cannot_be_opened_says() {
    use gymhook_engine::store::SqliteStore;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let said = |path: &std::path::Path| SqliteStore::open(path).unwrap_err().to_string();
    let text = at("text.db");
    std::fs::write(&text, "this is no database, and it is longer than a header").unwrap();
    assert_eq!(
        said(&text),
        format!(
            "the store is damaged: file is not a database: {}; it was overwritten, or another file was meant; \
             restore it from a copy",
            text.display()
        )
    );
    let locked = at("locked.db");
    drop(SqliteStore::open(&locked).unwrap());
    let other = rusqlite::Connection::open(&locked).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(
        said(&locked),
        format!(
            "the database is not available: database is locked: {}; another connection has held its lock for 10 s: \
             find the program that holds it, and end its transaction",
            locked.display()
        )
    );
}
