//! `impl Store for SqliteStore`: which thread does each operation, by which module.

use core::time::Duration;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use rusqlite::Connection;
use time::UtcDateTime;
use uuid::Uuid;

use crate::worker_lock::WorkerLock;
use gymhook_store::{
    Announcement, ApiKeyQuery, ApiKeyRotation, ApiKeyRow, AttemptQuery, AttemptRow, Batch, Command,
    Committed, DeleteCondition, DeliveryQuery, DeliveryRow, Direction, EndpointStats, Enqueued, Fetch,
    Fetched, Journal, JournalQuery, JournalRow, LeaseRequest, Leased, NewJournalEntry, NewNotification,
    Notice, OtherWorkers, Page, Redelivery, Refused, Stats, StatsQuery, Store, StoreError, StoreTime,
    SubscriptionQuery, SubscriptionRow, WorkerId, WriteCondition,
};

use super::SqliteStore;
use crate::{
    api_keys, clock, commands, commit, enqueue, fetch, find, journal, lease, migrations, notices, purge,
    queries, row, stats, subscriptions, workers,
};

impl Store for SqliteStore {
    async fn now(&self) -> Result<UtcDateTime, StoreError> {
        let now = clock::system_time();
        Ok(StoreTime::from_micros(StoreTime::floor(now).micros()).to_utc().unwrap_or(now))
    }

    async fn put_subscription(
        &self,
        row: SubscriptionRow,
        condition: WriteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        row.check()?;
        let (id, bytes) = (row.id, row.weight() + condition.weight());
        let put = move |connection: &Connection| subscriptions::put(connection, &row, &condition, now);
        let written = self.write(bytes, put).await?;
        self.1.add([id]);
        Ok(written)
    }

    async fn subscription(&self, id: EndpointId) -> Result<Option<SubscriptionRow>, StoreError> {
        self.0.reader.call((), move |connection| row::subscription(connection, id)).await
    }

    async fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> Result<Page<SubscriptionRow, EndpointId>, StoreError> {
        self.0.reader.call((), move |connection| subscriptions::list(connection, &query)).await
    }

    async fn delete_subscription(
        &self,
        id: EndpointId,
        condition: DeleteCondition,
        now: UtcDateTime,
    ) -> Result<bool, StoreError> {
        let bytes = condition.weight();
        let delete = move |connection: &Connection| subscriptions::delete(connection, id, &condition, now);
        self.write(bytes, delete).await
    }

