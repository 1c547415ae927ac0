//! `Dispatcher`: many deliveries to many endpoints, its outcomes, timeouts and outputs, and the records that it makes.

use std::collections::{BTreeMap, VecDeque};

use gymhook_retry::{Outcome, RetryBudget};
use time::UtcDateTime;

use crate::budget_queue::BudgetQueue;
use crate::clock::Now;
use crate::delivery::Delivery;
use crate::due_heap::DueHeap;
use crate::endpoint_slot::EndpointSlot;
use crate::in_flight::InFlight;
use crate::ready_ring::ReadyRing;
use crate::slab::Slab;
use crate::timestamp::Timestamp;
use crate::{AttemptRef, DeliveryChange, DeliveryId, EndpointChange, EndpointId, Limits, Output, Record};

mod deliveries;
mod endpoints;
mod outcomes;
mod queries;
mod redelivery;
mod restore;
mod scheduling;
mod snapshot;

pub use deliveries::{CancelError, Cancelled, EnqueueError, Enqueued, ForgetError, NewDelivery};
pub use endpoints::{AddEndpointError, UnknownEndpoint};
pub use queries::HeldBack;
pub use redelivery::{RedeliverError, Redelivered};
pub use restore::{RestoreDeliveryError, RestoredAs, SetAsideError};
pub use snapshot::{Snapshot, SnapshotError};

/// Many deliveries to many endpoints, and the order in which their attempts are due.
///
/// It does no I/O, reads no clock and draws no random number: its methods are its only input,
/// [`poll_output`](Self::poll_output) is its only output, and the same calls give the same outputs, byte for byte.
///
/// # The contract
///
/// 1. **Change the machine.** Call a command (`enqueue`, `cancel`, `redeliver`, `disable`, …), or report an outcome or the time
///    ([`handle_outcome`](Self::handle_outcome), [`handle_timeout`](Self::handle_timeout)).
/// 2. **Drain.** Call `poll_output` until it returns [`Output::WakeAt`].
/// 3. **Persist before acting.** Whatever [`Output::Record`] came before an [`Output::Attempt`] must be durable before
///    that attempt is sent. Many records may share one commit.
/// 4. Every attempt gets exactly one `handle_outcome` in the end, a timeout included. If it gets none, it counts as
///    lost after its deadline and the [grace](Limits::with_answer_grace).
///
/// There are four kinds of method: getters (`&self`), commands, `handle_*` for outcomes and the time, and `poll_output`.
///
/// # Time
///
/// `now` is the last argument and should not go back; a `now` before the latest one counts as the latest one, so that nothing is
/// sent twice or skipped. Nothing begins before it is due, to the nanosecond.
///
/// # Order and fairness
///
/// Endpoints that can send take turns of one attempt each, in the order in which they became able to send.
/// Between two turns of one endpoint every other one in the ring has its turn, and no endpoint holds more than its
/// [share](Limits::share) of the slots. At one endpoint, first attempts and retries alternate when both are due.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    limits: Limits,
    now: Now,
    draining: bool,
    deliveries: Slab<Delivery>,
    by_id: BTreeMap<DeliveryId, u32>,
    endpoints: Slab<EndpointSlot>,
    endpoints_by_id: BTreeMap<EndpointId, u32>,
    in_flight: InFlight,
    wakes: DueHeap,
    ring: ReadyRing,
    budget_queue: BudgetQueue,
    next_sequence: u64,
    next_endpoint: u64,
    outbox: VecDeque<Output>,
    /// An empty buffer that is reused, so that an outcome allocates nothing.
    changes: Vec<EndpointChange>,
}

impl Dispatcher {
    /// An empty machine. Without a `budget`, retries are limited only by their schedules.
    #[must_use]
    pub fn new(limits: Limits, budget: Option<RetryBudget>, now: UtcDateTime) -> Self {
        Self {
            limits,
            now: Now::new(now),
            draining: false,
            deliveries: Slab::new(),
            by_id: BTreeMap::new(),
            endpoints: Slab::new(),
            endpoints_by_id: BTreeMap::new(),
            in_flight: InFlight::default(),
            wakes: DueHeap::default(),
            ring: ReadyRing::default(),
            budget_queue: BudgetQueue::new(budget),
            next_sequence: 0,
            next_endpoint: 0,
            outbox: VecDeque::new(),
            changes: Vec::new(),
        }
    }

    /// Reports how an attempt ended.
    ///
    /// An answer to anything but the attempt in flight (a second answer, one that arrived after the attempt counted as lost,
    /// one of an earlier lease, one of a delivery not held here) changes nothing and is reported as
    /// [`Record::LateAnswer`].
    pub fn handle_outcome(&mut self, attempt: &AttemptRef, outcome: &Outcome, now: UtcDateTime) {
        self.now.advance(now);
        self.answer(attempt, outcome);
    }

    /// Reports the time. Needed at the time of the last [`Output::WakeAt`]; harmless at any other time.
    pub fn handle_timeout(&mut self, now: UtcDateTime) {
        self.now.advance(now);
    }

    /// The next thing to do. Call it until it returns [`Output::WakeAt`].
    ///
    /// The result may change after any other method that takes `&mut self`. It never scans the waiting deliveries: each call
    /// takes time logarithmic in the number of endpoints and in the length of one endpoint's queue.
    #[must_use]
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outbox.pop_front() {
            return output;
        }
        self.count_lost();
        if self.outbox.is_empty() {
            self.begin_next_attempt();
        }
        self.outbox.pop_front().unwrap_or_else(|| Output::WakeAt(self.next_wake().map(Timestamp::to_utc)))
    }

    fn record(&mut self, record: Record) {
        self.outbox.push_back(Output::Record(record));
    }

    fn record_delivery(&mut self, slot: u32, change: DeliveryChange) {
        let Some(delivery) = self.deliveries.get(slot) else { return };
        let Some(entry) = self.endpoints.get(delivery.endpoint()) else { return };
        let delivery = delivery.record(entry.endpoint.id());
        self.record(Record::Delivery { change, delivery });
    }

    fn record_endpoint(&mut self, slot: u32, change: EndpointChange) {
        if let Some(entry) = self.endpoints.get(slot) {
            let endpoint = entry.endpoint.record();
            self.record(Record::Endpoint { change, endpoint });
        }
    }

    fn record_endpoint_changes(&mut self, slot: u32, mut changes: Vec<EndpointChange>) {
        for change in changes.drain(..) {
            self.record_endpoint(slot, change);
        }
        self.changes = changes;
    }

    /// Puts a waiting or finished delivery into its endpoint's queue.
    fn insert_into_queue(&mut self, slot: u32) {
        if let Some(entry) = self.delivery_endpoint(slot).and_then(|entry| self.endpoints.get_mut(entry)) {
            entry.queue.push(slot, &mut self.deliveries);
        }
    }

    /// Takes a waiting or finished delivery out of its endpoint's queue, before it changes.
    fn remove_from_queue(&mut self, slot: u32) {
        if let Some(entry) = self.delivery_endpoint(slot).and_then(|entry| self.endpoints.get_mut(entry)) {
            entry.queue.remove(slot, &mut self.deliveries);
        }
    }
}
