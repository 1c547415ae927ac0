//! What a worker passes to a store and what the store returns: `LeaseRequest` and `Leased`, `Batch` and `Committed`,
//! `Fetch` and `Fetched`, `WorkerId`.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, EndpointRecord, LeaseEpoch};
use time::UtcDateTime;
use uuid::Uuid;

use crate::Direction;
use crate::{AttemptRow, NewNotification, Notice, PendingCommand, Refused, SubscriptionRow};

/// The id of a running worker; a new one each time it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(Uuid);

impl WorkerId {
    /// The worker with this name.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Its name.
    #[must_use]
    pub const fn as_uuid(&self) -> &Uuid {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A request for leases.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The worker.
    pub worker: WorkerId,
    /// Subscriptions of this direction.
    pub direction: Direction,
    /// The length of the leases, from now.
    pub length: Duration,
    /// The maximum number of endpoints.
    pub limit: u32,
    /// Only these, if given; otherwise those that have been without an owner the longest.
    pub only: Option<Vec<EndpointId>>,
}

/// Who holds the lease on an endpoint.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseHolder {
    /// The worker.
    pub worker: WorkerId,
    /// The number of the lease.
    pub epoch: LeaseEpoch,
    /// When it ends, if it is not renewed.
    pub ends: UtcDateTime,
}

/// An endpoint that was leased.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug)]
pub struct Leased {
    /// Its subscription, with its record as the last owner left it.
    pub subscription: SubscriptionRow,
    /// The number of the lease.
    pub epoch: LeaseEpoch,
    /// What the last owner had in flight, with an unknown outcome.
    pub in_flight: Vec<DeliveryRecord>,
    /// The number of rows that could not be read and were quarantined.
    pub quarantined: u64,
}

/// A lease that a batch writes under.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The number of the lease.
    pub epoch: LeaseEpoch,
}

/// What a worker writes in one transaction.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The leases of all endpoints that anything below is about, each once.
    pub leases: Vec<Lease>,
    /// The deliveries' records; of several records of one delivery, only the last.
    pub deliveries: Vec<DeliveryRecord>,
    /// The endpoints' records; of several records of one endpoint, only the last.
    pub endpoints: Vec<EndpointRecord>,
    /// Attempts that have ended, each with the endpoint it went to.
    pub attempts: Vec<(EndpointId, AttemptRow)>,
    /// Notices for the owners of endpoints. Each is written once, even if its batch is repeated.
    pub notices: Vec<Notice>,
    /// Commands that were executed, each with its endpoint.
    pub commands: Vec<(EndpointId, i64)>,
    /// Leases to be renewed from now, after all that.
    pub renew: Vec<Lease>,
    /// How long renewed leases last.
    pub lease_length: Duration,
    /// Leases to be given back, after all that.
    pub release: Vec<EndpointId>,
    /// Notifications that handled items lead to, each with the inbox whose item it follows from: it is enqueued only if the
    /// batch writes under that inbox's lease. The notification itself may be for any endpoint.
    pub follow_ups: Vec<(EndpointId, NewNotification)>,
    /// Deliveries that are about to be sent, whose notifications are returned. Each is one of `deliveries`.
    pub send: Vec<DeliveryId>,
}

impl Batch {
    /// The follow-ups under leases that `is_held` approves of, in their order.
    pub fn held_follow_ups(&self, is_held: impl Fn(EndpointId) -> bool) -> Vec<&NewNotification> {
        let held = self.follow_ups.iter().filter(|(endpoint, _)| is_held(*endpoint));
        held.map(|(_, new)| new).collect()
    }

    /// Whether it does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.renew.is_empty()
    }
}

/// The result of a batch.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// Endpoints, of `leases` and of `renew`, whose lease now belongs to another worker, or that were deleted. Nothing was
    /// written for them.
    pub lost: Vec<EndpointId>,
    /// The requested notifications, except for those of `lost` endpoints; `None` if one cannot be read or its body is not the
    /// one that was enqueued, and it was quarantined.
    pub notifications: Vec<(DeliveryId, Option<StoredNotification>)>,
    /// The follow-ups that were not enqueued, except for those of `lost` endpoints.
    pub refused: Vec<(DeliveryId, Refused)>,
}

/// What is sent.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredNotification {
    /// The type of the event.
    pub event_type: String,
    /// The exact bytes.
    pub body: Bytes,
    /// [`NewNotification::origin`](super::NewNotification::origin).
    pub origin: Option<String>,
    /// When it was enqueued.
    pub enqueued_at: UtcDateTime,
}

/// `Debug` shows only the body's length, since the body contains personal data.
impl fmt::Debug for StoredNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredNotification")
            .field("event_type", &self.event_type)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Where the next fetch continues.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When the last row was due.
    pub due: UtcDateTime,
    /// The last row's [sequence number](DeliveryRecord::sequence).
    pub sequence: u64,
}

/// A request for the deliveries of one endpoint.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Whether to fetch the oldest deliveries, due or not, instead of those due first.
    pub ordered: bool,
    /// Only what comes after this; an ordered endpoint's cursor uses the sequence only.
    pub after: Option<Cursor>,
    /// The maximum number of deliveries; zero if only commands and the next due time are wanted.
    pub limit: u32,
}

/// The work of one endpoint.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Waiting deliveries: those due at `now` by due time and then by sequence number, or the oldest ones by sequence number.
    pub deliveries: Vec<DeliveryRecord>,
    /// Test events that are due, the earliest first, whatever else waits and whatever the limit; a store may stop at 100 of
    /// them. They may also be among `deliveries`.
    pub tests: Vec<DeliveryRecord>,
    /// Where to continue, if there may be more; `None` if this was the last part.
    pub more: Option<Cursor>,
    /// When the first one that is not due yet will be due; not known for an ordered endpoint.
    pub next_due: Option<UtcDateTime>,
    /// The commands that are due, the oldest first; a store may stop at 10,000 of them.
    pub commands: Vec<PendingCommand>,
    /// The number of rows that could not be read and were quarantined.
    pub quarantined: u64,
}
