//! `MemoryStore`: a store in memory, for tests and experiments.

mod api_keys;
mod commands;
mod commit;
mod enqueue;
mod fetch;
mod journal;
mod lease;
mod notices;
mod purge;
mod queries;
mod stats;
mod subscriptions;
mod tables;
mod workers;

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId, Enqueued};
use time::UtcDateTime;
use uuid::Uuid;

use self::tables::Tables;
use super::clock;
use crate::StoreTime;
use crate::{
    Announcement, ApiKeyQuery, ApiKeyRotation, ApiKeyRow, Arrivals, AttemptQuery, AttemptRow, Batch, Command,
    Committed, DeleteCondition, DeliveryQuery, DeliveryRow, Direction, EndpointStats, Fetch, Fetched,
    Journal, JournalQuery, JournalRow, LeaseRequest, Leased, NewJournalEntry, NewNotification, Notice,
    OtherWorkers, Page, Redelivery, Refused, Stats, StatsQuery, Store, StoreError, SubscriptionQuery,
    SubscriptionRow, WorkerId, WriteCondition,
};

/// A store in memory, for tests and experiments. It is not durable: its contents end with its last clone.
///
/// Its clock is the system's, or one that a test sets. It counts by scanning all rows.
///
/// ```
/// use bytes::Bytes;
/// use gymhook_delivery::{DeliveryId, EndpointId, EndpointRecord, Enqueued};
/// use gymhook_store::testing::memory::MemoryStore;
/// use gymhook_store::{NewNotification, StatsQuery, Store, SubscriptionRow, TargetColumns, WriteCondition};
/// use time::macros::utc_datetime;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let now = utc_datetime!(2026-01-01 12:00);
/// let store = MemoryStore::new(now);
///
/// let endpoint = EndpointId::from_u128(1);
/// let subscription = SubscriptionRow {
///     id: endpoint,
///     target: TargetColumns::Http { url: "https://receiver.example/hooks".to_owned(), secrets: Vec::new() },
///     gym: "berlin-mitte".to_owned(),
///     platform: "point".to_owned(),
///     settings: "{}".to_owned(),
///     record: EndpointRecord::new(endpoint),
///     deleted_at: None,
/// };
/// assert!(store.put_subscription(subscription, WriteCondition::Always, now).await?);
///
/// let body = Bytes::from_static(b"{}");
/// let new = NewNotification::new(DeliveryId::from_u128(7), endpoint, "workout.created", body);
/// assert_eq!(store.enqueue(vec![new], now).await?, [Ok(Enqueued::New)]);
/// assert_eq!(store.stats(StatsQuery::new(), now).await?.waiting, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
    arrivals: Arrivals,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    tables: Tables,
}

#[derive(Debug)]
enum Clock {
    Set(UtcDateTime),
    System,
}

impl MemoryStore {
    /// An empty store whose clock stays at `now` until it is [set](Self::set_now).
    #[must_use]
    pub fn new(now: UtcDateTime) -> Self {
        Self::with_clock(Clock::Set(now))
    }

    /// An empty store that uses the system's clock.
    #[must_use]
    pub fn with_system_clock() -> Self {
        Self::with_clock(Clock::System)
    }

    fn with_clock(clock: Clock) -> Self {
        let shared = Shared { clock, tables: Tables::default() };
        Self { shared: Arc::new(Mutex::new(shared)), arrivals: Arrivals::default() }
    }

    /// Sets the clock of all clones, to a later or an earlier time. From then on it stays there.
    pub fn set_now(&self, now: UtcDateTime) {
        lock(&self.shared).clock = Clock::Set(now);
    }

    /// Flips a bit of a delivery's row, as a failing disk might. Returns whether there was one.
    pub fn damage_delivery(&self, id: DeliveryId) -> bool {
        lock(&self.shared).tables.damage_delivery(id)
    }

    /// Flips a bit of a delivery's body, or puts one byte into an empty one. Returns whether there was one.
    pub fn damage_body(&self, id: DeliveryId) -> bool {
        lock(&self.shared).tables.damage_body(id)
    }

    /// Removes the bytes of a delivery's body. Returns whether there was one.
    pub fn lose_body(&self, id: DeliveryId) -> bool {
        lock(&self.shared).tables.lose_body(id)
    }

    fn with_tables<T>(&self, act: impl FnOnce(&mut Tables) -> T) -> T {
        act(&mut lock(&self.shared).tables)
    }

    /// The same, after which others look for work at these endpoints.
    fn leaving_work<T>(
        &self,
        endpoints: impl IntoIterator<Item = EndpointId>,
        act: impl FnOnce(&mut Tables) -> T,
    ) -> T {
        let done = self.with_tables(act);
        self.arrivals.add(endpoints);
        done
    }
}

impl Default for MemoryStore {
    /// An empty store that uses the system's clock.
    fn default() -> Self {
        Self::with_system_clock()
    }
}

/// One call is one hold of the lock, and nothing fails half-way: that makes it a transaction.
impl Store for MemoryStore {
    async fn now(&self) -> Result<UtcDateTime, StoreError> {
        Ok(match lock(&self.shared).clock {
            Clock::Set(now) => now,
            Clock::System => cut(clock::system_time()),
        })
    }

    async fn put_subscription(
        &self,
        row: SubscriptionRow,
        condition: WriteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        row.check()?;
        Ok(self.leaving_work([row.id], |tables| tables.put_subscription(row, &condition, now)))
    }

    async fn subscription(&self, id: EndpointId) -> Result<Option<SubscriptionRow>, StoreError> {
        Ok(self.with_tables(|tables| tables.subscription(id)))
    }

