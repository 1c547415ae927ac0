//! The worker: it drives the machine, and is its hands.
//!
//! ```text
//!              outcomes                       records, attempts
//!   flights ─────────────▶  ┌────────────┐  ─────────────────▶ pending
//!      ▲                    │ Dispatcher │                        │ cut: one batch
//!      │                    └────────────┘                        ▼
//!      │                          ▲ restore, orders         store: commit,
//!      └── attempts, once their   └──────────────────────── fetch, lease
//!          records are on disk                              (one visit at a time)
//! ```
//!
//! Whatever the machine says while a visit is under way goes into the next one: the slower the disk, the larger the batches.

mod clock;
mod flight;
mod pending;
mod restore;
mod tenure;
mod turn;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use gymhook_delivery::{
    Attempt, AttemptRef, DeliveryChange, DeliveryId, DeliveryState, Dispatcher, EndpointChange, EndpointId,
    LateAnswer, Output, Record,
};
use gymhook_retry::{Outcome, OwnFault};
use time::UtcDateTime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinError, JoinHandle, JoinSet};

use self::clock::StoreClock;
use self::flight::{Landed, TakeOff};
use self::pending::Pending;
use self::tenure::Tenures;
use self::turn::{Turn, TurnDone};
use crate::engine::{Options, Request};
use crate::store::{Committed, LeaseRequest, Store, StoreError, WorkerId};
use crate::{Answer, Transport, clock as clocks, telemetry};

/// Drives the machine until it is told to stop.
#[derive(Debug)]
pub(crate) struct Worker<S, T> {
    id: WorkerId,
    store: S,
    transport: Arc<T>,
    options: Arc<Options>,
    machine: Dispatcher,
    clock: StoreClock,
    tenures: Tenures,
    pending: Pending,
    /// Endpoints that a visit has to look at.
    to_fetch: BTreeSet<EndpointId>,
    /// Endpoints that somebody said have work, and that are not this worker's.
    to_lease: BTreeSet<EndpointId>,
    /// Whether to look for work at all endpoints.
    look_everywhere: bool,
    /// When deliveries that are not here fall due.
    due_elsewhere: BTreeSet<(UtcDateTime, EndpointId)>,
    visit: Option<JoinHandle<TurnDone>>,
    /// A visit that failed and has to be made again, and when.
    failed: Option<(Turn, Instant)>,
    failures_in_a_row: u32,
    flights: JoinSet<()>,
    aborts: BTreeMap<AttemptRef, AbortHandle>,
    landed: UnboundedReceiver<Landed>,
    landing: UnboundedSender<Landed>,
    wake_at: Option<UtcDateTime>,
    next_tick: Instant,
    next_look: Instant,
    stop: Option<Stop>,
}

/// How far a shutdown has come.
#[derive(Clone, Copy, Debug)]
struct Stop {
    /// Attempts that are still under way then are given up.
    until: Instant,
    gave_up: bool,
}

/// For so long after the grace a shutdown waits for a store that does not answer.
const ABANDON_AFTER: Duration = Duration::from_secs(5);

impl<S: Store, T: Transport> Worker<S, T> {
    /// Begins with nothing leased. If no other process can be at work on the store, its leases end at once.
    pub(crate) async fn start(
        id: WorkerId,
        store: S,
        transport: Arc<T>,
        options: Arc<Options>,
    ) -> Result<Self, StoreError> {
        store.take_over().await?;
        let at = clocks::monotonic();
        let clock = StoreClock::new(store.now().await?, at);
        let (landing, landed) = unbounded_channel();
        Ok(Self {
            id,
            machine: Dispatcher::new(options.limits.clone(), options.retry_budget.clone(), clock.now()),
            store,
            transport,
            options,
            clock,
            tenures: Tenures::default(),
            pending: Pending::default(),
            to_fetch: BTreeSet::new(),
            to_lease: BTreeSet::new(),
            look_everywhere: true,
            due_elsewhere: BTreeSet::new(),
            visit: None,
            failed: None,
            failures_in_a_row: 0,
            flights: JoinSet::new(),
            aborts: BTreeMap::new(),
            landed,
            landing,
            wake_at: None,
            next_tick: at,
            next_look: at,
            stop: None,
        })
    }

