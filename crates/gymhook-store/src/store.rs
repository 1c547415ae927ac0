//! The trait `Store`: each operation, what it promises, and its errors.

use core::time::Duration;

use bytes::Bytes;
use time::UtcDateTime;
use uuid::Uuid;

use crate::{
    Announcement, ApiKeyQuery, ApiKeyRotation, ApiKeyRow, AttemptQuery, AttemptRow, Batch, Command,
    Committed, DeleteCondition, DeliveryId, DeliveryQuery, DeliveryRow, Direction, EndpointId, EndpointStats,
    Enqueued, Fetch, Fetched, Journal, JournalQuery, JournalRow, LeaseRequest, Leased, NewJournalEntry,
    NewNotification, Notice, OtherWorkers, Page, Redelivery, Refused, Stats, StatsQuery, StoreError,
    SubscriptionQuery, SubscriptionRow, WorkerId, WriteCondition,
};

/// Keeps subscriptions, deliveries and leases. Cloning is cheap: all clones are the same store.
///
/// Times are UTC with microseconds; finer times are truncated, except that a due time is rounded up.
pub trait Store: Clone + Send + Sync + 'static {
    /// The store's clock. All workers of one store use it, so that their own clocks need not agree.
    fn now(&self) -> impl Future<Output = Result<UtcDateTime, StoreError>> + Send;

    // Subscriptions.

    /// Writes a subscription: a new one, or new settings and secrets of an existing one, whose endpoint keeps its record and its
    /// lease. In the same transaction it inserts a [`Command::Reload`] for the endpoint's worker, if the endpoint was ever leased.
    ///
    /// If `condition` is not met, nothing is written and `false` is returned. A deleted subscription stays deleted, and a
    /// direction never changes, whatever the condition: then, too, the result is `false`. The row's record is used only if the
    /// subscription is new, its `deleted_at` never.
    ///
    /// # Errors
    /// What [`SubscriptionRow::check`] says.
    fn put_subscription(
        &self,
        row: SubscriptionRow,
        condition: WriteCondition,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// A subscription with its endpoint's record, deleted or not.
    fn subscription(
        &self,
        id: EndpointId,
    ) -> impl Future<Output = Result<Option<SubscriptionRow>, StoreError>> + Send;

    /// Subscriptions that are not deleted, by id. One that cannot be read is skipped and logged.
    fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> impl Future<Output = Result<Page<SubscriptionRow, EndpointId>, StoreError>> + Send;

    /// Marks a subscription as deleted: nothing more is leased, enqueued or sent for it, its lease ends, and its commands are
    /// dropped. Its log is kept until it is purged. A delivery with an attempt in flight ends as cancelled, and the attempt
    /// is logged as `lost`, since nobody waits for its answer. Returns whether it was deleted: `false` if there was none, it was
    /// deleted before, or `condition` is not met; then nothing changes.
    fn delete_subscription(
        &self,
        id: EndpointId,
        condition: DeleteCondition,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    // Enqueueing.

    /// Enqueues notifications: when this returns, each is on disk or refused. The results are in the order of `new`.
    ///
    /// A delivery that was enqueued before, or is repeated within `new`, is [`Enqueued::Duplicate`], whatever its due time. What
    /// [`NewNotification::check`] refuses is refused alone: [`Refused::Unstorable`].
    ///
    /// Enqueueing a delivery again restores a missing or damaged body, if its digest matches: the caller may be the last one
    /// to have its bytes. If the delivery was quarantined because of that body, it waits again, in another round and with a
    /// new sequence number; its attempts stay in the log, and the result is a duplicate that waits. If the row itself is
    /// damaged, its id cannot be used again, since its content is unknown: [`Refused::Conflict`].
    ///
    /// Of several with equal fingerprints, in one call or in concurrent ones, one is new, and the others are
    /// [`Refused::Repeat`] while its window lasts ([`RepeatCheck`](crate::RepeatCheck)); the id is compared first. A quarantined row has no
    /// repeats.
    ///
    /// One that has [follow-ups](NewNotification::with_follow_ups) and is new is enqueued with them as a whole.
    fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Vec<Result<Enqueued, Refused>>, StoreError>> + Send;

    /// Inserts commands for an endpoint's worker, which executes them in this order, not before `due`. A command for an
    /// endpoint that does not exist, or was deleted, is dropped.
    fn command(
        &self,
        commands: Vec<(EndpointId, Command)>,
        due: UtcDateTime,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Inserts a [`Command::Redeliver`] for every finished delivery that `which` matches, in the order of enqueueing, and returns
    /// their number.
    fn redeliver(
        &self,
        which: Redelivery,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    // Working.

    /// Leases endpoints of the request's direction that have work: a due delivery unless they are disabled, a due test event
    /// even then, an attempt that an earlier owner left in flight, or a due command. A lease that has not expired is not
    /// touched. Each lease has a higher epoch than all earlier ones of its endpoint, and expires after its length, to the
    /// microsecond; it may end after the last representable time.
    fn lease(
        &self,
        request: LeaseRequest,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Vec<Leased>, StoreError>> + Send;

    /// The other workers of a direction: when the first of their leases ends, and what they have announced.
    fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<OtherWorkers, StoreError>> + Send;

    /// Announces something to the other workers of a direction, in place of what the worker announced before. What no longer
    /// counts by now is removed, and this is, too, if it does not count any more: so a worker withdraws it.
    fn announce(
        &self,
        announcement: Announcement,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes the machine's records, in one transaction, for those endpoints whose latest lease is the batch's, even if it
    /// has expired, and whose subscription is not deleted.
    ///
    /// Records that none of [`Batch::leases`] covers are not written, nor those of a delivery that does not exist or is
    /// quarantined. A batch may be repeated if its result was lost: it writes the same again, and each attempt only once. A
    /// NUL in the text of an attempt may become another character.
    ///
    /// In the same transaction it enqueues [`Batch::follow_ups`], as [`Store::enqueue`] does. One that is refused is
    /// [reported](Committed::refused), and everything else is written.
    fn commit(
        &self,
        batch: Batch,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send;

    /// Reads what is due at leased endpoints, with test events separately, as of the last commit: a result for each fetch, in
    /// order.
    fn fetch(
        &self,
        fetches: Vec<Fetch>,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Vec<Fetched>, StoreError>> + Send;

    /// Ends every lease at once, if this process knows that no other one works on this store. `false` if it does not know,
    /// and has done nothing.
    fn take_over(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Resolves when this process or another one may have left work, with the endpoints if they are known; never, if the store
    /// cannot tell. Each clone hears of all of it ([`Arrivals`](crate::Arrivals)). Missing one does no harm, since workers also poll.
    fn work_arrived(&self) -> impl Future<Output = Vec<EndpointId>> + Send;

    // Looking back.

    /// One delivery.
    fn delivery(
        &self,
        id: DeliveryId,
    ) -> impl Future<Output = Result<Option<DeliveryRow>, StoreError>> + Send;

    /// Deliveries, the latest first. A damaged one is shown as far as it can be read, and otherwise skipped and logged.
    fn deliveries(
        &self,
        query: DeliveryQuery,
    ) -> impl Future<Output = Result<Page<DeliveryRow>, StoreError>> + Send;

    /// A delivery's body, byte for byte.
    fn body(&self, id: DeliveryId) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// A delivery's attempts, the first one first.
    ///
    /// # Errors
    /// [`AttemptRow::unreadable`] if one on the page cannot be read.
    fn attempts(
        &self,
        query: AttemptQuery,
    ) -> impl Future<Output = Result<Page<AttemptRow, u32>, StoreError>> + Send;

    /// Counts what waits, is in flight and has ended, over all endpoints that are not deleted.
    fn stats(
        &self,
        query: StatsQuery,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Stats, StoreError>> + Send;

    /// The same for one endpoint; `None` if there is none.
    fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Option<EndpointStats>, StoreError>> + Send;

    /// Purges deliveries that ended before `before`, with their attempts and bodies, at most `limit` of them, and returns
    /// their number. Call it again while it returns `limit`.
    ///
    /// Notices that were acknowledged before `before` are purged as well, and not counted.
    ///
    /// What still waited at a deleted subscription ended when that was deleted. A purged id may be used again, but a sequence
    /// number never is.
    fn purge(&self, before: UtcDateTime, limit: u32) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Writes something that changes nothing, in the way in which everything else is written, so that a full disk, a lost
    /// right or a file that is gone is noticed: an engine's readiness is this call.
    fn check_writable(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    // Telling owners.

    /// Claims notices that are neither acknowledged nor claimed, the oldest first: no other caller gets them until `hold` is
    /// over. Concurrent callers get different ones.
    fn claim_notices(
        &self,
        limit: u32,
        hold: Duration,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Vec<Notice>, StoreError>> + Send;

    /// Acknowledges notices. Returns how many of them had not been acknowledged yet.
    fn acknowledge_notices(
        &self,
        ids: Vec<Uuid>,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    // API keys of your own callers.

    /// Writes an API key, new or changed. Another key with the same digest is [`StoreError::Conflict`]. The end of a key is never
    /// extended: of two ends the earlier one counts.
    ///
    /// # Errors
    /// What [`ApiKeyRow::check`] says.
    fn put_api_key(&self, row: ApiKeyRow) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends a key and writes its successor, with the same owner, label and rights, in one transaction. `None` if there is no such
    /// key, or it already has an end, because it was revoked or rotated: then nothing is written.
    ///
    /// If the successor's id or digest is taken, the result is [`StoreError::Conflict`], and nothing is written.
    fn rotate_api_key(
        &self,
        rotation: ApiKeyRotation,
    ) -> impl Future<Output = Result<Option<ApiKeyRow>, StoreError>> + Send;

    /// Ends a key at this time, unless it ends before. Returns whether there is such a key.
    fn revoke_api_key(
        &self,
        id: Uuid,
        at: UtcDateTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The key with this id.
    fn api_key(&self, id: Uuid) -> impl Future<Output = Result<Option<ApiKeyRow>, StoreError>> + Send;

    /// The key with this digest.
    fn api_key_by_digest(
        &self,
        digest: [u8; 32],
    ) -> impl Future<Output = Result<Option<ApiKeyRow>, StoreError>> + Send;

    /// Keys, revoked ones included, the oldest first; of several that were issued at one moment the one with the lowest id.
    fn api_keys(
        &self,
        query: ApiKeyQuery,
    ) -> impl Future<Output = Result<Page<ApiKeyRow, Uuid>, StoreError>> + Send;

    // Journals.

    /// Appends to a journal, all in one transaction, and keeps its newest `keep` entries: older ones are removed. What is appended
    /// together stays together, in this order. A purge leaves journals alone.
    ///
    /// # Errors
    /// What [`NewJournalEntry::check`] says of any of them: then nothing is written.
    fn append_to_journal(
        &self,
        journal: Journal,
        entries: Vec<NewJournalEntry>,
        keep: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Entries of a journal, the latest first. A damaged one is skipped and logged.
    fn journal(
        &self,
        query: JournalQuery,
    ) -> impl Future<Output = Result<Page<JournalRow>, StoreError>> + Send;
}
