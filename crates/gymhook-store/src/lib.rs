#![doc = include_str!("../README.md")]

mod admission;
mod columns;
mod command;
mod connection;
mod deletion;
mod direction;
mod error;
mod mending;
mod notice;
mod queries;
mod row;
mod storable;
mod target;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod work;

use core::time::Duration;

use ::time::UtcDateTime;
use bytes::Bytes;
use uuid::Uuid;

pub use self::admission::{Admission, Admitted, QueueLimits};
pub use self::columns::{DeliveryColumns, UnreadableRow};
pub use self::command::{Command, PendingCommand, Redelivery};
pub use self::connection::{Connection, ConnectionRule};
pub use self::deletion::end_under_way;
pub use self::direction::Direction;
pub use self::error::StoreError;
pub use self::mending::mended;
pub use self::notice::Notice;
pub use self::queries::{
    ApiKeyRotation, ApiKeyRow, AttemptRow, DeliveryQuery, DeliveryRow, EndpointStats, Page, Stats,
    SubscriptionQuery,
};
pub use self::row::{
    NewNotification, Refused, RepeatCheck, State, SubscriptionRow, body_digest, endpoint_record_from_json,
    endpoint_record_to_json,
};
pub use self::storable::Unstorable;
pub use self::target::TargetColumns;
pub use self::time::StoreTime;
pub use self::work::{
    Batch, Committed, Cursor, Fetch, Fetched, Lease, LeaseHolder, LeaseRequest, Leased, StoredNotification,
    WorkerId,
};
/// The machine, in the version that is in use here: its records are what a store keeps.
pub use gymhook_delivery;
pub use gymhook_delivery::{DeliveryId, EndpointId, Enqueued};