    /// Works until it is told to stop and everything under way has ended.
    pub(crate) async fn run(mut self, mut requests: UnboundedReceiver<Request>) {
        let store = self.store.clone();
        let mut arrivals = Box::pin(store.work_arrived());
        loop {
            self.tick();
            self.drain_machine();
            self.visit_store();
            if self.is_done() {
                return;
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                done = join(&mut self.visit) => self.visited(done),
                Some(landed) = self.landed.recv() => self.land_all(landed),
                request = requests.recv() => self.take_request(request),
                endpoints = &mut arrivals => {
                    arrivals = Box::pin(store.work_arrived());
                    self.work_arrived(&endpoints);
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
            // Nobody holds the engine any more: the same as being told to stop.
            Some(Request::Stop { .. }) | None if self.stop.is_some() => {}
            Some(Request::Stop { grace }) => self.begin_stop(grace),
            None => self.begin_stop(self.options.shutdown_grace),
        }
    }

    fn begin_stop(&mut self, grace: Duration) {
        self.machine.drain();
        self.stop = Some(Stop { until: clocks::monotonic() + grace, gave_up: false });
    }

    /// Somebody says that there is work at these endpoints, or perhaps anywhere if there are none.
    fn work_arrived(&mut self, endpoints: &[EndpointId]) {
        self.look_everywhere |= endpoints.is_empty();
        for endpoint in endpoints {
            match self.tenures.0.get_mut(endpoint) {
                Some(tenure) if !tenure.releasing => {
                    tenure.unseen = true;
                    self.to_fetch.insert(*endpoint);
                }
                Some(_) | None => {
                    self.to_lease.insert(*endpoint);
                }
            }
        }
    }

    fn land_all(&mut self, first: Landed) {
        self.land(first);
        while let Ok(landed) = self.landed.try_recv() {
            self.land(landed);
        }
        while self.flights.try_join_next().is_some() {}
    }

    fn land(&mut self, landed: Landed) {
        let attempt = landed.attempt.attempt;
        self.aborts.remove(&attempt);
        telemetry::attempt_ended(&landed.answer.outcome, landed.took);
        let ours = self.tenures.lease(attempt.endpoint).is_some_and(|lease| lease.epoch == attempt.lease);
        if ours {
            self.pending.attempt_ended(attempt.endpoint, landed.row());
        }
        let now = self.clock.now();
        self.machine.handle_outcome(&attempt, &landed.answer.outcome, now);
    }

    /// Takes down everything the machine has to say.
    fn drain_machine(&mut self) {
        let now = self.clock.now();
        loop {
            match self.machine.poll_output() {
                Output::Record(Record::Delivery { change, delivery }) => {
                    telemetry::delivery_changed(change);
                    self.pending.delivery(change, delivery, now);
                    if change == DeliveryChange::AttemptBegan {
                        self.refill(delivery.endpoint);
                    }
                }
                Output::Record(Record::Endpoint { change, endpoint }) => {
                    self.endpoint_changed(endpoint.id, change);
                    self.pending.endpoint(endpoint);
                }
                Output::Record(Record::LateAnswer(late)) => late_answer(&late),
                Output::Attempt(attempt) => self.pending.send(attempt),
                Output::WakeAt(at) => {
                    self.wake_at = at;
                    return;
                }
            }
        }
    }

    /// Reads on when half of an endpoint's window is used up.
    fn refill(&mut self, endpoint: EndpointId) {
        let waiting = self.machine.waiting(endpoint);
        if waiting <= self.options.low_water()
            && self.tenures.0.get(&endpoint).is_some_and(tenure::Tenure::has_more)
        {
            self.to_fetch.insert(endpoint);
        }
    }

    fn endpoint_changed(&self, endpoint: EndpointId, change: EndpointChange) {
        telemetry::endpoint_changed(endpoint, change);
        if change != EndpointChange::TokenTaken
            && let Some(observe) = &self.options.on_endpoint_change
        {
            observe(endpoint, change);
        }
    }

    /// What has to be looked at from time to time: leases, clocks, what fell due.
    fn tick(&mut self) {
        let now = clocks::monotonic();
        let due = self.clock.now();
        while let Some((at, endpoint)) = self.due_elsewhere.first().copied().filter(|(at, _)| *at <= due) {
            self.due_elsewhere.remove(&(at, endpoint));
            if self.tenures.0.get(&endpoint).is_none_or(|tenure| tenure.fell_due(due)) {
                self.work_arrived(&[endpoint]);
            }
        }
        if now >= self.next_look {
            self.next_look = now + self.options.poll_interval;
            self.look_everywhere = true;
        }
        if now >= self.next_tick {
            self.next_tick = now + self.tick_length();
            self.look_after_leases(now);
        }
        if self.stop.is_some_and(|stop| !stop.gave_up && now >= stop.until) {
            self.give_up_flights();
        }
    }

    fn tick_length(&self) -> Duration {
        (self.options.lease_length / 12).min(self.options.poll_interval / 2).max(Duration::from_millis(1))
    }

    fn look_after_leases(&mut self, now: Instant) {
        let renew_from = self.options.lease_length * 2 / 3;
        let low = self.options.low_water();
        for (endpoint, tenure) in &mut self.tenures.0 {
            if tenure.ends.saturating_duration_since(now) < renew_from {
                self.pending.renew(*endpoint);
            }
            let in_flight = self.machine.endpoint(*endpoint).is_some_and(|endpoint| endpoint.in_flight() > 0);
            let disabled = self.machine.endpoint(*endpoint).is_some_and(is_disabled);
            let waits = self.machine.waiting(*endpoint) > 0 && !disabled;
            let reads = self.to_fetch.contains(endpoint) || (tenure.has_more() && !disabled);
            if tenure.has_more() && !disabled && self.machine.waiting(*endpoint) <= low {
                self.to_fetch.insert(*endpoint);
            }
            if in_flight || tenure.fetching || (self.stop.is_none() && (waits || reads)) {
                tenure.idle_since = None;
                continue;
            }
            let idle_since = *tenure.idle_since.get_or_insert(now);
            if self.stop.is_some() || now.duration_since(idle_since) >= self.options.idle_release {
                tenure.releasing = true;
                self.pending.release(*endpoint);
            }
        }
    }

    fn give_up_flights(&mut self) {
        if let Some(stop) = &mut self.stop {
            stop.gave_up = true;
        }
        let now = self.clock.now();
        for (attempt, abort) in core::mem::take(&mut self.aborts) {
            abort.abort();
            self.machine.handle_outcome(&attempt, &Outcome::Internal(OwnFault::Shutdown), now);
        }
    }

    fn is_done(&self) -> bool {
        let Some(stop) = self.stop else { return false };
        let is_clean = self.tenures.0.is_empty() && self.visit.is_none() && self.pending.is_empty();
        // A store that does not come back is not waited for: the leases run out by themselves.
        is_clean || (self.failed.is_some() && clocks::monotonic() >= stop.until + ABANDON_AFTER)
    }

    /// When to wake up if nothing happens.
    fn next_wake(&self) -> Instant {
        let now = clocks::monotonic();
        let utc = self.clock.now();
        let due = self.due_elsewhere.first().map(|(at, _)| *at);
        let timed = [self.wake_at, due].into_iter().flatten().min();
        let timed = timed.map(|at| now + Duration::try_from(at - utc).unwrap_or(Duration::ZERO));
        let again = self.failed.as_ref().map(|(_, at)| *at);
        let give_up = self.stop.filter(|stop| !stop.gave_up).map(|stop| stop.until);
        [timed, again, give_up].into_iter().flatten().fold(self.next_tick.min(self.next_look), Instant::min)
    }

    /// Goes to the store, if there is something to do there and no visit is under way.
    fn visit_store(&mut self) {
        if self.visit.is_some() {
            return;
        }
        let turn = match self.failed.take() {
            Some((turn, at)) if clocks::monotonic() >= at => turn,
            Some(waits) => {
                self.failed = Some(waits);
                return;
            }
            None => self.plan_visit(),
        };
        if !turn.is_empty() {
            self.visit = Some(tokio::spawn(turn.take(self.store.clone(), self.clock)));
        }
    }

    fn plan_visit(&mut self) -> Turn {
        let read_clock = self.look_everywhere && self.stop.is_none();
        let leases = if self.stop.is_none() { self.plan_leases() } else { Vec::new() };
        let (batch, attempts) =
            self.pending.cut(self.options.lease_length, |endpoint| self.tenures.lease(endpoint));
        let now = clocks::monotonic();
        let mut fetches = Vec::new();
        let wanted = if self.stop.is_none() { core::mem::take(&mut self.to_fetch) } else { BTreeSet::new() };
        for endpoint in wanted {
            let Some(tenure) = self.tenures.0.get_mut(&endpoint) else { continue };
            if tenure.releasing {
                self.to_lease.insert(endpoint);
                continue;
            }
            fetches.push(tenure.fetch(
                endpoint,
                self.machine.waiting(endpoint),
                self.options.window.get(),
                now,
            ));
        }
        Turn { batch, attempts, fetches, leases, read_clock }
    }

    fn plan_leases(&mut self) -> Vec<LeaseRequest> {
        let room = (self.options.max_endpoints.get() as usize).saturating_sub(self.tenures.0.len());
        let limit = u32::try_from(room).unwrap_or(u32::MAX).min(self.options.lease_batch.get());
        if limit == 0 {
            return Vec::new();
        }
        let request = |only| LeaseRequest { worker: self.id, length: self.options.lease_length, limit, only };
        let mut requests = Vec::new();
        let (later, wanted): (BTreeSet<EndpointId>, BTreeSet<EndpointId>) =
            core::mem::take(&mut self.to_lease)
                .into_iter()
                .partition(|endpoint| self.tenures.0.contains_key(endpoint));
        self.to_lease = later;
        if !wanted.is_empty() {
            requests.push(request(Some(wanted.into_iter().collect())));
        }
        if self.look_everywhere {
            requests.push(request(None));
        }
        self.look_everywhere = false;
        requests
    }

    /// A visit is over.
    fn visited(&mut self, done: TurnDone) {
        let TurnDone { mut turn, committed, fetched, leased, reloaded, clock, began, error } = done;
        if let Some(clock) = clock {
            self.clock = clock;
        }
        let began = began.unwrap_or_else(clocks::monotonic);
        if let Some(committed) = committed {
            telemetry::committed(turn.batch.deliveries.len(), clocks::monotonic().duration_since(began));
            self.written(&turn, committed, began);
            turn.batch = crate::store::Batch::default();
            turn.attempts = Vec::new();
        }
        if let Some(error) = error {
            self.visit_failed(turn, &error);
            return;
        }
        self.failures_in_a_row = 0;
        self.reload(&reloaded);
        self.take_fetched(&turn.fetches, fetched);
        self.take_leased(&turn.leases, leased, began);
    }

    /// Makes the visit again after a while: what was not written is still in it.
    fn visit_failed(&mut self, turn: Turn, error: &StoreError) {
        let doubled = 1_u32.checked_shl(self.failures_in_a_row.min(16)).unwrap_or(u32::MAX);
        let pause = (Duration::from_millis(50) * doubled).min(Duration::from_secs(5));
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        telemetry::store_failed(error, pause);
        self.failed = Some((turn, clocks::monotonic() + pause));
    }

    /// A batch is on disk.
    fn written(&mut self, turn: &Turn, committed: Committed, began: Instant) {
        for endpoint in &committed.lost {
            self.lease_lost(*endpoint);
        }
        for lease in &turn.batch.renew {
            if let Some(tenure) = self.tenures.0.get_mut(&lease.endpoint) {
                tenure.ends = began + self.options.lease_length;
            }
        }
        for endpoint in &turn.batch.release {
            self.let_go(*endpoint);
        }
        self.take_off(turn, committed);
        self.clear_out(turn);
    }

    fn let_go(&mut self, endpoint: EndpointId) {
        self.machine.release_endpoint(endpoint, self.clock.now());
        self.tenures.0.remove(&endpoint);
        self.to_fetch.remove(&endpoint);
    }

    fn lease_lost(&mut self, endpoint: EndpointId) {
        tracing::warn!(%endpoint, "the lease on an endpoint is another worker's now");
        telemetry::lease_lost();
        let theirs: Vec<AttemptRef> =
            self.aborts.keys().copied().filter(|attempt| attempt.endpoint == endpoint).collect();
        for attempt in theirs {
            if let Some(abort) = self.aborts.remove(&attempt) {
                abort.abort();
            }
        }
        self.let_go(endpoint);
        self.pending.forget_endpoint(endpoint);
    }

    /// Sends what the batch announced.
    fn take_off(&mut self, turn: &Turn, committed: Committed) {
        let attempts: BTreeMap<DeliveryId, &Attempt> =
            turn.attempts.iter().map(|attempt| (attempt.attempt.delivery, attempt)).collect();
        let now = self.clock.now();
        for (delivery, notification) in committed.notifications {
            let Some(attempt) = attempts.get(&delivery).copied() else { continue };
            let reference = attempt.attempt;
            // It may have counted as lost while it was written down.
            let still_wanted = self.machine.delivery(delivery).is_some_and(|held| {
                matches!(held.state(), DeliveryState::InFlight { .. }) && held.sends() == reference.send
            });
            let Some(tenure) = self.tenures.0.get(&reference.endpoint).filter(|_| still_wanted) else {
                continue;
            };
            let order = turn.order_of(delivery);
            let Some(notification) = notification else {
                self.put_aside(attempt, order, now);
                continue;
            };
            let take_off = TakeOff {
                attempt: *attempt,
                order,
                subscription: Arc::clone(&tenure.subscription),
                notification,
                now,
                lease_ends: tenure.ends,
            };
            let flight = flight::fly(Arc::clone(&self.transport), take_off, self.landing.clone());
            self.aborts.insert(reference, self.flights.spawn(flight));
        }
    }

    /// The notification cannot be read: the store has put it aside, and the machine lets go of it.
    fn put_aside(&mut self, attempt: &Attempt, order: u64, now: UtcDateTime) {
        telemetry::quarantined(1);
        let outcome = Outcome::Internal(OwnFault::Storage);
        let answer =
            Answer::new(outcome).with_detail("its body is not the one that was enqueued: it was put aside");
        let landed = Landed { attempt: *attempt, order, began: now, took: Duration::ZERO, answer };
        self.pending.attempt_ended(attempt.attempt.endpoint, landed.row());
        // Cancelled first, so that the answer ends it.
        let _cancelled = self.machine.cancel(attempt.attempt.delivery, now);
        self.machine.handle_outcome(&attempt.attempt, &outcome, now);
    }

    /// Lets go of what is on disk and not needed here soon.
    fn clear_out(&mut self, turn: &Turn) {
        let now = self.clock.now();
        let horizon =
            now.checked_add(self.options.horizon.try_into().unwrap_or_default()).unwrap_or(UtcDateTime::MAX);
        let crowd = self.options.window.get() as usize * 2;
        for record in &turn.batch.deliveries {
            if self.pending.mentions(record.id) {
                continue;
            }
            match record.state {
                DeliveryState::InFlight { .. } => {}
                // Refused for what was redelivered since, and then it stays.
                DeliveryState::Finished { .. } => drop(self.machine.forget(record.id)),
                DeliveryState::Waiting { due } => {
                    let crowded = self.machine.waiting(record.endpoint) > crowd;
                    if (due > horizon || crowded) && self.machine.set_aside(record.id, now).is_ok() {
                        self.falls_due(record.endpoint, due);
                    }
                }
            }
        }
    }

    /// Notes when a delivery falls due that is not here.
    fn falls_due(&mut self, endpoint: EndpointId, due: UtcDateTime) {
        let Some(tenure) = self.tenures.0.get_mut(&endpoint) else { return };
        if tenure.next_due.is_none_or(|known| due < known) {
            if let Some(known) = tenure.next_due.replace(due) {
                self.due_elsewhere.remove(&(known, endpoint));
            }
            self.due_elsewhere.insert((due, endpoint));
        }
    }
}

fn is_disabled(endpoint: &gymhook_delivery::Endpoint) -> bool {
    matches!(endpoint.status(), gymhook_delivery::EndpointStatus::Disabled { .. })
}

fn late_answer(late: &LateAnswer) {
    tracing::info!(attempt = ?late.attempt, reason = ?late.reason, "an answer came too late to count");
    telemetry::late_answer();
}

/// Waits for a visit that is under way; for ever, if none is.
async fn join(visit: &mut Option<JoinHandle<TurnDone>>) -> TurnDone {
    let Some(handle) = visit else { return core::future::pending().await };
    let done = handle.await;
    *visit = None;
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
        let visit = tokio::spawn(core::future::pending::<TurnDone>());
        visit.abort();
        let waited = tokio::time::timeout(Duration::from_secs(1), join(&mut Some(visit))).await;
        assert!(waited.is_err(), "it never ends");
    }
}
