#![doc = include_str!("../README.md")]

mod api_keys;
mod arrivals;
mod clock;
mod commands;
mod commit;
mod connection;
mod connection_string;
mod enqueue;
mod error;
mod fetch;
mod find;
mod group_commit;
mod held;
mod insert;
mod journal;
mod lease;
mod listener;
mod mending;
mod migrations;
mod notices;
mod options;
mod page;
mod pooling;
mod purge;
mod queries;
mod repeats;
mod row;
mod schema_name;
mod sqlstate;
mod stats;
mod store;
mod subscriptions;
mod tls;
mod unreadable;
mod values;
mod workers;

pub use self::enqueue::enqueue_in;
pub use self::options::{Pooling, PostgresOptions};
pub use self::schema_name::Schema;
pub use self::store::PostgresStore;

/// The driver, in the version that this crate uses.
pub use tokio_postgres;