    async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Page<SubscriptionRow, EndpointId>, StoreError> {
        Ok(self.with_tables(|tables| tables.subscriptions(&query)))
    }

    async fn delete_subscription(
        &self,
        id: EndpointId,
        condition: DeleteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        Ok(self.with_tables(|tables| tables.delete_subscription(id, &condition, now)))
    }

    async fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        let endpoints: Vec<EndpointId> = new.iter().flat_map(NewNotification::endpoints_with_work).collect();
        let enqueue = |tables: &mut Tables| new.into_iter().map(|new| tables.enqueue(new, now)).collect();
        Ok(self.leaving_work(endpoints, enqueue))
    }

    async fn command(
        &self,
        commands: Vec<(EndpointId, Command)>,
        due: UtcDateTime,
    ) -> Result<(), StoreError> {
        let endpoints = commands.iter().map(|(endpoint, _)| *endpoint);
        self.leaving_work(endpoints, |tables| tables.command(&commands, due));
        Ok(())
    }

    async fn redeliver(&self, which: Redelivery, now: UtcDateTime) -> Result<u64, StoreError> {
        Ok(self.leaving_work([which.endpoint], |tables| tables.redeliver(&which, now)))
    }

    async fn lease(&self, request: LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>, StoreError> {
        Ok(self.with_tables(|tables| tables.lease(&request, now)))
    }

    async fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> Result<OtherWorkers, StoreError> {
        Ok(self.with_tables(|tables| tables.other_workers(worker, direction, now)))
    }

    async fn announce(&self, announcement: Announcement, now: UtcDateTime) -> Result<(), StoreError> {
        self.with_tables(|tables| tables.announce(announcement, now));
        Ok(())
    }

    async fn commit(&self, batch: Batch, now: UtcDateTime) -> Result<Committed, StoreError> {
        let follow_ups = batch.follow_ups.iter().map(|(_, new)| new.endpoint);
        Ok(self.leaving_work(follow_ups, |tables| tables.commit(&batch, now)))
    }

    async fn fetch(&self, fetches: Vec<Fetch>, now: UtcDateTime) -> Result<Vec<Fetched>, StoreError> {
        Ok(self.with_tables(|tables| fetches.iter().map(|fetch| tables.fetch(fetch, now)).collect()))
    }

    async fn take_over(&self) -> Result<bool, StoreError> {
        self.with_tables(Tables::end_leases);
        Ok(true)
    }

    async fn work_arrived(&self) -> Vec<EndpointId> {
        self.arrivals.next().await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        Ok(self.with_tables(|tables| tables.delivery(id)))
    }

    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        Ok(self.with_tables(|tables| tables.deliveries(&query)))
    }

    async fn body(&self, id: DeliveryId) -> Result<Option<Bytes>, StoreError> {
        Ok(self.with_tables(|tables| tables.body(id)))
    }

    async fn attempts(&self, query: AttemptQuery) -> Result<Page<AttemptRow, u32>, StoreError> {
        Ok(self.with_tables(|tables| tables.attempts(&query)))
    }

    async fn stats(&self, query: StatsQuery, now: UtcDateTime) -> Result<Stats, StoreError> {
        Ok(self.with_tables(|tables| tables.stats(&query, now)))
    }

    async fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> Result<Option<EndpointStats>, StoreError> {
        Ok(self.with_tables(|tables| tables.endpoint_stats(id, now)))
    }

    async fn purge(&self, before: UtcDateTime, limit: u32) -> Result<u64, StoreError> {
        Ok(self.with_tables(|tables| tables.purge(before, limit)))
    }

    async fn claim_notices(
        &self,
        limit: u32,
        hold: Duration,
        now: UtcDateTime,
    ) -> Result<Vec<Notice>, StoreError> {
        Ok(self.with_tables(|tables| tables.claim_notices(limit, hold, now)))
    }

    async fn acknowledge_notices(&self, ids: Vec<Uuid>, now: UtcDateTime) -> Result<u64, StoreError> {
        Ok(self.with_tables(|tables| tables.acknowledge_notices(&ids, now)))
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError> {
        row.check()?;
        self.with_tables(|tables| tables.put_api_key(row))
    }

    async fn rotate_api_key(&self, rotation: ApiKeyRotation) -> Result<Option<ApiKeyRow>, StoreError> {
        self.with_tables(|tables| tables.rotate_api_key(&rotation))
    }

    async fn revoke_api_key(&self, id: Uuid, at: UtcDateTime) -> Result<bool, StoreError> {
        Ok(self.with_tables(|tables| tables.revoke_api_key(id, at)))
    }

    async fn api_key(&self, id: Uuid) -> Result<Option<ApiKeyRow>, StoreError> {
        Ok(self.with_tables(|tables| tables.api_key(id)))
    }

    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        Ok(self.with_tables(|tables| tables.api_key_by_digest(digest)))
    }

    async fn api_keys(&self, query: ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>, StoreError> {
        Ok(self.with_tables(|tables| tables.api_keys(&query)))
    }

    async fn append_to_journal(
        &self,
        journal: Journal,
        entries: Vec<NewJournalEntry>,
        keep: u64,
    ) -> Result<(), StoreError> {
        entries.iter().try_for_each(NewJournalEntry::check)?;
        self.with_tables(|tables| tables.append_to_journal(journal, entries, keep));
        Ok(())
    }

    async fn journal(&self, query: JournalQuery) -> Result<Page<JournalRow>, StoreError> {
        Ok(self.with_tables(|tables| tables.journal(&query)))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// To the microsecond, as stores keep times.
fn cut(at: UtcDateTime) -> UtcDateTime {
    StoreTime::from_micros(StoreTime::floor(at).micros()).to_utc().unwrap_or(at)
}
