//! The worker: it calls the delivery state machine, and does the I/O for it.
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
mod leased_endpoint;
mod leftovers;
mod logged_attempts;
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

use gymhook_delivery::{
    AttemptRef, DeliveryChange, DeliveryId, DeliveryState, Dispatcher, End, EndpointChange, EndpointId,
    LateAnswer, Output, Record,
};
use gymhook_retry::{Fault, Outcome};
use time::UtcDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use self::attempt_task::{AttemptEnded, RunningAttempt};
use self::clock::StoreClock;
use self::leased_endpoint::{LeasedEndpoint, LeasedEndpoints};
use self::pending::Pending;
use self::round_trip::{RoundTrip, RoundTripResult};
use self::sharing::Sharing;
pub(crate) use self::supervisor::supervise;
use crate::foreign::{self, Place};
use crate::health::Pulse;
use crate::ids::new_id;
use crate::options::Options;
use crate::requests::Request;
use crate::store::{NewNotification, Notice, Store, StoreError, WorkerId};
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

    /// Works until it is told to stop and everything under way has ended.
    async fn run(&mut self, requests: &mut UnboundedReceiver<Request>) {
        let store = self.store.clone();
        let mut arrivals = Box::pin(arrived(&store, Duration::ZERO));
        let mut deaf_for = Duration::ZERO;
        loop {
            self.tick();
            self.drain_machine();
            self.start_round_trip();
            if self.is_done() {
                return;
            }
            if self.stop.is_some_and(|stop| clocks::monotonic() >= stop.store_until()) {
                return self.abandon();
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                done = join(&mut self.round_trip) => self.round_trip_ended(done),
                Some(ended) = self.ended.recv() => self.attempts_ended(ended),
                request = requests.recv(), if self.stop.is_none() => self.take_request(request),
                endpoints = &mut arrivals => {
                    deaf_for = if endpoints.is_some() { Duration::ZERO } else { longer(deaf_for) };
                    arrivals = Box::pin(arrived(&store, deaf_for));
                    self.work_arrived(&endpoints.unwrap_or_default());
                }
                () = tokio::time::sleep_until(wake.into()) => {
                    let now = self.clock.now();
                    self.machine.handle_timeout(now);
                }
            }
        }
    }

    fn take_request(&mut self, request: Option<Request>) {
        match request {
            Some(Request::Look(endpoints)) => self.work_arrived(&endpoints),
            Some(Request::Stop { grace }) => self.begin_stop(grace),
            // Nobody holds the engine any more: the same as being told to stop.
            None => self.begin_stop(self.options.shutdown_grace),
        }
    }

    fn begin_stop(&mut self, grace: Duration) {
        self.pulse.stopping();
        self.machine.drain();
        self.sharing.withdraw(self.clock.now());
        self.next_tick = clocks::monotonic();
        self.stop = Some(Stop { until: clocks::monotonic() + grace, gave_up: false });
    }

    /// Somebody says that there is work at these endpoints, or perhaps anywhere if there are none.
    fn work_arrived(&mut self, endpoints: &[EndpointId]) {
        self.look_everywhere |= endpoints.is_empty();
        for endpoint in endpoints {
            match self.leased_endpoints.0.get_mut(endpoint) {
                Some(leased) if !leased.is_leaving() => {
                    leased.unseen = true;
                    self.to_fetch.insert(*endpoint);
                }
                Some(_) | None => {
                    self.to_lease.insert(*endpoint);
                }
            }
        }
    }

    fn attempts_ended(&mut self, first: AttemptEnded) {
        self.attempt_ended(first);
        while let Ok(ended) = self.ended.try_recv() {
            self.attempt_ended(ended);
        }
        while self.tasks.try_join_next().is_some() {}
    }

    fn attempt_ended(&mut self, mut ended: AttemptEnded) {
        let attempt = ended.attempt.attempt;
        // What was given up is already in the log, and what was lost belongs to another worker.
        let awaited = self.running.remove(&attempt).is_some();
        if matches!(ended.answer.outcome, Outcome::Internal(_)) {
            telemetry::own_fault(&attempt, &ended.answer);
        } else if ended.answer.outcome == Outcome::Failure(Fault::Timeout)
            && self.direction == Direction::Incoming
        {
            telemetry::handler_timed_out(&attempt, ended.took);
        }
        let ours =
            self.leased_endpoints.lease(attempt.endpoint).is_some_and(|lease| lease.epoch == attempt.lease);
        // One that has counted as lost meanwhile has its row: its answer changes nothing.
        if ours && awaited && self.is_in_flight(&attempt) {
            self.pending.attempt_ended(attempt.endpoint, ended.row());
        }
        let follow_ups = core::mem::take(&mut ended.answer.follow_ups);
        if !follow_ups.is_empty() {
            self.follow_ups.insert((attempt.delivery, attempt.send), follow_ups);
        }
        let now = self.clock.now();
        self.machine.handle_outcome(&attempt, &ended.answer.outcome, now);
        self.release_when_free(attempt.endpoint);
        if !matches!(ended.answer.outcome, Outcome::Response { status, .. } if status.is_success()) {
            let AttemptEnded { event_type, answer, .. } = ended;
            self.failed_attempts.insert(attempt.delivery, FailedAttempt { event_type, answer });
        }
    }

    /// Whether the machine waits for the answer to this attempt.
    fn is_in_flight(&self, attempt: &AttemptRef) -> bool {
        self.machine.delivery(attempt.delivery).is_some_and(|held| {
            matches!(held.state(), DeliveryState::InFlight { .. }) && held.sends() == attempt.send
        })
    }

    /// Takes down everything the machine has to say.
    fn drain_machine(&mut self) {
        let now = self.clock.now();
        loop {
            match self.machine.poll_output() {
                Output::Record(Record::Delivery { change, delivery }) => {
                    telemetry::delivery_changed(change);
                    let failed = self.failed_attempts.get(&delivery.id);
                    telemetry::attempt_failed(change, &delivery, failed, self.direction);
                    self.pending.delivery(change, delivery, now);
                    if change == DeliveryChange::Ended(End::Delivered)
                        && let Some(new) = self.follow_ups.remove(&(delivery.id, delivery.sends))
                    {
                        // In the same batch as the record of it.
                        self.pending.follow_ups(delivery.endpoint, new);
                    }
                    if change == DeliveryChange::AttemptBegan {
                        self.refill(delivery.endpoint);
                    }
                }
                Output::Record(Record::Endpoint { change, endpoint }) => {
                    self.endpoint_changed(endpoint.id, change);
                    if Notice::is_due_for(change) {
                        // In the same batch as the record of it.
                        self.pending.notice(Notice { id: new_id(), endpoint: endpoint.id, at: now, change });
                    }
                    self.pending.endpoint(endpoint);
                }
                Output::Record(Record::LateAnswer(late)) => late_answer(&late),
                Output::Attempt(attempt) => self.pending.send(attempt),
                Output::WakeAt(at) => {
                    self.wake_at = at;
                    self.failed_attempts.clear();
                    // Of answers that the machine has not taken.
                    self.follow_ups.clear();
                    return;
                }
            }
        }
    }

    /// Reads on when half of an endpoint's window is used up.
    fn refill(&mut self, endpoint: EndpointId) {
        let waiting = self.machine.waiting(endpoint);
        if waiting <= self.options.low_water()
            && self.leased_endpoints.0.get(&endpoint).is_some_and(LeasedEndpoint::has_more)
        {
            self.to_fetch.insert(endpoint);
        }
    }

    fn endpoint_changed(&self, endpoint: EndpointId, change: EndpointChange) {
        telemetry::endpoint_changed(endpoint, change);
        if change != EndpointChange::TokenTaken
            && let Some(observe) = &self.options.on_endpoint_change
        {
            // What it panics with is logged, and the endpoint is treated as if it had been told.
            let _ = foreign::call(Place::Observer, || observe(endpoint, change));
        }
    }

    /// When to wake up if nothing happens.
    fn next_wake(&self) -> Instant {
        let now = clocks::monotonic();
        let utc = self.clock.now();
        let due = self.due_elsewhere.first().map(|(at, _)| *at);
        let timed = [self.wake_at, due, self.next_lease_end].into_iter().flatten().min();
        let timed = timed.map(|at| now + Duration::try_from(at - utc).unwrap_or(Duration::ZERO));
        let again = self.failed.as_ref().map(|(_, at)| *at);
        let give_up = self.stop.filter(|stop| !stop.gave_up).map(|stop| stop.until);
        [timed, again, give_up].into_iter().flatten().fold(self.next_tick.min(self.next_look), Instant::min)
    }
}

