//! `impl Store for PostgresStore`: each operation, by its module.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use time::UtcDateTime;
use uuid::Uuid;

use crate::listener::Listener;
use gymhook_store::{
    Announcement, ApiKeyQuery, ApiKeyRotation, ApiKeyRow, AttemptQuery, AttemptRow, Batch, Command,
    Committed, DeleteCondition, DeliveryQuery, DeliveryRow, Direction, EndpointStats, Enqueued, Fetch,
    Fetched, Journal, JournalQuery, JournalRow, LeaseRequest, Leased, NewJournalEntry, NewNotification,
    Notice, OtherWorkers, Page, Redelivery, Refused, Stats, StatsQuery, Store, StoreError, SubscriptionQuery,
    SubscriptionRow, WorkerId, WriteCondition,
};

use super::{PostgresStore, Shared};
use crate::{
    api_keys, clock, commands, commit, fetch, find, group_commit, journal, lease, migrations, notices, purge,
    queries, stats, subscriptions, workers,
};

impl Store for PostgresStore {
    async fn now(&self) -> Result<UtcDateTime, StoreError> {
        self.0.clock.now(|| self.work(clock::read)).await
    }

    async fn put_subscription(
        &self,
        row: SubscriptionRow,
        condition: WriteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        row.check()?;
        let bytes = row.weight() + condition.weight();
        self.call(bytes, |lent| subscriptions::put(lent, self.schema(), &row, &condition, now)).await
    }

    async fn subscription(&self, id: EndpointId) -> Result<Option<SubscriptionRow>, StoreError> {
        self.work(|lent| subscriptions::one(lent, id)).await
    }

    async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Page<SubscriptionRow, EndpointId>, StoreError> {
        self.call(0, |lent| subscriptions::list(lent, &query)).await
    }

    async fn delete_subscription(
        &self,
        id: EndpointId,
        condition: DeleteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        let bytes = condition.weight();
        self.call(bytes, |lent| subscriptions::delete(lent, id, &condition, now)).await
    }

    async fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        let bytes = new.iter().map(NewNotification::weight).sum();
        let admitted = self.0.admission.enter(bytes).await?;
        let answered = self.0.queue.push(self, admitted, new, bytes, now);
        self.in_time(async { Ok(answered.await.map_err(|_| group_commit::writer_gone())??) }).await
    }

    async fn command(
        &self,
        commands: Vec<(EndpointId, Command)>,
        due: UtcDateTime,
    ) -> Result<(), StoreError> {
        self.call(size_of_val(commands.as_slice()), |lent| {
            commands::command(lent, self.schema(), &commands, due)
        })
        .await
    }

    async fn redeliver(&self, which: Redelivery, now: UtcDateTime) -> Result<u64, StoreError> {
        self.call(0, |lent| commands::redeliver(lent, self.schema(), &which, now)).await
    }

    async fn lease(&self, request: LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>, StoreError> {
        self.work(|lent| lease::lease(lent, &request, now)).await
    }

    async fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> Result<OtherWorkers, StoreError> {
        self.work(|lent| workers::others(lent, worker, direction, now)).await
    }

    async fn announce(&self, announcement: Announcement, now: UtcDateTime) -> Result<(), StoreError> {
        self.work(|lent| workers::announce(lent, &announcement, now)).await
    }

    async fn commit(&self, batch: Batch, now: UtcDateTime) -> Result<Committed, StoreError> {
        self.work(|lent| commit::commit(lent, self.schema(), &batch, now)).await
    }

    async fn fetch(&self, fetches: Vec<Fetch>, now: UtcDateTime) -> Result<Vec<Fetched>, StoreError> {
        self.work(|lent| fetch::fetch(lent, &fetches, now)).await
    }

    /// `false`: other workers may be on other machines, and only time tells whether they are gone.
    async fn take_over(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The first call makes the connection that listens.
    async fn work_arrived(&self) -> Vec<EndpointId> {
        let Shared { dial, listener, .. } = &*self.0;
        let Some(dial) = dial else { return core::future::pending().await };
        listener.get_or_init(|| Listener::start(Arc::clone(dial), self.1.clone(), self.schema()));
        self.1.next().await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        self.call(0, |lent| queries::delivery(lent, id)).await
    }

    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        self.call(0, |lent| find::deliveries(lent, &query)).await
    }

    async fn body(&self, id: DeliveryId) -> Result<Option<Bytes>, StoreError> {
        self.call(0, |lent| queries::body(lent, id)).await
    }

    async fn attempts(&self, query: AttemptQuery) -> Result<Page<AttemptRow, u32>, StoreError> {
        self.call(0, |lent| queries::attempts(lent, query)).await
    }

    async fn stats(&self, query: StatsQuery, now: UtcDateTime) -> Result<Stats, StoreError> {
        self.call(0, |lent| stats::stats(lent, &query, now)).await
    }

    async fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> Result<Option<EndpointStats>, StoreError> {
        self.call(0, |lent| stats::endpoint_stats(lent, id, now)).await
    }

    async fn purge(&self, before: UtcDateTime, limit: u32) -> Result<u64, StoreError> {
        self.call(0, |lent| purge::purge(lent, before, limit)).await
    }

    async fn claim_notices(
        &self,
        limit: u32,
        hold: Duration,
        now: UtcDateTime,
    ) -> Result<Vec<Notice>, StoreError> {
        self.call(0, |lent| notices::claim(lent, limit, hold, now)).await
    }

    async fn acknowledge_notices(&self, ids: Vec<Uuid>, now: UtcDateTime) -> Result<u64, StoreError> {
        self.call(size_of_val(ids.as_slice()), |lent| notices::acknowledge(lent, &ids, now)).await
    }

    /// Bypasses the callers' queue: the question is about the server, not about how many calls wait for it.
    async fn check_writable(&self) -> Result<(), StoreError> {
        self.work(migrations::write_nothing).await
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError> {
        row.check()?;
        self.call(row.weight(), |lent| api_keys::put(lent, &row)).await
    }

    async fn rotate_api_key(&self, rotation: ApiKeyRotation) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(0, |lent| api_keys::rotate(lent, &rotation)).await
    }

    async fn revoke_api_key(&self, id: Uuid, at: UtcDateTime) -> Result<bool, StoreError> {
        self.call(0, |lent| api_keys::revoke(lent, id, at)).await
    }

    async fn api_key(&self, id: Uuid) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(0, |lent| api_keys::by_id(lent, id)).await
    }

    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        self.call(0, |lent| api_keys::by_digest(lent, digest)).await
    }

    async fn api_keys(&self, query: ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>, StoreError> {
        self.call(0, |lent| api_keys::list(lent, &query)).await
    }

    async fn append_to_journal(
        &self,
        journal: Journal,
        entries: Vec<NewJournalEntry>,
        keep: u64,
    ) -> Result<(), StoreError> {
        entries.iter().try_for_each(NewJournalEntry::check)?;
        let bytes = entries.iter().map(NewJournalEntry::weight).sum();
        self.call(bytes, |lent| journal::append(lent, journal, &entries, keep)).await
    }

    async fn journal(&self, query: JournalQuery) -> Result<Page<JournalRow>, StoreError> {
        self.call(0, |lent| journal::page(lent, &query)).await
    }
}
