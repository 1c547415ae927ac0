//! What is known of a machine from the calls and the outputs alone, and what they must never show.

use core::time::Duration;
use std::collections::BTreeMap;

use gymhook_delivery::{
    Attempt, DeliveryChange, DeliveryRecord, Dispatcher, End, EndpointChange, EndpointPolicy, EndpointRecord,
    LeaseEpoch, Limits, Output, Record,
};
use gymhook_retry::{Outcome, OwnFault, RetryBudget};
use http::StatusCode;
use time::UtcDateTime;

use crate::world::{self, START, count, endpoint, failure, id, new, ok, seconds, status};
use crate::{Answer, ENDPOINTS, LOST_DELAY, OWN_FAULT_DELAY, Operation, RETRY_DELAY, policy};

const SLOTS: usize = 5;
const SHARE: usize = 3;

/// What the witness knows of a delivery, from the calls and the outputs alone.
#[derive(Clone, Debug)]
struct Seen {
    to: u128,
    order: usize,
    round: u32,
    /// Charged attempts of this round.
    charged: u32,
    not_before: UtcDateTime,
    in_flight: Option<u32>,
    ended: bool,
    most_retries: u32,
}

/// What the witness knows of an endpoint.
#[derive(Clone, Debug)]
struct Receiver {
    policy: EndpointPolicy,
    disabled: bool,
    last_sent: Option<UtcDateTime>,
    held_until: UtcDateTime,
}

pub(crate) struct Witness {
    dispatcher: Dispatcher,
    now: UtcDateTime,
    latest: UtcDateTime,
    seen: BTreeMap<u128, Seen>,
    receivers: BTreeMap<u128, Receiver>,
    under_way: Vec<Attempt>,
    answered: Vec<Attempt>,
    endpoint_records: BTreeMap<u128, EndpointRecord>,
    delivery_records: BTreeMap<u128, DeliveryRecord>,
    intended: Option<(u128, u32)>,
    enqueued: usize,
    epoch: u64,
    draining: bool,
    wake_at: Option<UtcDateTime>,
}

impl Witness {
    pub(crate) fn new() -> Self {
        let budget = RetryBudget::new(50, 60, 3, START).unwrap();
        let limits = Limits::new(count(5)).with_share_percent(60);
        let mut witness = Self {
            dispatcher: Dispatcher::new(limits, Some(budget), START),
            now: START,
            latest: START,
            seen: BTreeMap::new(),
            receivers: BTreeMap::new(),
            under_way: Vec::new(),
            answered: Vec::new(),
            endpoint_records: BTreeMap::new(),
            delivery_records: BTreeMap::new(),
            intended: None,
            enqueued: 0,
            epoch: 0,
            draining: false,
            wake_at: None,
        };
        for to in 0..ENDPOINTS {
            let policy = policy(u8::try_from(to * 13).unwrap());
            witness.dispatcher.add_endpoint(endpoint(to), policy.clone(), START).unwrap();
            let receiver = Receiver { policy, disabled: false, last_sent: None, held_until: START };
            witness.receivers.insert(to, receiver);
        }
        witness.drain();
        witness
    }