fn late_answer(late: &LateAnswer) {
    tracing::info!(attempt = ?late.attempt, reason = ?late.reason, "an answer arrived too late to count");
    telemetry::late_answer();
}

/// Waits for word of new work, after a pause; `None` if the store panicked.
async fn arrived<S: Store>(store: &S, pause: Duration) -> Option<Vec<EndpointId>> {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    foreign::run(Place::Store, || store.work_arrived()).await.ok()
}

/// The pause after the next failure: a tenth of a second, twice as long each time, half a minute at most.
fn longer(pause: Duration) -> Duration {
    (pause * 2).clamp(Duration::from_millis(100), Duration::from_secs(30))
}

/// Waits for a round trip that is under way; for ever, if none is.
async fn join(round_trip: &mut Option<JoinHandle<RoundTripResult>>) -> RoundTripResult {
    let Some(handle) = round_trip else { return core::future::pending().await };
    let done = handle.await;
    *round_trip = None;
    match done.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime is shutting down, and this task is next.
        Err(Err(_cancelled)) => core::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_visit_that_the_runtime_gave_up_is_no_panic() {
        let round_trip = tokio::spawn(core::future::pending::<RoundTripResult>());
        round_trip.abort();
        let waited = tokio::time::timeout(Duration::from_secs(1), join(&mut Some(round_trip))).await;
        assert!(waited.is_err(), "it never ends");
    }
}
