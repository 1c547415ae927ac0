//! `after_commit`: when a batch is on disk, starts the attempts that it announced, gives up leases, and drops
//! deliveries from memory that are not needed soon. For a dropped delivery that still waits, it notes when the
//! endpoint has to be read again.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use gymhook_delivery::{Attempt, AttemptRef, DeliveryId, DeliveryState, EndpointId};
use gymhook_retry::{Outcome, OwnFault};
use time::UtcDateTime;
use tracing::Instrument as _;

use super::Worker;
use super::attempt_task::{self, AttemptEnded, AttemptStart, RunningAttempt};
use super::round_trip::RoundTrip;
use crate::store::{Committed, Store};
use crate::{Answer, Transport, telemetry};

impl<S: Store, T: Transport> Worker<S, T> {
    /// A batch is on disk.
    pub(super) fn after_commit(&mut self, round_trip: &RoundTrip, committed: Committed, began: Instant) {
        telemetry::follow_ups_refused(&committed.refused);
        self.attempts_logged(&round_trip.batch, &committed);
        for endpoint in &committed.lost {
            // What was lost may be held again by now, under a later number.
            if self.leased_endpoints.lease(*endpoint).is_some_and(|held| round_trip.writes_under(&held)) {
                self.lease_lost(*endpoint);
            }
        }
        for lease in &round_trip.batch.renew {
            if let Some(leased) = self.leased_endpoints.0.get_mut(&lease.endpoint) {
                leased.ends = began + self.options.lease_length;
            }
        }
        for endpoint in &round_trip.batch.release {
            if self.leased_endpoints.0.get(endpoint).is_some_and(|leased| leased.giving_up) {
                self.sharing.gave_up(self.clock.now());
                telemetry::lease_given_up();
            }
            self.release(*endpoint);
        }
        self.start_attempts(round_trip, committed);
        self.evict(round_trip);
    }

    fn release(&mut self, endpoint: EndpointId) {
        self.machine.release_endpoint(endpoint, self.clock.now());
        self.leased_endpoints.0.remove(&endpoint);
        self.to_fetch.remove(&endpoint);
        self.event_types.remove(&endpoint);
    }

    pub(super) fn lease_lost(&mut self, endpoint: EndpointId) {
        tracing::warn!(%endpoint, "an endpoint is leased by another worker, or was deleted: this worker drops it");
        telemetry::lease_lost();
        let theirs: Vec<AttemptRef> =
            self.running.keys().copied().filter(|attempt| attempt.endpoint == endpoint).collect();
        for attempt in theirs {
            if let Some(running) = self.running.remove(&attempt) {
                running.abort.abort();
            }
        }
        self.release(endpoint);
        self.pending.forget_endpoint(endpoint);
    }

    /// Sends what the batch announced.
    fn start_attempts(&mut self, round_trip: &RoundTrip, committed: Committed) {
        let attempts: BTreeMap<DeliveryId, &Attempt> =
            round_trip.attempts.iter().map(|attempt| (attempt.attempt.delivery, attempt)).collect();
        let now = self.clock.now();
        for (delivery, notification) in committed.notifications {
            let Some(attempt) = attempts.get(&delivery).copied() else { continue };
            let reference = attempt.attempt;
            // It may have counted as lost while it was written down.
            if !self.is_in_flight(&reference) {
                continue;
            }
            let Some(leased) = self.leased_endpoints.0.get(&reference.endpoint) else { continue };
            let Some(notification) = notification else {
                self.quarantine(attempt, now);
                continue;
            };
            let event_type = notification.event_type.clone();
            let start = AttemptStart {
                attempt: *attempt,
                subscription: Arc::clone(&leased.subscription),
                notification,
                now,
                lease_ends: leased.ends,
                reserve: self.options.longest_attempt(),
            };
            let span = tracing::debug_span!("attempt", %delivery, endpoint = %reference.endpoint, send = reference.send);
            let task =
                attempt_task::run(Arc::clone(&self.transport), start, self.report.clone()).instrument(span);
            let abort = self.tasks.spawn(task);
            self.attempt_begins(&reference, &event_type);
            self.running.insert(reference, RunningAttempt { attempt: *attempt, event_type, abort });
        }
    }

    /// The notification cannot be read: the store has quarantined it, and the machine drops it.
    fn quarantine(&mut self, attempt: &Attempt, now: UtcDateTime) {
        telemetry::quarantined(1);
        let outcome = Outcome::Internal(OwnFault::Storage);
        let answer =
            Answer::new(outcome).with_detail("its body is not the one that was enqueued: it was quarantined");
        let ended =
            AttemptEnded { attempt: *attempt, event_type: None, began: now, took: Duration::ZERO, answer };
        self.pending.attempt_ended(attempt.attempt.endpoint, ended.row());
        // Cancelled first, so that the answer ends it.
        let _cancelled = self.machine.cancel(attempt.attempt.delivery, now);
        self.machine.handle_outcome(&attempt.attempt, &outcome, now);
    }

    /// Drops what is on disk and not needed soon.
    fn evict(&mut self, round_trip: &RoundTrip) {
        let now = self.clock.now();
        let horizon =
            now.checked_add(self.options.horizon.try_into().unwrap_or_default()).unwrap_or(UtcDateTime::MAX);
        let crowd = self.options.window.get() as usize * 2;
        for record in &round_trip.batch.deliveries {
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
    pub(super) fn falls_due(&mut self, endpoint: EndpointId, due: UtcDateTime) {
        let Some(leased) = self.leased_endpoints.0.get_mut(&endpoint) else { return };
        if leased.next_due.is_none_or(|known| due < known) {
            if let Some(known) = leased.next_due.replace(due) {
                self.due_elsewhere.remove(&(known, endpoint));
            }
            self.due_elsewhere.insert((due, endpoint));
        }
    }
}
