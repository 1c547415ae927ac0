//! What the worker tells the delivery state machine and hears from it: `attempt_ended` passes on an answer, and `drain_machine`
//! takes its records and attempts.

use gymhook_delivery::{
    AttemptRef, DeliveryChange, DeliveryState, End, EndpointChange, EndpointId, LateAnswer, Output, Record,
};
use gymhook_retry::{Fault, Outcome};

use super::Worker;
use super::attempt_task::AttemptEnded;
use super::leased_endpoint::LeasedEndpoint;
use crate::ids::new_id;
use crate::store::{Notice, Store};
use crate::telemetry::FailedAttempt;
use crate::user_code::{self, Place};
use crate::{Direction, Transport, telemetry};

impl<S: Store, T: Transport> Worker<S, T> {
    pub(super) fn attempts_ended(&mut self, first: AttemptEnded) {
        self.attempt_ended(first);
        while let Ok(ended) = self.ended.try_recv() {
            self.attempt_ended(ended);
        }
        while self.tasks.try_join_next().is_some() {}
    }

    pub(super) fn attempt_ended(&mut self, mut ended: AttemptEnded) {
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
    pub(super) fn is_in_flight(&self, attempt: &AttemptRef) -> bool {
        self.machine.delivery(attempt.delivery).is_some_and(|held| {
            matches!(held.state(), DeliveryState::InFlight { .. }) && held.sends() == attempt.send
        })
    }

    /// Takes down everything the machine has to say.
    pub(super) fn drain_machine(&mut self) {
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
    pub(super) fn refill(&mut self, endpoint: EndpointId) {
        let waiting = self.machine.waiting(endpoint);
        if waiting <= self.options.low_water()
            && self.leased_endpoints.0.get(&endpoint).is_some_and(LeasedEndpoint::has_more)
        {
            self.to_fetch.insert(endpoint);
        }
    }

    pub(super) fn endpoint_changed(&self, endpoint: EndpointId, change: EndpointChange) {
        telemetry::endpoint_changed(endpoint, change);
        if change != EndpointChange::TokenTaken
            && let Some(observe) = &self.options.on_endpoint_change
        {
            // What it panics with is logged, and the endpoint is treated as if it had been told.
            let _ = user_code::call(Place::Observer, || observe(endpoint, change));
        }
    }
}

fn late_answer(late: &LateAnswer) {
    tracing::info!(attempt = ?late.attempt, reason = ?late.reason, "an answer arrived too late to count");
    telemetry::late_answer();
}
