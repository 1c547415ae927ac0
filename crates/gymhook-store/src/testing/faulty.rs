//! `FaultyStore`: a store that fails on request, around another store.

mod operation;
mod plan;

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId, Enqueued};
use time::UtcDateTime;
use uuid::Uuid;

pub use self::operation::{Operation, When};
use self::plan::Plan;
use crate::{
    Announcement, ApiKeyQuery, ApiKeyRotation, ApiKeyRow, AttemptQuery, AttemptRow, Batch, Command,
    Committed, DeleteCondition, DeliveryQuery, DeliveryRow, Direction, EndpointStats, Fetch, Fetched,
    Journal, JournalQuery, JournalRow, LeaseRequest, Leased, NewJournalEntry, NewNotification, Notice,
    OtherWorkers, Page, Redelivery, Refused, Stats, StatsQuery, Store, StoreError, SubscriptionQuery,
    SubscriptionRow, WorkerId, WriteCondition,
};

/// A store around another that fails where a test wants it to: before a call, so that it is not made, or after it, so that it is
/// made and its result is lost.
///
/// Clones share their faults. [`Operation::WorkArrived`] cannot fail, since it returns no error; it can be watched.
///
/// ```
/// use gymhook_store::testing::faulty::{FaultyStore, Operation, When};
/// use gymhook_store::testing::memory::MemoryStore;
/// use gymhook_store::{StatsQuery, Store, StoreError};
/// use time::macros::utc_datetime;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StoreError> {
/// let now = utc_datetime!(2026-01-01 12:00);
/// let store = FaultyStore::new(MemoryStore::new(now));
///
/// store.fail_next(Operation::Stats, When::Before, StoreError::Full);
/// assert_eq!(store.stats(StatsQuery::new(), now).await, Err(StoreError::Full));
/// assert_eq!(store.stats(StatsQuery::new(), now).await?.waiting, 0); // it failed once
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FaultyStore<S> {
    inner: S,
    plan: Arc<Mutex<Plan>>,
}

impl<S> FaultyStore<S> {
    /// A store that does what `inner` does, until it is asked to fail.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner, plan: Arc::default() }
    }

    /// Fails the next call of an operation, once; called n times, the next n calls, in the order of these calls.
    pub fn fail_next(&self, operation: Operation, when: When, error: StoreError) {
        self.plan().fail_next((operation, when), error);
    }

    /// Fails every `nth` call of an operation from now on.
    pub fn fail_every(&self, operation: Operation, when: When, nth: NonZeroU32, error: StoreError) {
        self.plan().fail_every((operation, when), nth, error);
    }

    /// Fails at one in `one_in` points, on average, before and after all operations alike, with
    /// [`StoreError::Unavailable`]. The same calls with the same seed fail at the same points.
    pub fn fail_at_random(&self, seed: u64, one_in: NonZeroU32) {
        self.plan().fail_at_random(seed, one_in);
    }

    /// Makes every call of an operation hang from now on: it never ends, as on a network file system whose server is gone.
    /// [`FaultyStore::heal`] does not end those that already hang.
    pub fn hang(&self, operation: Operation, when: When) {
        self.plan().hang((operation, when));
    }

    /// Stops failing. Watchers stay.
    pub fn heal(&self) {
        self.plan().heal();
    }

    /// Calls `watcher` whenever this point is reached, before it may fail: to count, to make something happen in between,
    /// or to kill the process. A later watcher of a point replaces the earlier one.
    ///
    /// It may add faults to this store. It blocks the call, and the thread that runs it.
    pub fn on(&self, operation: Operation, when: When, watcher: impl Fn() + Send + Sync + 'static) {
        self.plan().watch((operation, when), Arc::new(watcher));
    }

    /// How often this point was reached.
    #[must_use]
    pub fn reached(&self, operation: Operation, when: When) -> u64 {
        self.plan().reached((operation, when))
    }

    /// The store inside, which does not fail.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass(&self, operation: Operation, when: When) -> Result<(), StoreError> {
        let point = (operation, when);
        let watcher = self.plan().arrive(point);
        if let Some(watcher) = watcher {
            watcher();
        }
        if self.plan().hangs(point) {
            return core::future::pending().await;
        }
        self.plan().fault(point).map_or(Ok(()), Err)
    }

    async fn call<T, F>(&self, operation: Operation, make: impl FnOnce() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        self.pass(operation, When::Before).await?;
        let answer = make().await?;
        self.pass(operation, When::After).await?;
        Ok(answer)
    }
}

impl<S: Store> Store for FaultyStore<S> {
    async fn now(&self) -> Result<UtcDateTime, StoreError> {
        self.call(Operation::Now, || self.inner.now()).await
    }

    async fn put_subscription(
        &self,
        row: SubscriptionRow,
        condition: WriteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        self.call(Operation::PutSubscription, || self.inner.put_subscription(row, condition, now)).await
    }

    async fn subscription(&self, id: EndpointId) -> Result<Option<SubscriptionRow>, StoreError> {
        self.call(Operation::Subscription, || self.inner.subscription(id)).await
    }

    async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Page<SubscriptionRow, EndpointId>, StoreError> {
        self.call(Operation::Subscriptions, || self.inner.subscriptions(query)).await
    }

