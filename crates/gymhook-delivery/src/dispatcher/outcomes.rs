//! What happens to a delivery and its endpoint when an attempt ends, or counts as lost: `answer`, `count_lost` and the
//! `Fate` of a delivery.

use core::mem;

use gymhook_retry::{Anchor, AttemptNumber, Decision, GiveUp, Outcome, draw};

use super::Dispatcher;
use crate::delivery::Delivery;
use crate::endpoint_signal::AttemptEnd;
use crate::timestamp::Timestamp;
use crate::{
    AttemptFailure, AttemptRef, DeliveryChange, End, LateAnswer, LateReason, Record, Then, Undeliverable,
};

/// What becomes of a delivery after an attempt of it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Retry { due: Timestamp, next: AttemptNumber },
    Ends(End),
}

impl Dispatcher {
    pub(super) fn answer(&mut self, attempt: &AttemptRef, outcome: &Outcome) {
        match self.find_in_flight(attempt) {
            Ok(slot) => self.attempt_ended(slot, outcome),
            Err(reason) => self.record(Record::LateAnswer(LateAnswer { attempt: *attempt, reason })),
        }
    }

    /// Counts every attempt whose answer is overdue as lost.
    pub(super) fn count_lost(&mut self) {
        while let Some(slot) = self.in_flight.lost_by(self.now.reached) {
            self.attempt_ended(slot, &Outcome::Crashed);
        }
    }

    /// The fence: only the answer to the attempt in flight, under the current lease, counts.
    fn find_in_flight(&self, attempt: &AttemptRef) -> Result<u32, LateReason> {
        let Some(slot) = self.in_flight.find(attempt.delivery) else {
            return Err(self.why_not_in_flight(attempt));
        };
        let delivery = self.deliveries.get(slot).ok_or(LateReason::UnknownDelivery)?;
        let entry = self.endpoints.get(delivery.endpoint()).ok_or(LateReason::UnknownDelivery)?;
        if entry.endpoint.id() != attempt.endpoint {
            return Err(LateReason::UnknownDelivery);
        }
        if entry.endpoint.lease() != attempt.lease {
            return Err(LateReason::OtherLease { current: entry.endpoint.lease() });
        }
        if delivery.sends() != attempt.send {
            return Err(LateReason::OtherAttempt { current: delivery.sends() });
        }
        Ok(slot)
    }

    fn why_not_in_flight(&self, attempt: &AttemptRef) -> LateReason {
        let delivery = self.by_id.get(&attempt.delivery).and_then(|slot| self.deliveries.get(*slot));
        let entry = delivery.and_then(|delivery| self.endpoints.get(delivery.endpoint()));
        match entry.map(|entry| (entry.endpoint.id(), entry.endpoint.lease())) {
            Some((id, _)) if id != attempt.endpoint => LateReason::UnknownDelivery,
            Some((_, current)) if current != attempt.lease => LateReason::OtherLease { current },
            Some(_) => LateReason::NotInFlight,
            None => LateReason::UnknownDelivery,
        }
    }

    /// The attempt of the delivery in this slot ended.
    pub(super) fn attempt_ended(&mut self, slot: u32, outcome: &Outcome) {
        self.in_flight.end(slot, &mut self.deliveries);
        let Some(delivery) = self.deliveries.get(slot) else { return };
        let endpoint_slot = delivery.endpoint();
        let Some(entry) = self.endpoints.get_mut(endpoint_slot) else { return };
        let draw = draw(delivery.id().as_uuid().as_bytes(), delivery.attempt());
        let retry = entry.endpoint.policy().retry();
        // Only this anchor uses it, and converting it costs time.
        let anchored = retry.anchor() == Anchor::FirstFailure;
        let first_failure = delivery.first_failure().filter(|_| anchored).map(Timestamp::to_utc);
        let decision = retry.decide(delivery.attempt(), first_failure, outcome, draw, self.now.utc);
        let fate = fate(delivery, outcome, &decision);
        let end = AttemptEnd {
            outcome,
            decision: &decision,
            gave_up: matches!(fate, Fate::Ends(End::Undeliverable(_))),
            probe: delivery.is_probe(),
            test: delivery.is_test(),
        };
        let mut changes = mem::take(&mut self.changes);
        entry.endpoint.attempt_ended(end, self.now, &mut changes);
        self.meet_fate(slot, fate, failure(outcome, &decision));
        self.record_endpoint_changes(endpoint_slot, changes);
        self.settle(endpoint_slot);
    }

    fn meet_fate(&mut self, slot: u32, fate: Fate, after: AttemptFailure) {
        let now = self.now;
        let Some(delivery) = self.deliveries.get_mut(slot) else { return };
        let reopen = delivery.then() == Some(Then::Redeliver);
        let (transition, change) = match fate {
            Fate::Retry { due, next } => {
                (delivery.retry_at(due, next, now.waits_from), DeliveryChange::RetryScheduled { after })
            }
            Fate::Ends(end) => (delivery.end(end, now.reached), DeliveryChange::Ended(end)),
        };
        if transition.is_err() {
            return;
        }
        self.record_delivery(slot, change);
        if reopen {
            self.open_round(slot);
        }
        self.insert_into_queue(slot);
    }
}

fn fate(delivery: &Delivery, outcome: &Outcome, decision: &Decision) -> Fate {
    match (decision, delivery.then()) {
        (Decision::Delivered, _) => Fate::Ends(End::Delivered),
        (_, Some(Then::Cancel)) => Fate::Ends(End::Cancelled),
        (_, Some(Then::Redeliver)) => Fate::Ends(End::Superseded),
        (Decision::EndpointGone, _) => Fate::Ends(End::Undeliverable(Undeliverable::Gone)),
        (Decision::RetryAt { charged: true, .. }, _) if delivery.is_test() => exhausted(outcome),
        (Decision::RetryAt { at, attempt, .. }, _) => {
            Fate::Retry { due: Timestamp::ceil(*at), next: *attempt }
        }
        (Decision::Undeliverable { reason: GiveUp::Rejected, .. }, _) => {
            Fate::Ends(End::Undeliverable(Undeliverable::Rejected))
        }
        (Decision::Undeliverable { reason: GiveUp::Exhausted, .. }, _) => exhausted(outcome),
    }
}

const fn exhausted(outcome: &Outcome) -> Fate {
    Fate::Ends(End::Undeliverable(match outcome {
        Outcome::Crashed => Undeliverable::Lost,
        Outcome::Response { .. } | Outcome::Failure(_) | Outcome::Internal(_) | Outcome::Panicked => {
            Undeliverable::Exhausted
        }
    }))
}

fn failure(outcome: &Outcome, decision: &Decision) -> AttemptFailure {
    match outcome {
        Outcome::Crashed => AttemptFailure::Lost,
        _ if !decision.is_charged() => AttemptFailure::OurFault,
        Outcome::Response { .. } | Outcome::Failure(_) | Outcome::Internal(_) | Outcome::Panicked => {
            AttemptFailure::Failed
        }
    }
}
