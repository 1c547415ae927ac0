//! Plans and starts round trips to the store (`plan_round_trip`, `plan_leases`), and repeats one that failed.

use core::time::Duration;
use std::collections::BTreeSet;

use gymhook_delivery::EndpointId;
use tracing::Instrument as _;

use super::Worker;
use super::round_trip::{Look, RoundTrip, RoundTripResult};
use crate::store::{LeaseRequest, Leased, Store, StoreError};
use crate::{Transport, clock as clocks, telemetry};

impl<S: Store, T: Transport> Worker<S, T> {
    /// Goes to the store, if there is something to do there and no round trip is under way.
    pub(super) fn start_round_trip(&mut self) {
        if self.round_trip.is_some() {
            return;
        }
        let round_trip = match self.failed.take() {
            Some((round_trip, at)) if clocks::monotonic() >= at => round_trip,
            Some(waits) => {
                self.failed = Some(waits);
                return;
            }
            None => self.plan_round_trip(),
        };
        if !round_trip.is_empty() {
            let span = tracing::debug_span!("round_trip", worker = %self.id, records = round_trip.batch.deliveries.len());
            self.round_trip =
                Some(tokio::spawn(round_trip.run(self.store.clone(), self.clock).instrument(span)));
        }
    }

    fn plan_round_trip(&mut self) -> RoundTrip {
        // Taken in any case: what stays set would bring the next round trip about at once.
        let look_everywhere = core::mem::take(&mut self.look_everywhere) && self.stop.is_none();
        let leases = if self.stop.is_none() { self.plan_leases(look_everywhere) } else { Vec::new() };
        let (batch, attempts) =
            self.pending.cut(self.options.lease_length, |endpoint| self.leased_endpoints.lease(endpoint));
        let now = clocks::monotonic();
        let mut fetches = Vec::new();
        let wanted = if self.stop.is_none() { core::mem::take(&mut self.to_fetch) } else { BTreeSet::new() };
        for endpoint in wanted {
            let Some(leased) = self.leased_endpoints.0.get_mut(&endpoint) else { continue };
            if leased.is_leaving() {
                self.to_lease.insert(endpoint);
                continue;
            }
            fetches.push(leased.fetch(endpoint, self.machine.waiting(endpoint), &self.options, now));
        }
        RoundTrip {
            batch,
            announcement: self.sharing.take_announcement(),
            attempts,
            fetches,
            leases,
            look: look_everywhere.then_some(Look {
                worker: self.id,
                direction: self.direction,
                knows_its_share: self.sharing.is_limited(),
            }),
        }
    }

    fn plan_leases(&mut self, look_everywhere: bool) -> Vec<LeaseRequest> {
        if !look_everywhere && self.to_lease.is_empty() {
            return Vec::new();
        }
        let limit = u32::try_from(self.room()).unwrap_or(u32::MAX).min(self.options.lease_batch.get());
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
                .partition(|endpoint| self.leased_endpoints.0.contains_key(endpoint));
        self.to_lease = later;
        if !wanted.is_empty() {
            requests.push(request(Some(wanted.into_iter().collect())));
        }
        if look_everywhere {
            requests.push(request(None));
        }
        requests
    }

    /// How many more endpoints may be leased.
    fn room(&self) -> usize {
        let room = (self.options.max_endpoints.get() as usize).saturating_sub(self.leased_endpoints.0.len());
        room.min(self.room_in_share())
    }

    /// A round trip is over.
    pub(super) fn round_trip_ended(&mut self, done: RoundTripResult) {
        let RoundTripResult {
            asked: mut round_trip,
            committed,
            fetched,
            leased,
            reloaded,
            clock,
            others,
            began,
            error,
        } = done;
        if let Some(clock) = clock {
            self.clock = clock;
        }
        let began = began.unwrap_or_else(clocks::monotonic);
        if let Some(committed) = committed {
            telemetry::committed(
                round_trip.batch.deliveries.len(),
                clocks::monotonic().duration_since(began),
            );
            self.pulse.committed(self.clock.now());
            self.after_commit(&round_trip, committed, began);
            round_trip.batch = crate::store::Batch::default();
            round_trip.attempts = Vec::new();
        }
        if let Some(error) = error {
            // What was leased before it failed is ours: nobody else gets it until that lease has run out. It is read from its
            // beginning, even if this round trip was to read on where an earlier lease of it had come to.
            let is_new = |endpoint| leased.iter().flatten().any(|leased| leased.subscription.id == endpoint);
            round_trip.fetches.retain(|fetch| !is_new(fetch.endpoint));
            self.take_leased(&round_trip.leases, leased, began);
            self.round_trip_failed(round_trip, &error);
            return;
        }
        self.failures_in_a_row = 0;
        self.pulse.round_trip_ended(self.clock.now());
        self.reload(&reloaded);
        self.take_fetched(&round_trip.fetches, fetched);
        let found_all = found_all(&round_trip.leases, &leased);
        self.take_leased(&round_trip.leases, leased, began);
        if let Some((looked_at, others)) = others {
            self.next_lease_end = others.next_lease_end;
            self.share(looked_at, found_all, &others);
            let has_looked = round_trip.leases.iter().any(|request| request.only.is_none());
            // Only now it is known for how many.
            self.look_everywhere |= !has_looked && self.room() > 0;
        }
    }

    /// Makes the round trip again after a while: what was not written is still in it.
    fn round_trip_failed(&mut self, round_trip: RoundTrip, error: &StoreError) {
        let doubled = 1_u32.checked_shl(self.failures_in_a_row.min(16)).unwrap_or(u32::MAX);
        let pause = (Duration::from_millis(50) * doubled).min(Duration::from_secs(5));
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        telemetry::store_failed(error, pause);
        self.pulse.store_failed(error, self.clock.now());
        self.failed = Some((round_trip, clocks::monotonic() + pause));
    }
}

/// Whether a look at all endpoints found fewer than it had room for.
fn found_all(requests: &[LeaseRequest], leased: &[Vec<Leased>]) -> bool {
    let mut looks = requests.iter().zip(leased).filter(|(request, _)| request.only.is_none());
    looks.any(|(request, leased)| leased.len() < request.limit as usize)
}