/// Keeps subscriptions, deliveries and leases. Cloning is cheap: all clones are the same store.
///
/// Times are UTC to the microsecond; what is finer is cut off, except that a due time is rounded up.
pub trait Store: Clone + Send + Sync + 'static {
    /// The store's clock. All workers of one store go by it, so that their clocks need not agree.
    fn now(&self) -> impl Future<Output = Result<UtcDateTime, StoreError>> + Send;

    // Subscriptions.

    /// Writes a subscription: a new one, or new settings and secrets of one that is there, whose endpoint keeps its
    /// record and its lease. In the same transaction a [`Command::Reload`] tells the endpoint's worker.
    ///
    /// A deleted subscription stays deleted, and none changes its direction: then nothing is written and `false` is returned.
    /// The row's record counts only if the subscription is new, its `deleted_at` never.
    ///
    /// # Errors
    /// What [`SubscriptionRow::check`] says.
    fn put_subscription(
        &self,
        row: SubscriptionRow,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// A subscription with its endpoint's record, deleted or not.
    fn subscription(
        &self,
        id: EndpointId,
    ) -> impl Future<Output = Result<Option<SubscriptionRow>, StoreError>> + Send;

    /// Subscriptions that are not deleted, by id. One that cannot be read is left out, and logged; a page that is not full is the
    /// last one all the same.
    fn subscriptions(
        &self,
        query: SubscriptionQuery,
    ) -> impl Future<Output = Result<Vec<SubscriptionRow>, StoreError>> + Send;

    /// Marks a subscription as deleted; nothing more is leased, enqueued or sent for it, and its lease ends, and so do the
    /// orders for it. Its log is kept until it is purged. A delivery with an attempt under way ends as cancelled, and the attempt is logged as `lost`: nobody
    /// waits for its answer. Returns whether there was one that was not deleted yet.
    fn delete_subscription(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    // Enqueueing.

    /// Hands notifications over: each is on disk when this returns, or refused, in the order of `new`.
    ///
    /// The same delivery twice is [`Enqueued::Duplicate`], within `new` too, whatever time it is asked for. What
    /// [`NewNotification::check`] refuses is refused alone: [`Refused::Unstorable`].
    ///
    /// Whoever enqueues a delivery again may be the last one to have its bytes. If its body is missing or damaged, and the digest
    /// says that the new one is the same, it has its body back. If it was quarantined because of that body, it waits again, in
    /// another round and behind what was enqueued before; its attempts stay in the log, and it is a duplicate that waits. An id
    /// whose row is quarantined because the row itself is damaged is taken, since nobody knows any more what it was:
    /// [`Refused::Conflict`].
    ///
    /// Of several with equal fingerprints, in one call or in many at once, one is new, and the others are
    /// [`Refused::Repeat`] while its window lasts ([`RepeatCheck`]); the id is compared first. One whose row is quarantined is
    /// repeated by nothing.
    fn enqueue(
        &self,
        new: Vec<NewNotification>,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Vec<Result<Enqueued, Refused>>, StoreError>> + Send;

    /// Leaves orders for the worker of an endpoint, whichever that is; it carries them out in this order, not before
    /// `due`. An order for an endpoint that is not there, or was deleted, is not kept.
    fn command(
        &self,
        orders: Vec<(EndpointId, Command)>,
        due: UtcDateTime,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Leaves a [`Command::Redeliver`] for every finished delivery that `which` fits, in the order of enqueueing, and
    /// returns how many.
    fn redeliver(
        &self,
        which: Redelivery,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    // Working.

    /// Leases endpoints of the request's direction that have something to do: a due delivery unless they are disabled, a due test
    /// event even then, an attempt that a former owner left under way, or a due order. A lease that has not run out is left alone. Each lease gets a number higher than
    /// all before it on its endpoint, and runs out when its length is over, to the microsecond. It may be longer than the
    /// calendar.
    fn lease(
        &self,
        request: LeaseRequest,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Vec<Leased>, StoreError>> + Send;

    /// When the first one ends of the leases that other workers hold, if it is not renewed: what such a worker left behind may
    /// be leased then. `None` if no other worker holds one.
    fn next_lease_end(
        &self,
        worker: WorkerId,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Option<UtcDateTime>, StoreError>> + Send;

    /// Writes what the machine recorded, in one transaction, for those endpoints whose lease still is the batch's: a later
    /// one has not been given, even if this one has run out, and the subscription is not deleted.
    ///
    /// What none of [`Batch::leases`] covers is not written, nor a record of a delivery that is not there or was put aside.
    /// A batch may be repeated when its answer was lost: it writes the same again, and each attempt once. A NUL in the text
    /// of an attempt may become another character.
    fn commit(
        &self,
        batch: Batch,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send;

    /// Reads what is due at leased endpoints, test events apart, as it stands after the last commit: an answer for each fetch, in their order.
    fn fetch(
        &self,
        fetches: Vec<Fetch>,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Vec<Fetched>, StoreError>> + Send;

    /// Ends every lease at once, because this process knows that no other works on this store. `false` if it does not
    /// know that, and has done nothing.
    fn take_over(&self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Comes back when somebody else may have left work, with the endpoints if they are known; never, if the store has
    /// no way to tell. Missing one does no harm: workers look for themselves from time to time.
    fn work_arrived(&self) -> impl Future<Output = Vec<EndpointId>> + Send;

    // Looking back.

    /// One delivery.
    fn delivery(
        &self,
        id: DeliveryId,
    ) -> impl Future<Output = Result<Option<DeliveryRow>, StoreError>> + Send;

    /// Deliveries, the latest first.
    fn deliveries(
        &self,
        query: DeliveryQuery,
    ) -> impl Future<Output = Result<Page<DeliveryRow>, StoreError>> + Send;

    /// A delivery's body, byte for byte.
    fn body(&self, id: DeliveryId) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// A delivery's attempts, the first one first.
    fn attempts(&self, id: DeliveryId) -> impl Future<Output = Result<Vec<AttemptRow>, StoreError>> + Send;

    /// How much waits, is under way and has ended, over all endpoints that are not deleted.
    fn stats(&self, now: UtcDateTime) -> impl Future<Output = Result<Stats, StoreError>> + Send;

    /// The same for one endpoint; `None` if there is none.
    fn endpoint_stats(
        &self,
        id: EndpointId,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Option<EndpointStats>, StoreError>> + Send;

    /// Forgets deliveries that ended before `before`, with their attempts and bodies, at most `limit` of them, and
    /// returns how many. Call it again while it returns `limit`.
    ///
    /// Notices that were acknowledged before `before` are forgotten too, and not counted.
    ///
    /// What still waits at a subscription ended when that was deleted. A forgotten id is as good as new, but an order is
    /// never used again.
    fn purge(&self, before: UtcDateTime, limit: u32) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Writes something that changes nothing, in the way in which everything else is written, so that a full disk, a lost
    /// right or a file that is gone is noticed: an engine's readiness is this call.
    fn check_writable(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    // Telling owners.

    /// Claims the notices that nobody has acknowledged and nobody claims, the oldest first: until `hold` is over they are no one
    /// else's. Of several processes that ask at once each gets others.
    fn claim_notices(
        &self,
        limit: u32,
        hold: Duration,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<Vec<Notice>, StoreError>> + Send;

    /// These notices need not be told again. Returns how many of them had not been acknowledged yet.
    fn acknowledge_notices(
        &self,
        ids: Vec<Uuid>,
        now: UtcDateTime,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    // API keys of your own callers.

    /// Writes an API key, new or changed. Another key with the same digest is [`StoreError::Conflict`]. A key that ends is
    /// never prolonged: of two ends the earlier one counts.
    ///
    /// # Errors
    /// What [`ApiKeyRow::check`] says.
    fn put_api_key(&self, row: ApiKeyRow) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends a key and writes its successor, with its label and its rights, as one step. `None` if there is no such key, or it
    /// has an end already, because it was revoked or rotated: then nothing is written.
    ///
    /// The successor's digest is nobody else's, or it is [`StoreError::Conflict`].
    fn rotate_api_key(
        &self,
        rotation: ApiKeyRotation,
    ) -> impl Future<Output = Result<Option<ApiKeyRow>, StoreError>> + Send;

    /// Ends a key at this moment, unless it ends before. Returns whether there is such a key.
    fn revoke_api_key(
        &self,
        id: Uuid,
        at: UtcDateTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The key with this digest.
    fn api_key_by_digest(
        &self,
        digest: [u8; 32],
    ) -> impl Future<Output = Result<Option<ApiKeyRow>, StoreError>> + Send;

    /// All keys, revoked ones included, the oldest first.
    fn api_keys(&self) -> impl Future<Output = Result<Vec<ApiKeyRow>, StoreError>> + Send;
}
