//! `Worker`, its state and its start: it calls the delivery state machine, and does the I/O for it.
//!
//! ```text
//!              outcomes                       records, attempts
//!   tasks ─────────────▶  ┌────────────┐  ─────────────────▶ pending
//!      ▲                    │ Dispatcher │                        │ cut: one batch
//!      │                    └────────────┘                        ▼
//!      │                          ▲ restore, commands       store: commit,
//!      └── attempts, once their   └──────────────────────── fetch, lease
//!          records are on disk                              (one round trip at a time)
//! ```
//!
//! Whatever the machine says while a round trip is under way goes into the next one: the slower the disk, the larger the batches.

mod after_commit;
mod attempt_task;
mod clock;
mod event_loop;
mod leased_endpoint;
mod leftovers;
mod logged_attempts;
mod machine;
mod maintenance;
mod pending;
mod restore;
mod round_trip;
mod round_trips;
mod sharing;
mod supervisor;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use gymhook_delivery::{AttemptRef, DeliveryId, Dispatcher, EndpointId};
use time::UtcDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, JoinSet};

use self::attempt_task::{AttemptEnded, RunningAttempt};
use self::clock::StoreClock;
use self::leased_endpoint::LeasedEndpoints;
use self::pending::Pending;
use self::round_trip::{RoundTrip, RoundTripResult};
use self::sharing::Sharing;
pub(crate) use self::supervisor::supervise;
use crate::health::Pulse;
use crate::ids::new_id;
use crate::options::Options;
use crate::store::{NewNotification, Store, StoreError, WorkerId};
use crate::telemetry::FailedAttempt;
use crate::{Direction, Transport, clock as clocks, telemetry};

/// What a worker works with, and the next one if it panics.
#[derive(Debug)]
pub(crate) struct Means<S, T> {
    pub(crate) store: S,
    pub(crate) transport: Arc<T>,
    /// The transport's, asked once.
    pub(crate) direction: Direction,
    pub(crate) options: Arc<Options>,
    pub(crate) pulse: Arc<Pulse>,
}

impl<S: Clone, T> Clone for Means<S, T> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            transport: Arc::clone(&self.transport),
            direction: self.direction,
            options: Arc::clone(&self.options),
            pulse: Arc::clone(&self.pulse),
        }
    }
}

/// Drives the machine until it is told to stop.
#[derive(Debug)]
pub(crate) struct Worker<S, T> {
    id: WorkerId,
    store: S,
    transport: Arc<T>,
    direction: Direction,
    options: Arc<Options>,
    pulse: Arc<Pulse>,
    machine: Dispatcher,
    clock: StoreClock,
    leased_endpoints: LeasedEndpoints,
    pending: Pending,
    /// Endpoints that a round trip has to look at.
    to_fetch: BTreeSet<EndpointId>,
    /// Endpoints that somebody said have work, and that are not this worker's.
    to_lease: BTreeSet<EndpointId>,
    /// Whether to look for work at all endpoints.
    look_everywhere: bool,
    /// When deliveries that are not here fall due.
    due_elsewhere: BTreeSet<(UtcDateTime, EndpointId)>,
    round_trip: Option<JoinHandle<RoundTripResult>>,
    /// A round trip that failed and has to be made again, and when.
    failed: Option<(RoundTrip, Instant)>,
    failures_in_a_row: u32,
    tasks: JoinSet<()>,
    running: BTreeMap<AttemptRef, RunningAttempt>,
    /// The event types of the attempts that this worker has begun and that are not in the log yet, for whoever observes them.
    event_types: BTreeMap<EndpointId, BTreeMap<(DeliveryId, u32), String>>,
    ended: UnboundedReceiver<AttemptEnded>,
    /// The answers that the machine has not yet said what follows from, except successes.
    failed_attempts: BTreeMap<DeliveryId, FailedAttempt>,
    /// What follows from successes that the machine has not yet said anything of, each with the request's number.
    follow_ups: BTreeMap<(DeliveryId, u32), Vec<NewNotification>>,
    report: UnboundedSender<AttemptEnded>,
    wake_at: Option<UtcDateTime>,
    next_tick: Instant,
    next_look: Instant,
    /// When another worker's lease ends, unless that renews it: then there may be work to take over.
    next_lease_end: Option<UtcDateTime>,
    sharing: Sharing,
    stop: Option<Stop>,
}

/// How far a shutdown has come.
#[derive(Clone, Copy, Debug)]
struct Stop {
    /// Attempts that are still under way then are given up.
    until: Instant,
    gave_up: bool,
}

impl Stop {
    /// Until when the store is waited for.
    fn store_until(&self) -> Instant {
        self.until + ABANDON_AFTER
    }
}

/// How long after the grace a shutdown waits for a store that fails or does not answer.
pub(crate) const ABANDON_AFTER: Duration = Duration::from_secs(5);

impl<S: Store, T: Transport> Worker<S, T> {
    /// Begins with nothing leased. If no other process can be at work on the store, its leases end at once.
    pub(crate) async fn start(means: Means<S, T>) -> Result<Self, StoreError> {
        means.store.take_over().await?;
        Self::begin(means).await
    }

    /// Begins with nothing leased, and leaves the leases of others alone.
    async fn begin(means: Means<S, T>) -> Result<Self, StoreError> {
        let Means { store, transport, direction, options, pulse } = means;
        let id = WorkerId::new(new_id());
        let at = clocks::monotonic();
        let clock = StoreClock::new(store.now().await?, at);
        telemetry::worker_started(id, clock.now());
        pulse.running(clock.now());
        let (report, ended) = unbounded_channel();
        Ok(Self {
            id,
            machine: Dispatcher::new(options.limits.clone(), options.retry_budget.clone(), clock.now()),
            store,
            transport,
            direction,
            options,
            pulse,
            clock,
            leased_endpoints: LeasedEndpoints::default(),
            pending: Pending::default(),
            to_fetch: BTreeSet::new(),
            to_lease: BTreeSet::new(),
            look_everywhere: true,
            due_elsewhere: BTreeSet::new(),
            round_trip: None,
            failed: None,
            failures_in_a_row: 0,
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            event_types: BTreeMap::new(),
            ended,
            failed_attempts: BTreeMap::new(),
            follow_ups: BTreeMap::new(),
            report,
            wake_at: None,
            next_tick: at,
            next_look: at,
            next_lease_end: None,
            sharing: Sharing::default(),
            stop: None,
        })
    }
}
