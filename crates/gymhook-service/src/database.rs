//! `Database`: SQLite or PostgreSQL behind one type.

use core::time::Duration;

use bytes::Bytes;
use gymhook_engine::store::{
    Announcement, ApiKeyQuery, ApiKeyRotation, ApiKeyRow, AttemptQuery, AttemptRow, Batch, Command,
    Committed, DeleteCondition, DeliveryQuery, DeliveryRow, EndpointStats, Enqueued, Fetch, Fetched, Journal,
    JournalQuery, JournalRow, LeaseRequest, Leased, NewJournalEntry, NewNotification, Notice, OtherWorkers,
    Page, PostgresStore, Redelivery, Refused, SqliteStore, Stats, StatsQuery, Store, StoreError,
    SubscriptionQuery, SubscriptionRow, WorkerId, WriteCondition,
};
use gymhook_engine::{DeliveryId, Direction, EndpointId};
use time::UtcDateTime;
use uuid::Uuid;

/// Where a service keeps everything: in one SQLite file, or in PostgreSQL, which several processes can share.
///
/// The service is compiled once for both.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Database {
    /// One file of this machine.
    Sqlite(SqliteStore),
    /// A server.
    Postgres(PostgresStore),
}

impl From<SqliteStore> for Database {
    fn from(store: SqliteStore) -> Self {
        Self::Sqlite(store)
    }
}

impl From<PostgresStore> for Database {
    fn from(store: PostgresStore) -> Self {
        Self::Postgres(store)
    }
}

/// Passes each call on to the store that it is.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(async fn $name(&self, $($argument: $type),*) -> $result {
            match self {
                Self::Sqlite(store) => store.$name($($argument),*).await,
                Self::Postgres(store) => store.$name($($argument),*).await,
            }
        })*
    };
}

type Result<T> = core::result::Result<T, StoreError>;

impl Store for Database {
    pass_on! {
        now() -> Result<UtcDateTime>;
        put_subscription(row: SubscriptionRow, condition: WriteCondition, now: UtcDateTime) -> Result<bool>;
        subscription(id: EndpointId) -> Result<Option<SubscriptionRow>>;
        subscriptions(query: SubscriptionQuery) -> Result<Page<SubscriptionRow, EndpointId>>;
        delete_subscription(id: EndpointId, condition: DeleteCondition, now: UtcDateTime) -> Result<bool>;
        enqueue(new: Vec<NewNotification>, now: UtcDateTime) -> Result<Vec<core::result::Result<Enqueued, Refused>>>;
        command(commands: Vec<(EndpointId, Command)>, due: UtcDateTime) -> Result<()>;
        redeliver(which: Redelivery, now: UtcDateTime) -> Result<u64>;
        lease(request: LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>>;
        other_workers(worker: WorkerId, direction: Direction, now: UtcDateTime) -> Result<OtherWorkers>;
        announce(announcement: Announcement, now: UtcDateTime) -> Result<()>;
        commit(batch: Batch, now: UtcDateTime) -> Result<Committed>;
        fetch(fetches: Vec<Fetch>, now: UtcDateTime) -> Result<Vec<Fetched>>;
        take_over() -> Result<bool>;
        work_arrived() -> Vec<EndpointId>;
        delivery(id: DeliveryId) -> Result<Option<DeliveryRow>>;
        deliveries(query: DeliveryQuery) -> Result<Page<DeliveryRow>>;
        body(id: DeliveryId) -> Result<Option<Bytes>>;
        attempts(query: AttemptQuery) -> Result<Page<AttemptRow, u32>>;
        stats(query: StatsQuery, now: UtcDateTime) -> Result<Stats>;
        endpoint_stats(id: EndpointId, now: UtcDateTime) -> Result<Option<EndpointStats>>;
        purge(before: UtcDateTime, limit: u32) -> Result<u64>;
        check_writable() -> Result<()>;
        claim_notices(limit: u32, hold: Duration, now: UtcDateTime) -> Result<Vec<Notice>>;
        acknowledge_notices(ids: Vec<Uuid>, now: UtcDateTime) -> Result<u64>;
        put_api_key(row: ApiKeyRow) -> Result<()>;
        rotate_api_key(rotation: ApiKeyRotation) -> Result<Option<ApiKeyRow>>;
        revoke_api_key(id: Uuid, at: UtcDateTime) -> Result<bool>;
        api_key(id: Uuid) -> Result<Option<ApiKeyRow>>;
        api_key_by_digest(digest: [u8; 32]) -> Result<Option<ApiKeyRow>>;
        api_keys(query: ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>>;
        append_to_journal(journal: Journal, entries: Vec<NewJournalEntry>, keep: u64) -> Result<()>;
        journal(query: JournalQuery) -> Result<Page<JournalRow>>;
    }
}
