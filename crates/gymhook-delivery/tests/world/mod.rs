//! A driver with virtual time: it drains the machine, keeps what is recorded and answers attempts when it is told to.

#![allow(dead_code, reason = "each test file uses its own part")]

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_delivery::{
    Attempt, AutoDisable, BodyDigest, DeliveryChange, DeliveryId, Dispatcher, End, EndpointChange,
    EndpointId, EndpointPolicy, Enqueued, LateReason, Limits, NewDelivery, Output, Record,
};
use gymhook_retry::{Classify, Fault, Outcome, RetryAfter, RetryBudget, RetryPolicy, RetrySchedule};
use http::StatusCode;
use time::UtcDateTime;
use time::macros::utc_datetime;

pub(crate) const START: UtcDateTime = utc_datetime!(2026-01-01 00:00);

pub(crate) struct World {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) now: UtcDateTime,
    pub(crate) journal: Vec<Record>,
    /// Attempts started and not answered yet.
    pub(crate) under_way: Vec<Attempt>,
    /// Every attempt ever started, and when.
    pub(crate) sent: Vec<(UtcDateTime, Attempt)>,
    pub(crate) wake_at: Option<UtcDateTime>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Limits::new(count(1_000)), None)
    }

    pub(crate) fn with(limits: Limits, budget: Option<RetryBudget>) -> Self {
        Self::around(Dispatcher::new(limits, budget, START))
    }

    pub(crate) fn around(dispatcher: Dispatcher) -> Self {
        let now = dispatcher.now();
        Self { dispatcher, now, journal: Vec::new(), under_way: Vec::new(), sent: Vec::new(), wake_at: None }
    }

    /// With endpoint 1, which retries three times, after 10 s each, and has neither breaker nor auto-disable.
    pub(crate) fn plain() -> Self {
        let mut world = Self::new();
        world.add(1, plain_policy());
        world
    }

    pub(crate) fn add(&mut self, id: u128, policy: EndpointPolicy) {
        self.dispatcher.add_endpoint(endpoint(id), policy, self.now).unwrap();
        self.drain();
    }

    pub(crate) fn enqueue(&mut self, id: u128, to: u128) {
        let enqueued = self.dispatcher.enqueue(new(id, to), self.now).unwrap();
        assert_eq!(enqueued, Enqueued::New);
        self.drain();
    }

    /// Polls until there is nothing to do, and checks that whatever is sent was written down first.
    pub(crate) fn drain(&mut self) {
        loop {
            match self.dispatcher.poll_output() {
                Output::Record(record) => self.journal.push(record),
                Output::Attempt(attempt) => {
                    assert!(self.intends(&attempt), "an attempt without a record before it: {attempt:?}");
                    self.under_way.push(attempt);
                    self.sent.push((self.now, attempt));
                }
                Output::WakeAt(at) => {
                    self.wake_at = at;
                    return;
                }
            }
        }
    }

    fn intends(&self, attempt: &Attempt) -> bool {
        self.journal.iter().rev().any(|record| {
            matches!(record, Record::Delivery { change: DeliveryChange::AttemptBegan, delivery }
                if delivery.id == attempt.attempt.delivery && delivery.sends == attempt.attempt.send)
        })
    }

    /// Answers the attempt under way of this delivery.
    pub(crate) fn answer(&mut self, delivery: u128, outcome: Outcome) -> Attempt {
        let at = self.under_way.iter().position(|attempt| attempt.attempt.delivery == id(delivery));
        let attempt = self.under_way.remove(at.expect("it is under way"));
        self.dispatcher.handle_outcome(&attempt.attempt, &outcome, self.now);
        self.drain();
        attempt
    }

    /// Answers everything under way.
    pub(crate) fn answer_all(&mut self, outcome: Outcome) {
        for attempt in core::mem::take(&mut self.under_way) {
            self.dispatcher.handle_outcome(&attempt.attempt, &outcome, self.now);
            self.drain();
        }
    }

    /// Lets this much time pass, with every wake-up on the way.
    pub(crate) fn pass(&mut self, length: Duration) {
        let until = self.now + length;
        while let Some(at) = self.wake_at.filter(|at| *at <= until) {
            assert!(at > self.now, "a wake-up at {at} that does not move on from {}", self.now);
            self.now = at;
            self.dispatcher.handle_timeout(at);
            self.drain();
        }
        self.now = until;
        self.dispatcher.handle_timeout(until);
        self.drain();
    }

    pub(crate) fn pass_seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// Goes to the next wake-up.
    pub(crate) fn wake(&mut self) {
        let at = self.wake_at.expect("there is a wake-up");
        self.pass(Duration::try_from(at - self.now).unwrap_or(Duration::ZERO));
    }

    /// The deliveries of which an attempt is under way.
    pub(crate) fn flying(&self) -> Vec<u128> {
        self.under_way.iter().map(|attempt| attempt.attempt.delivery.as_uuid().as_u128()).collect()
    }

    /// The deliveries in the order in which they were ever sent.
    pub(crate) fn sent_ids(&self) -> Vec<u128> {
        self.sent.iter().map(|(_, attempt)| attempt.attempt.delivery.as_uuid().as_u128()).collect()
    }

    /// How far from the start each attempt was sent, in seconds.
    pub(crate) fn sent_at(&self) -> Vec<i64> {
        self.sent.iter().map(|(at, _)| (*at - START).whole_seconds()).collect()
    }

    /// How this delivery's rounds ended.
    pub(crate) fn ends(&self, delivery: u128) -> Vec<End> {
        let ends = self.steps(delivery);
        ends.into_iter()
            .filter_map(|change| if let DeliveryChange::Ended(end) = change { Some(end) } else { None })
            .collect()
    }

    /// This delivery's steps.
    pub(crate) fn steps(&self, delivery: u128) -> Vec<DeliveryChange> {
        let step = |record: &Record| match record {
            Record::Delivery { change, delivery: record } if record.id == id(delivery) => Some(*change),
            Record::Delivery { .. } | Record::Endpoint { .. } | Record::LateAnswer(_) => None,
        };
        self.journal.iter().filter_map(step).collect()
    }

    /// What changed about endpoints, except tokens taken.
    pub(crate) fn endpoint_changes(&self) -> Vec<EndpointChange> {
        let change = |record: &Record| match record {
            Record::Endpoint { change, .. } if *change != EndpointChange::TokenTaken => Some(*change),
            Record::Delivery { .. } | Record::Endpoint { .. } | Record::LateAnswer(_) => None,
        };
        self.journal.iter().filter_map(change).collect()
    }

    pub(crate) fn late_answers(&self) -> Vec<LateReason> {
        let late = |record: &Record| match record {
            Record::LateAnswer(late) => Some(late.reason),
            Record::Delivery { .. } | Record::Endpoint { .. } => None,
        };
        self.journal.iter().filter_map(late).collect()
    }
}

