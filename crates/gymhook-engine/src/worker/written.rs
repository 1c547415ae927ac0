//! What follows once a batch is on disk: attempts start, leases end, and what is no longer needed is dropped.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use gymhook_delivery::{Attempt, AttemptRef, DeliveryId, DeliveryState, EndpointId};
use gymhook_retry::{Outcome, OwnFault};
use time::UtcDateTime;
use tracing::Instrument as _;

use super::Worker;
use super::flight::{self, Flying, Landed, TakeOff};
use super::turn::Turn;
use crate::store::{Committed, Store};
use crate::{Answer, Transport, telemetry};

impl<S: Store, T: Transport> Worker<S, T> {
    /// A batch is on disk.
    pub(super) fn written(&mut self, turn: &Turn, committed: Committed, began: Instant) {
        for endpoint in &committed.lost {
            // What was lost may be held again by now, under a later number.
            if self.tenures.lease(*endpoint).is_some_and(|held| turn.writes_under(&held)) {
                self.lease_lost(*endpoint);
            }
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

    pub(super) fn lease_lost(&mut self, endpoint: EndpointId) {
        tracing::warn!(%endpoint, "an endpoint is leased by another worker, or was deleted: this worker drops it");
        telemetry::lease_lost();
        let theirs: Vec<AttemptRef> =
            self.flying.keys().copied().filter(|attempt| attempt.endpoint == endpoint).collect();
        for attempt in theirs {
            if let Some(flying) = self.flying.remove(&attempt) {
                flying.abort.abort();
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
            let event_type = notification.event_type.clone();
            let take_off = TakeOff {
                attempt: *attempt,
                order,
                subscription: Arc::clone(&tenure.subscription),
                notification,
                now,
                lease_ends: tenure.ends,
                reserve: self.options.longest_attempt(),
            };
            let span = tracing::debug_span!("attempt", %delivery, endpoint = %reference.endpoint, send = reference.send);
            let flight =
                flight::fly(Arc::clone(&self.transport), take_off, self.landing.clone()).instrument(span);
            let abort = self.flights.spawn(flight);
            self.flying.insert(reference, Flying { attempt: *attempt, order, event_type, abort });
        }
    }

    /// The notification cannot be read: the store has quarantined it, and the machine drops it.
    fn put_aside(&mut self, attempt: &Attempt, order: u64, now: UtcDateTime) {
        telemetry::quarantined(1);
        let outcome = Outcome::Internal(OwnFault::Storage);
        let answer =
            Answer::new(outcome).with_detail("its body is not the one that was enqueued: it was quarantined");
        let landed =
            Landed { attempt: *attempt, order, event_type: None, began: now, took: Duration::ZERO, answer };
        self.pending.attempt_ended(attempt.attempt.endpoint, landed.row());
        // Cancelled first, so that the answer ends it.
        let _cancelled = self.machine.cancel(attempt.attempt.delivery, now);
        self.machine.handle_outcome(&attempt.attempt, &outcome, now);
    }

    /// Drops what is on disk and not needed soon.
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
    pub(super) fn falls_due(&mut self, endpoint: EndpointId, due: UtcDateTime) {
        let Some(tenure) = self.tenures.0.get_mut(&endpoint) else { return };
        if tenure.next_due.is_none_or(|known| due < known) {
            if let Some(known) = tenure.next_due.replace(due) {
                self.due_elsewhere.remove(&(known, endpoint));
            }
            self.due_elsewhere.insert((due, endpoint));
        }
    }
}
