//! The stores: the trait and its rows ([`gymhook_store`]), SQLite ([`gymhook_sqlite`]), PostgreSQL ([`gymhook_postgres`]).

#[cfg(feature = "postgres")]
pub use gymhook_postgres as postgres;
#[cfg(feature = "postgres")]
pub use gymhook_postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use gymhook_sqlite as sqlite;
#[cfg(feature = "sqlite")]
pub use gymhook_sqlite::SqliteStore;
#[cfg(feature = "store-tests")]
pub use gymhook_store::testing::{faulty, memory, suite};
pub use gymhook_store::{
    Announcement, ApiKeyOwner, ApiKeyQuery, ApiKeyRights, ApiKeyRotation, ApiKeyRow, AttemptOutcome,
    AttemptQuery, AttemptRow, Batch, Command, Committed, Cursor, DeleteCondition, DeliveryColumns,
    DeliveryQuery, DeliveryRow, EndpointStats, Enqueued, Fetch, Fetched, Journal, JournalQuery, JournalRow,
    Lease, LeaseHolder, LeaseRequest, Leased, NewJournalEntry, NewNotification, Notice, OtherWorkers, Page,
    PendingCommand, Redelivery, Refused, RepeatCheck, State, Stats, StatsQuery, Store, StoreError, StoreTime,
    StoredNotification, SubscriptionQuery, SubscriptionRow, TargetColumns, UnknownAttemptOutcome,
    UnreadableRow, Unstorable, WorkerId, WriteCondition,
};
