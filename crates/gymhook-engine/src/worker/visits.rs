//! Going to the store: what for, and again if it failed.

use core::time::Duration;
use std::collections::BTreeSet;

use gymhook_delivery::EndpointId;
use tracing::Instrument as _;

use super::Worker;
use super::turn::{Turn, TurnDone};
use crate::store::{LeaseRequest, Store, StoreError};
use crate::{Transport, clock as clocks, telemetry};

impl<S: Store, T: Transport> Worker<S, T> {
    /// Goes to the store, if there is something to do there and no visit is under way.
    pub(super) fn visit_store(&mut self) {
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
            let span =
                tracing::debug_span!("visit", worker = %self.id, records = turn.batch.deliveries.len());
            self.visit = Some(tokio::spawn(turn.take(self.store.clone(), self.clock).instrument(span)));
        }
    }

    fn plan_visit(&mut self) -> Turn {
        // Taken in any case: what stays set would bring the next visit about at once.
        let look_everywhere = core::mem::take(&mut self.look_everywhere) && self.stop.is_none();
        let leases = if self.stop.is_none() { self.plan_leases(look_everywhere) } else { Vec::new() };
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
            fetches.push(tenure.fetch(endpoint, self.machine.waiting(endpoint), &self.options, now));
        }
        Turn { batch, attempts, fetches, leases, looks: look_everywhere.then_some(self.id) }
    }

    fn plan_leases(&mut self, look_everywhere: bool) -> Vec<LeaseRequest> {
        let room = (self.options.max_endpoints.get() as usize).saturating_sub(self.tenures.0.len());
        let limit = u32::try_from(room).unwrap_or(u32::MAX).min(self.options.lease_batch.get());
        if limit == 0 {
            return Vec::new();
        }
        let request = |only| LeaseRequest {
            worker: self.id,
            direction: self.direction,
            length: self.options.lease_length,
            limit,
            only,
        };
        let mut requests = Vec::new();
        let (later, wanted): (BTreeSet<EndpointId>, BTreeSet<EndpointId>) =
            core::mem::take(&mut self.to_lease)
                .into_iter()
                .partition(|endpoint| self.tenures.0.contains_key(endpoint));
        self.to_lease = later;
        if !wanted.is_empty() {
            requests.push(request(Some(wanted.into_iter().collect())));
        }
        if look_everywhere {
            requests.push(request(None));
        }
        requests
    }

    /// A visit is over.
    pub(super) fn visited(&mut self, done: TurnDone) {
        let TurnDone { mut turn, committed, fetched, leased, reloaded, clock, next_lease_end, began, error } =
            done;
        if let Some(clock) = clock {
            self.clock = clock;
        }
        let began = began.unwrap_or_else(clocks::monotonic);
        if let Some(committed) = committed {
            telemetry::committed(turn.batch.deliveries.len(), clocks::monotonic().duration_since(began));
            self.pulse.committed(self.clock.now());
            self.written(&turn, committed, began);
            turn.batch = crate::store::Batch::default();
            turn.attempts = Vec::new();
        }
        if let Some(error) = error {
            // What was leased before it failed is ours: nobody else gets it until that lease has run out.
            self.take_leased(&turn.leases, leased, began);
            self.visit_failed(turn, &error);
            return;
        }
        self.failures_in_a_row = 0;
        self.pulse.visited(self.clock.now());
        self.reload(&reloaded);
        self.take_fetched(&turn.fetches, fetched);
        self.take_leased(&turn.leases, leased, began);
        if turn.looks.is_some() {
            self.next_lease_end = next_lease_end;
        }
    }

    /// Makes the visit again after a while: what was not written is still in it.
    fn visit_failed(&mut self, turn: Turn, error: &StoreError) {
        let doubled = 1_u32.checked_shl(self.failures_in_a_row.min(16)).unwrap_or(u32::MAX);
        let pause = (Duration::from_millis(50) * doubled).min(Duration::from_secs(5));
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        telemetry::store_failed(error, pause);
        self.pulse.store_failed(error, self.clock.now());
        self.failed = Some((turn, clocks::monotonic() + pause));
    }
}