    async fn delete_subscription(
        &self,
        id: EndpointId,
        condition: DeleteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        self.call(Operation::DeleteSubscription, || self.inner.delete_subscription(id, condition, now)).await
    }

    async fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        self.call(Operation::Enqueue, || self.inner.enqueue(new, now)).await
    }

    async fn command(
        &self,
        commands: Vec<(EndpointId, Command)>,
        due: UtcDateTime,
    ) -> Result<(), StoreError> {
        self.call(Operation::Command, || self.inner.command(commands, due)).await
    }

    async fn redeliver(&self, which: Redelivery, now: UtcDateTime) -> Result<u64, StoreError> {
        self.call(Operation::Redeliver, || self.inner.redeliver(which, now)).await
    }

    async fn lease(&self, request: LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>, StoreError> {
        self.call(Operation::Lease, || self.inner.lease(request, now)).await
    }

    async fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> Result<OtherWorkers, StoreError> {
        self.call(Operation::OtherWorkers, || self.inner.other_workers(worker, direction, now)).await
    }

    async fn announce(&self, announcement: Announcement, now: UtcDateTime) -> Result<(), StoreError> {
        self.call(Operation::Announce, || self.inner.announce(announcement, now)).await
    }

    async fn commit(&self, batch: Batch, now: UtcDateTime) -> Result<Committed, StoreError> {
        self.call(Operation::Commit, || self.inner.commit(batch, now)).await
    }

    async fn fetch(&self, fetches: Vec<Fetch>, now: UtcDateTime) -> Result<Vec<Fetched>, StoreError> {
        self.call(Operation::Fetch, || self.inner.fetch(fetches, now)).await
    }

    async fn take_over(&self) -> Result<bool, StoreError> {
        self.call(Operation::TakeOver, || self.inner.take_over()).await
    }

    async fn work_arrived(&self) -> Vec<EndpointId> {
        // Nobody can be told of a fault here.
        let _ = self.pass(Operation::WorkArrived, When::Before).await;
        let endpoints = self.inner.work_arrived().await;
        let _ = self.pass(Operation::WorkArrived, When::After).await;
        endpoints
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        self.call(Operation::Delivery, || self.inner.delivery(id)).await
    }

    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        self.call(Operation::Deliveries, || self.inner.deliveries(query)).await
    }

    async fn body(&self, id: DeliveryId) -> Result<Option<Bytes>, StoreError> {
        self.call(Operation::Body, || self.inner.body(id)).await
    }

    async fn attempts(&self, query: AttemptQuery) -> Result<Page<AttemptRow, u32>, StoreError> {
        self.call(Operation::Attempts, || self.inner.attempts(query)).await
    }

    async fn stats(&self, query: StatsQuery, now: UtcDateTime) -> Result<Stats, StoreError> {
        self.call(Operation::Stats, || self.inner.stats(query, now)).await
    }

    async fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> Result<Option<EndpointStats>, StoreError> {
        self.call(Operation::EndpointStats, || self.inner.endpoint_stats(id, now)).await
    }

    async fn purge(&self, before: UtcDateTime, limit: u32) -> Result<u64, StoreError> {
        self.call(Operation::Purge, || self.inner.purge(before, limit)).await
    }

    async fn claim_notices(
        &self,
        limit: u32,
        hold: Duration,
        now: UtcDateTime,
    ) -> Result<Vec<Notice>, StoreError> {
        self.call(Operation::ClaimNotices, || self.inner.claim_notices(limit, hold, now)).await
    }

    async fn acknowledge_notices(&self, ids: Vec<Uuid>, now: UtcDateTime) -> Result<u64, StoreError> {
        self.call(Operation::AcknowledgeNotices, || self.inner.acknowledge_notices(ids, now)).await
    }

    async fn check_writable(&self) -> Result<(), StoreError> {
        self.call(Operation::CheckWritable, || self.inner.check_writable()).await
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError> {
        self.call(Operation::PutApiKey, || self.inner.put_api_key(row)).await
    }

    async fn rotate_api_key(&self, rotation: ApiKeyRotation) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(Operation::RotateApiKey, || self.inner.rotate_api_key(rotation)).await
    }

    async fn revoke_api_key(&self, id: Uuid, at: UtcDateTime) -> Result<bool, StoreError> {
        self.call(Operation::RevokeApiKey, || self.inner.revoke_api_key(id, at)).await
    }

    async fn api_key(&self, id: Uuid) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(Operation::ApiKey, || self.inner.api_key(id)).await
    }

    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(Operation::ApiKeyByDigest, || self.inner.api_key_by_digest(digest)).await
    }

    async fn api_keys(&self, query: ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>, StoreError> {
        self.call(Operation::ApiKeys, || self.inner.api_keys(query)).await
    }

    async fn append_to_journal(
        &self,
        journal: Journal,
        entries: Vec<NewJournalEntry>,
        keep: u64,
    ) -> Result<(), StoreError> {
        self.call(Operation::AppendToJournal, || self.inner.append_to_journal(journal, entries, keep)).await
    }

    async fn journal(&self, query: JournalQuery) -> Result<Page<JournalRow>, StoreError> {
        self.call(Operation::Journal, || self.inner.journal(query)).await
    }
}

impl<S: fmt::Debug> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("inner", &self.inner).finish_non_exhaustive()
    }
}