    pub(crate) fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::Enqueue(delivery) => self.enqueue(delivery),
            Operation::Answer(which, answer) => self.answer(which, answer),
            Operation::AnswerTwice(which) => {
                if !self.answered.is_empty() {
                    let again = self.answered[which % self.answered.len()];
                    self.dispatcher.handle_outcome(&again.attempt, &ok(), self.now);
                }
            }
            Operation::Pass(length) => self.pass(length),
            Operation::StepBack(length) => {
                self.now -= seconds(length);
                self.dispatcher.handle_timeout(self.now);
            }
            Operation::Cancel(delivery) => {
                let done = self.dispatcher.cancel(id(delivery), self.now).is_ok();
                assert_eq!(done, self.seen.get(&delivery).is_some_and(|seen| !seen.ended));
            }
            Operation::Redeliver(delivery) => {
                let done = self.dispatcher.redeliver(id(delivery), self.now).is_ok();
                assert_eq!(done, self.seen.contains_key(&delivery));
            }
            Operation::Forget(delivery) => {
                let done = self.dispatcher.forget(id(delivery)).is_ok();
                assert_eq!(done, self.seen.get(&delivery).is_some_and(|seen| seen.ended));
                if done {
                    self.seen.remove(&delivery);
                    self.delivery_records.remove(&delivery);
                }
            }
            Operation::Disable(to) => {
                self.dispatcher.disable(endpoint(to), self.now).unwrap();
                self.receivers.get_mut(&to).unwrap().disabled = true;
            }
            Operation::Enable(to) => {
                self.dispatcher.enable(endpoint(to), self.now).unwrap();
                self.receivers.get_mut(&to).unwrap().disabled = false;
            }
            Operation::Policy(to, kind) => {
                self.dispatcher.update_policy(endpoint(to), policy(kind), self.now).unwrap();
                self.receivers.get_mut(&to).unwrap().policy = policy(kind);
            }
            Operation::Snapshot => {
                let json = serde_json::to_vec(&self.dispatcher.snapshot()).unwrap();
                let snapshot = gymhook_delivery::Snapshot::from_json(&json).unwrap();
                self.dispatcher = Dispatcher::restore(snapshot).unwrap();
            }
            Operation::Crash => self.crash(),
            Operation::Drain(draining) => {
                self.draining = draining;
                if draining { self.dispatcher.drain() } else { self.dispatcher.resume() }
            }
        }
        self.latest = self.latest.max(self.now);
        self.drain();
    }

    fn enqueue(&mut self, delivery: u128) {
        let _ = self.dispatcher.enqueue(new(delivery, delivery % ENDPOINTS), self.now).unwrap();
        if !self.seen.contains_key(&delivery) {
            self.enqueued += 1;
            let to = delivery % ENDPOINTS;
            let most_retries = self.receivers[&to].policy.retry().schedule().retries();
            self.seen.insert(
                delivery,
                Seen {
                    to,
                    order: self.enqueued,
                    round: 1,
                    charged: 0,
                    not_before: UtcDateTime::MIN,
                    in_flight: None,
                    ended: false,
                    most_retries,
                },
            );
        }
    }

    fn answer(&mut self, which: usize, answer: Answer) {
        if self.under_way.is_empty() {
            return;
        }
        let attempt = self.under_way.remove(which % self.under_way.len());
        self.answered.push(attempt);
        let outcome = match answer {
            Answer::Accepted => ok(),
            Answer::Failed => failure(),
            Answer::Gone => status(StatusCode::GONE),
            Answer::AskedToWait(length) => {
                world::asks_to_wait(StatusCode::TOO_MANY_REQUESTS, self.now + seconds(length))
            }
            Answer::OurFault => Outcome::Internal(OwnFault::Network),
            Answer::Lost => return,
        };
        let current = self.is_current(&attempt);
        self.latest = self.latest.max(self.now);
        let wait = if matches!(answer, Answer::OurFault) { OWN_FAULT_DELAY } else { RETRY_DELAY };
        if current {
            self.landed(&attempt, wait, !matches!(answer, Answer::OurFault));
        }
        if let (true, Answer::AskedToWait(length)) = (current, answer)
            && let Some(receiver) = self.receivers.get_mut(&(attempt.attempt.endpoint.as_uuid().as_u128()))
        {
            receiver.held_until = receiver.held_until.max(self.now + seconds(length));
        }
        self.dispatcher.handle_outcome(&attempt.attempt, &outcome, self.now);
    }

    /// Whether the witness believes that this attempt is under way.
    fn is_current(&self, attempt: &Attempt) -> bool {
        let seen = self.seen.get(&attempt.attempt.delivery.as_uuid().as_u128());
        attempt.attempt.lease == LeaseEpoch::new(self.epoch)
            && seen.is_some_and(|seen| seen.in_flight == Some(attempt.attempt.send))
    }

    fn landed(&mut self, attempt: &Attempt, wait: Duration, charged: bool) {
        if let Some(seen) = self.seen.get_mut(&attempt.attempt.delivery.as_uuid().as_u128()) {
            seen.in_flight = None;
            seen.not_before = self.latest + wait;
            seen.charged += u32::from(charged);
            let retries = self.receivers[&seen.to].policy.retry().schedule().retries();
            seen.most_retries = seen.most_retries.max(retries);
        }
    }

    fn pass(&mut self, length: u64) {
        let until = self.now + seconds(length);
        while let Some(at) = self.wake_at.filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.latest = self.latest.max(self.now);
            self.dispatcher.handle_timeout(self.now);
            self.drain();
        }
        self.now = until;
        self.latest = self.latest.max(self.now);
        self.dispatcher.handle_timeout(until);
    }

    /// Everything but the latest records is gone, and somebody else takes over.
    fn crash(&mut self) {
        self.epoch += 1;
        self.draining = false;
        self.answered.append(&mut self.under_way);
        let budget = RetryBudget::new(50, 60, 3, self.latest).unwrap();
        let limits = self.dispatcher.limits().clone();
        self.dispatcher = Dispatcher::new(limits, Some(budget), self.latest);
        let records: Vec<EndpointRecord> = self.endpoint_records.values().copied().collect();
        for record in records {
            let policy = self.receivers[&record.id.as_uuid().as_u128()].policy.clone();
            let epoch = LeaseEpoch::new(self.epoch);
            self.dispatcher.restore_endpoint(&record, policy, epoch, self.now).unwrap();
        }
        let records: Vec<DeliveryRecord> = self.delivery_records.values().copied().collect();
        for record in records {
            let delivery = record.id.as_uuid().as_u128();
            let _ = self.dispatcher.restore_delivery(&record, self.now).unwrap();
            if let Some(attempt) =
                self.answered.iter().rev().find(|old| old.attempt.delivery == record.id).copied()
                && self.seen[&delivery].in_flight.is_some()
            {
                self.landed(&attempt, LOST_DELAY / 2, true);
            }
        }
    }

    fn drain(&mut self) {
        loop {
            match self.dispatcher.poll_output() {
                Output::Record(record) => self.recorded(&record),
                Output::Attempt(attempt) => self.sent(&attempt),
                Output::WakeAt(at) => {
                    assert!(at.is_none_or(|at| at > self.latest), "a wake-up that is over");
                    self.wake_at = at;
                    break;
                }
            }
        }
        for (delivery, seen) in &self.seen {
            assert!(
                self.dispatcher.delivery(id(*delivery)).is_some(),
                "delivery {delivery} is lost: {seen:?}"
            );
        }
    }

    fn recorded(&mut self, record: &Record) {
        match record {
            Record::Delivery { change, delivery } => self.stepped(*change, delivery),
            Record::Endpoint { change, endpoint } => {
                let to = endpoint.id.as_uuid().as_u128();
                self.endpoint_records.insert(to, *endpoint);
                if let EndpointChange::Disabled { .. } = change {
                    self.receivers.get_mut(&to).unwrap().disabled = true;
                }
            }
            Record::LateAnswer(_) => {}
        }
    }

    fn stepped(&mut self, change: DeliveryChange, record: &DeliveryRecord) {
        let delivery = record.id.as_uuid().as_u128();
        self.delivery_records.insert(delivery, *record);
        let latest = self.latest;
        let seen = self.seen.get_mut(&delivery).expect("it was enqueued");
        match change {
            DeliveryChange::Enqueued | DeliveryChange::CancelNoted | DeliveryChange::RedeliveryNoted => {}
            DeliveryChange::AttemptBegan => self.intended = Some((delivery, record.sends)),
            DeliveryChange::RetryScheduled { .. } | DeliveryChange::Ended(_) if seen.in_flight.is_some() => {
                // Nobody answered: it was lost, which is charged.
                seen.in_flight = None;
                seen.charged += 1;
                seen.not_before = latest + LOST_DELAY / 2;
                seen.most_retries =
                    seen.most_retries.max(self.receivers[&seen.to].policy.retry().schedule().retries());
                seen.ended = matches!(change, DeliveryChange::Ended(_));
            }
            DeliveryChange::RetryScheduled { .. } => {}
            DeliveryChange::Ended(end) => {
                assert!(!seen.ended, "a second end of round {}: {end:?}", seen.round);
                assert!(end != End::Delivered || seen.charged > 0);
                seen.ended = true;
            }
            DeliveryChange::RoundOpened => {
                assert!(seen.ended, "a round begins before the last one ended");
                seen.round += 1;
                seen.ended = false;
                seen.charged = 0;
                seen.not_before = UtcDateTime::MIN;
                seen.most_retries = self.receivers[&seen.to].policy.retry().schedule().retries();
            }
        }
        assert_eq!(self.seen[&delivery].round, record.round.get());
    }

    fn sent(&mut self, attempt: &Attempt) {
        let delivery = attempt.attempt.delivery.as_uuid().as_u128();
        assert_eq!(self.intended.take(), Some((delivery, attempt.attempt.send)), "sent without intent");
        assert!(!self.draining, "sent while draining");
        let seen = self.seen[&delivery].clone();
        let receiver = &self.receivers[&seen.to];
        assert!(!receiver.disabled, "sent to a disabled endpoint");
        assert!(seen.in_flight.is_none() && !seen.ended, "{seen:?}");
        assert!(self.latest >= seen.not_before, "early: {} before {}", self.latest, seen.not_before);
        assert!(self.latest >= receiver.held_until, "early: the endpoint asked to wait");
        assert!(seen.charged <= seen.most_retries, "too many attempts: {seen:?}");
        if let (Some(rate), Some(last)) = (receiver.policy.rate(), receiver.last_sent) {
            assert!(self.latest >= last + rate.interval(), "faster than the rate");
        }
        if receiver.policy.is_ordered() {
            let older = self
                .seen
                .values()
                .any(|other| other.to == seen.to && !other.ended && other.order < seen.order);
            assert!(!older, "delivery {delivery} overtakes");
        }
        let limit = receiver.policy.max_in_flight().get() as usize;
        let rated = receiver.policy.rate().is_some();
        self.seen.get_mut(&delivery).unwrap().in_flight = Some(attempt.attempt.send);
        // A rate that is switched on counts from the first attempt under it.
        self.receivers.get_mut(&seen.to).unwrap().last_sent = rated.then_some(self.latest);
        self.under_way.push(*attempt);
        let flying = |to: Option<u128>| {
            self.seen
                .values()
                .filter(|seen| seen.in_flight.is_some() && to.is_none_or(|to| seen.to == to))
                .count()
        };
        assert!(flying(Some(seen.to)) <= limit.min(SHARE) && flying(None) <= SLOTS, "too many at once");
        assert_eq!(self.dispatcher.in_flight(), flying(None));
    }

    /// Everything is switched on and answers well: then everything ends, moved by wake-ups alone.
    pub(crate) fn settle(&mut self) {
        self.now = self.now.max(self.latest);
        self.perform(Operation::Drain(false));
        for to in 0..ENDPOINTS {
            self.perform(Operation::Enable(to));
        }
        for _ in 0..2_000 {
            while !self.under_way.is_empty() {
                self.perform(Operation::Answer(0, Answer::Accepted));
            }
            let Some(at) = self.wake_at else { break };
            self.now = at;
            self.latest = self.latest.max(at);
            self.dispatcher.handle_timeout(at);
            self.drain();
        }
        for (delivery, seen) in &self.seen {
            assert!(seen.ended, "delivery {delivery} never ends: {seen:?}");
        }
        assert_eq!((self.wake_at, self.dispatcher.in_flight()), (None, 0));
    }
}
