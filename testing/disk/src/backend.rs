//! The database under a store: a SQLite file or a PostgreSQL schema, and what its tables say themselves.

mod postgres;
mod sqlite;

pub use self::postgres::PostgresBackend;
pub use self::sqlite::SqliteBackend;

use core::fmt;

use gymhook_engine::store::{Store, StoreError};

use crate::Failure;

/// The database under a store.
pub trait Backend: Clone + fmt::Debug + Send + Sync + 'static {
    /// The store.
    type Store: Store + fmt::Debug;

    /// Opens it.
    fn open(&self) -> impl Future<Output = Result<Self::Store, StoreError>> + Send;

    /// Closes it in good order.
    fn close(&self, store: Self::Store) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Does what an operator may do beside a running engine; whether it succeeds does not matter.
    fn checkpoint(&self) -> impl Future<Output = ()> + Send;

    /// How many commands wait for workers of subscriptions that are not deleted.
    fn commands_left(&self) -> impl Future<Output = Result<u64, Failure>> + Send;

    /// What the tables themselves say.
    fn inspect(&self) -> impl Future<Output = Result<Inspected, Failure>> + Send;
}

/// What the tables themselves say that no store's call would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Deliveries without a body.
    pub without_body: u64,
    /// Bodies without a delivery.
    pub bodies_alone: u64,
    /// Attempts without a delivery.
    pub attempts_alone: u64,
    /// Commands that were never carried out.
    pub commands_left: u64,
    /// What is wrong with the file itself.
    pub damage: Option<String>,
}

/// The questions that [`Inspected`] answers, in its order, for tables with this prefix and the one with the bodies.
pub(crate) fn questions(prefix: &str, bodies: &str) -> [String; 4] {
    let not_deleted = format!("(SELECT id FROM {prefix}subscriptions WHERE deleted_at IS NULL)");
    [
        format!(
            "SELECT count(*) FROM {prefix}deliveries WHERE seq NOT IN (SELECT seq FROM {prefix}{bodies})"
        ),
        format!(
            "SELECT count(*) FROM {prefix}{bodies} WHERE seq NOT IN (SELECT seq FROM {prefix}deliveries)"
        ),
        format!(
            "SELECT count(*) FROM {prefix}attempts WHERE seq NOT IN (SELECT seq FROM {prefix}deliveries)"
        ),
        format!("SELECT count(*) FROM {prefix}commands WHERE endpoint IN {not_deleted}"),
    ]
}