    async fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        let endpoints: Vec<EndpointId> = new.iter().flat_map(NewNotification::endpoints_with_work).collect();
        let bytes = new.iter().map(NewNotification::weight).sum();
        let enqueued = self.write(bytes, move |connection| enqueue::insert(connection, &new, now)).await?;
        self.1.add(endpoints);
        Ok(enqueued)
    }

    async fn command(
        &self,
        commands: Vec<(EndpointId, Command)>,
        due: UtcDateTime,
    ) -> Result<(), StoreError> {
        let endpoints: Vec<EndpointId> = commands.iter().map(|(endpoint, _)| *endpoint).collect();
        let bytes = size_of_val(commands.as_slice());
        self.write(bytes, move |connection| commands::command(connection, &commands, due)).await?;
        self.1.add(endpoints);
        Ok(())
    }

    async fn redeliver(&self, which: Redelivery, now: UtcDateTime) -> Result<u64, StoreError> {
        let commands = self.write(0, move |connection| commands::redeliver(connection, &which, now)).await?;
        self.1.add([which.endpoint]);
        Ok(commands)
    }

    async fn lease(&self, request: LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>, StoreError> {
        self.keep_worker_lock().await?;
        let asked = request.clone();
        let found =
            self.0.reader.call((), move |connection| lease::find_work(connection, &asked, now)).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        self.0.writer.call((), move |connection| lease::lease(connection, &found, &request, now)).await
    }

    async fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> Result<OtherWorkers, StoreError> {
        self.0.reader.call((), move |connection| workers::others(connection, worker, direction, now)).await
    }

    async fn announce(&self, announcement: Announcement, now: UtcDateTime) -> Result<(), StoreError> {
        self.0.writer.call((), move |connection| workers::announce(connection, &announcement, now)).await
    }

    async fn commit(&self, batch: Batch, now: UtcDateTime) -> Result<Committed, StoreError> {
        self.keep_worker_lock().await?;
        let follow_ups: Vec<EndpointId> = batch.follow_ups.iter().map(|(_, new)| new.endpoint).collect();
        let committed =
            self.0.writer.call((), move |connection| commit::commit(connection, &batch, now)).await?;
        self.1.add(follow_ups);
        Ok(committed)
    }

    async fn fetch(&self, fetches: Vec<Fetch>, now: UtcDateTime) -> Result<Vec<Fetched>, StoreError> {
        let (fetched, damaged) =
            self.0.reader.call((), move |connection| fetch::fetch(connection, &fetches, now)).await?;
        if !damaged.is_empty() {
            self.0.writer.call((), move |connection| row::quarantine(connection, &damaged)).await?;
        }
        Ok(fetched)
    }

    async fn take_over(&self) -> Result<bool, StoreError> {
        let found = self.with_worker_lock(WorkerLock::take).await?;
        let (alone, taken) = self.end_leases_if_alone(found).await?;
        if let Some(taken) = taken {
            self.with_worker_lock(move |lock| lock.share(taken)).await?;
        }
        Ok(alone)
    }

    async fn work_arrived(&self) -> Vec<EndpointId> {
        self.1.next().await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
        self.0.log_reader.call((), move |connection| queries::delivery(connection, id)).await
    }

    async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        self.0.log_reader.call((), move |connection| find::deliveries(connection, &query)).await
    }

    async fn body(&self, id: DeliveryId) -> Result<Option<Bytes>, StoreError> {
        self.0.log_reader.call((), move |connection| queries::body(connection, id)).await
    }

    async fn attempts(&self, query: AttemptQuery) -> Result<Page<AttemptRow, u32>, StoreError> {
        self.0.log_reader.call((), move |connection| queries::attempts(connection, query)).await
    }

    async fn stats(&self, query: StatsQuery, now: UtcDateTime) -> Result<Stats, StoreError> {
        self.0.log_reader.call((), move |connection| stats::stats(connection, &query, now)).await
    }

    async fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> Result<Option<EndpointStats>, StoreError> {
        self.0.log_reader.call((), move |connection| stats::endpoint_stats(connection, id, now)).await
    }

    async fn purge(&self, before: UtcDateTime, limit: u32) -> Result<u64, StoreError> {
        let found = self
            .0
            .log_reader
            .call((), move |connection| purge::find_ended(connection, before, limit))
            .await?;
        let has_notices = self
            .0
            .log_reader
            .call((), move |connection| purge::has_acknowledged_notices(connection, before))
            .await?;
        if found.is_empty() && !has_notices {
            return Ok(0);
        }
        self.write(0, move |connection| {
            purge::purge_notices(connection, before)?;
            purge::purge_ended(connection, &found, before)
        })
        .await
    }

    async fn claim_notices(
        &self,
        limit: u32,
        hold: Duration,
        now: UtcDateTime,
    ) -> Result<Vec<Notice>, StoreError> {
        self.write(0, move |connection| notices::claim(connection, limit, hold, now)).await
    }

    async fn acknowledge_notices(&self, ids: Vec<Uuid>, now: UtcDateTime) -> Result<u64, StoreError> {
        self.write(size_of_val(ids.as_slice()), move |connection| notices::acknowledge(connection, &ids, now))
            .await
    }

    /// Bypasses the callers' queue: the question is about the disk, not about how many calls wait for it.
    async fn check_writable(&self) -> Result<(), StoreError> {
        self.0.writer.call((), migrations::write_nothing).await
    }

    async fn put_api_key(&self, row: ApiKeyRow) -> Result<(), StoreError> {
        row.check()?;
        self.write(row.weight(), move |connection| api_keys::put(connection, &row)).await
    }

    async fn rotate_api_key(&self, rotation: ApiKeyRotation) -> Result<Option<ApiKeyRow>, StoreError> {
        self.write(0, move |connection| api_keys::rotate(connection, &rotation)).await
    }

    async fn revoke_api_key(&self, id: Uuid, at: UtcDateTime) -> Result<bool, StoreError> {
        self.write(0, move |connection| api_keys::revoke(connection, id, at)).await
    }

    async fn api_key(&self, id: Uuid) -> Result<Option<ApiKeyRow>, StoreError> {
        self.0.reader.call((), move |connection| api_keys::by_id(connection, id)).await
    }

    async fn api_key_by_digest(&self, digest: [u8; 32]) -> Result<Option<ApiKeyRow>, StoreError> {
        self.0.reader.call((), move |connection| api_keys::by_digest(connection, digest)).await
    }

    async fn api_keys(&self, query: ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>, StoreError> {
        self.0.reader.call((), move |connection| api_keys::list(connection, &query)).await
    }

    async fn append_to_journal(
        &self,
        journal: Journal,
        entries: Vec<NewJournalEntry>,
        keep: u64,
    ) -> Result<(), StoreError> {
        entries.iter().try_for_each(NewJournalEntry::check)?;
        let bytes = entries.iter().map(NewJournalEntry::weight).sum();
        self.write(bytes, move |connection| journal::append(connection, journal, &entries, keep)).await
    }

    async fn journal(&self, query: JournalQuery) -> Result<Page<JournalRow>, StoreError> {
        self.0.log_reader.call((), move |connection| journal::page(connection, &query)).await
    }
}
