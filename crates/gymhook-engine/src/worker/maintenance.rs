//! `tick`, the regular tasks of a worker: renewing leases, reading again what fell due, giving up attempts, and ending
//! a shutdown.

use core::time::Duration;
use std::time::Instant;

use gymhook_delivery::EndpointId;
use gymhook_retry::{Outcome, OwnFault};

use super::Worker;
use super::attempt_task::{AttemptEnded, RunningAttempt};
use super::leased_endpoint::LeasedEndpoint;
use crate::store::Store;
use crate::{Answer, Transport, clock as clocks, telemetry};

impl<S: Store, T: Transport> Worker<S, T> {
    /// Looks after whatever it is time for.
    pub(super) fn tick(&mut self) {
        let now = clocks::monotonic();
        let due = self.clock.now();
        while let Some((at, endpoint)) = self.due_elsewhere.first().copied().filter(|(at, _)| *at <= due) {
            self.due_elsewhere.remove(&(at, endpoint));
            if self.leased_endpoints.0.get(&endpoint).is_none_or(|leased| leased.fell_due(due)) {
                self.work_arrived(&[endpoint]);
            }
        }
        if now >= self.next_look {
            self.next_look = now + self.options.poll_interval;
            self.look_everywhere = true;
            self.read_again(now);
        }
        if self.next_lease_end.is_some_and(|end| end <= due) {
            self.next_lease_end = None;
            self.look_everywhere = true;
        }
        if now >= self.next_tick {
            self.next_tick = now + self.tick_length();
            self.look_after_leases(now);
        }
        if self.stop.is_some_and(|stop| !stop.gave_up && now >= stop.until) {
            self.give_up_attempts();
        }
    }

    /// What nobody told of is found at endpoints without an owner by looking for these; at those under lease, which may be
    /// busy with retries for long, only by reading them again. A few at a time, the one that has waited the longest first.
    fn read_again(&mut self, now: Instant) {
        let low = self.options.low_water();
        let is_meant = |endpoint, leased: &LeasedEndpoint| {
            let is_idle = leased.idle_since.is_some() || leased.fetching || leased.is_leaving();
            !is_idle
                && now >= leased.scan_began + self.options.poll_interval
                && self.machine.waiting(endpoint) <= low
        };
        let leased_endpoints = self.leased_endpoints.0.iter();
        let mut meant: Vec<(Instant, EndpointId)> = leased_endpoints
            .filter(|(endpoint, leased)| is_meant(**endpoint, leased))
            .map(|(endpoint, leased)| (leased.scan_began, *endpoint))
            .collect();
        meant.sort_unstable();
        meant.truncate(self.options.lease_batch.get() as usize);
        self.to_fetch.extend(meant.into_iter().map(|(_, endpoint)| endpoint));
    }

    fn tick_length(&self) -> Duration {
        if self.stop.is_some() {
            // Whoever stops it waits for what is given back.
            return Duration::from_millis(10);
        }
        (self.options.lease_length / 12).min(self.options.poll_interval / 2).max(Duration::from_millis(1))
    }

    fn look_after_leases(&mut self, now: Instant) {
        let renew_from = self.options.lease_length * 2 / 3;
        let low = self.options.low_water();
        for (endpoint, leased) in &mut self.leased_endpoints.0 {
            if leased.ends.saturating_duration_since(now) < renew_from {
                self.pending.renew(*endpoint);
            }
            let in_flight = self.machine.endpoint(*endpoint).is_some_and(|endpoint| endpoint.in_flight() > 0);
            let disabled =
                self.machine.endpoint(*endpoint).is_some_and(|endpoint| endpoint.status().is_disabled());
            let tests = self.machine.waiting_tests(*endpoint) > 0;
            let waits = tests || (self.machine.waiting(*endpoint) > 0 && !disabled);
            let reads = self.to_fetch.contains(endpoint) || (leased.has_more() && !disabled);
            let leaves = self.stop.is_some() || leased.giving_up;
            if leased.has_more() && !disabled && !leaves && self.machine.waiting(*endpoint) <= low {
                self.to_fetch.insert(*endpoint);
            }
            if in_flight || leased.fetching || (!leaves && (waits || reads)) {
                leased.idle_since = None;
                continue;
            }
            let idle_since = *leased.idle_since.get_or_insert(now);
            if leaves || now.duration_since(idle_since) >= self.options.idle_release {
                leased.releasing = true;
                self.pending.release(*endpoint);
            }
        }
    }

    fn give_up_attempts(&mut self) {
        if let Some(stop) = &mut self.stop {
            stop.gave_up = true;
        }
        let now = self.clock.now();
        for (reference, running) in core::mem::take(&mut self.running) {
            running.abort.abort();
            let outcome = Outcome::Internal(OwnFault::Shutdown);
            let answer = Answer::new(outcome).with_detail("given up: this process is shutting down");
            let RunningAttempt { attempt, event_type, abort: _ } = running;
            let event_type = Some(event_type);
            let ended = AttemptEnded { attempt, event_type, began: now, took: Duration::ZERO, answer };
            self.pending.attempt_ended(reference.endpoint, ended.row());
            self.machine.handle_outcome(&reference, &outcome, now);
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.stop.is_some()
            && self.leased_endpoints.0.is_empty()
            && self.round_trip.is_none()
            && self.pending.is_empty()
            && !self.sharing.has_announcement()
            && self.failed.as_ref().is_none_or(|(round_trip, _)| round_trip.is_empty())
    }

    /// Ends a shutdown whose store fails or does not answer: the leases expire.
    pub(super) fn abandon(&mut self) {
        if let Some(round_trip) = self.round_trip.take() {
            round_trip.abort();
        }
        telemetry::store_abandoned(self.leased_endpoints.0.len());
    }
}