/// Three retries, 10 s apart; no breaker, no auto-disable, and never more than 100 at once.
pub(crate) fn plain_policy() -> EndpointPolicy {
    EndpointPolicy::new(retries(3))
        .with_max_in_flight(count(100))
        .with_breaker(None)
        .with_auto_disable(AutoDisable::never())
}

pub(crate) fn retries(retries: u32) -> RetryPolicy {
    RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(10), retries))
        .with_classify(Classify::new().disabling_on_gone())
}

pub(crate) fn new(delivery: u128, to: u128) -> NewDelivery {
    NewDelivery::new(id(delivery), endpoint(to), BodyDigest::new([0; 32]))
}

pub(crate) const fn id(id: u128) -> DeliveryId {
    DeliveryId::from_u128(id)
}

pub(crate) const fn endpoint(id: u128) -> EndpointId {
    EndpointId::from_u128(id)
}

pub(crate) const fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn ok() -> Outcome {
    Outcome::response(StatusCode::OK)
}

pub(crate) const fn failure() -> Outcome {
    Outcome::Failure(Fault::Timeout)
}

pub(crate) const fn status(status: StatusCode) -> Outcome {
    Outcome::response(status)
}

pub(crate) fn asks_to_wait(status: StatusCode, until: UtcDateTime) -> Outcome {
    Outcome::Response { status, retry_after: Some(RetryAfter::from(until)) }
}
