#![doc = include_str!("../README.md")]

mod api_keys;
mod clock;
mod commands;
mod commit;
mod connection_thread;
mod database_file;
mod enqueue;
mod error;
mod fetch;
mod find;
mod group_commit;
mod journal;
mod lease;
mod mending;
mod migrations;
mod notices;
mod options;
mod purge;
mod queries;
#[cfg(test)]
mod query_plan;
mod quietly;
mod repeats;
mod row;
mod stats;
mod store;
mod subscriptions;
mod unreadable;
mod worker_lock;
mod workers;

pub use self::enqueue::enqueue_in;
pub use self::options::SqliteOptions;
pub use self::store::SqliteStore;

/// The driver, in the version that this crate uses: a program can link SQLite only once.
pub use rusqlite;
