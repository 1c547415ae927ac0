//! The dispatcher, driven as its contract says; what it records is thrown away.

use core::hint::black_box;
use core::num::NonZeroU32;
use core::time::Duration;

use gymhook::delivery::{
    Attempt, BodyDigest, BreakerPolicy, DeliveryId, DeliveryRecord, Dispatcher, EndpointId, EndpointPolicy,
    Enqueued, Limits, NewDelivery, Output, RestoredAs,
};
use gymhook::retry::{AttemptNumber, Jitter, Outcome as Seen, RetryPolicy, RetrySchedule};
use http::StatusCode;
use time::UtcDateTime;
use time::macros::utc_datetime;

use super::{Draws, LONGEST_WAIT, Load, TIMEOUT, Waiting};
use crate::Outcome;

const START: UtcDateTime = utc_datetime!(2026-01-01 00:00);

/// A dispatcher in which deliveries wait.
#[derive(Debug)]
pub struct Machine {
    dispatcher: Dispatcher,
    draws: Draws,
    endpoints: u64,
    step: Duration,
    now: UtcDateTime,
}

impl Machine {
    /// With the endpoints of this load, and nothing that waits.
    ///
    /// # Errors
    /// If the dispatcher refuses one.
    pub fn empty(load: &Load) -> Outcome<Self> {
        let mut dispatcher = Dispatcher::new(Limits::new(count(1_000)), None, START);
        for endpoint in 0..load.endpoints {
            dispatcher.add_endpoint(endpoint_name(endpoint), policy(), START)?;
            discard_outputs(&mut dispatcher);
        }
        let draws = Draws::new(load);
        Ok(Self { dispatcher, draws, endpoints: load.endpoints, step: load.step(), now: START })
    }

    /// Filled with this load.
    ///
    /// # Errors
    /// If the dispatcher refuses any of it.
    pub fn new(load: &Load) -> Outcome<Self> {
        let mut machine = Self::empty(load)?;
        machine.fill(load.waiting)?;
        Ok(machine)
    }

    /// Lets this number of deliveries wait, every second one for a retry.
    ///
    /// # Errors
    /// If the dispatcher refuses one.
    pub fn fill(&mut self, deliveries: u64) -> Outcome<()> {
        for order in 0..deliveries {
            if order.is_multiple_of(2) {
                self.enqueue()?;
            } else {
                self.restore_retry(order)?;
            }
            discard_outputs(&mut self.dispatcher);
        }
        Ok(())
    }

    fn enqueue(&mut self) -> Outcome<()> {
        let not_before = Some(self.now + self.draws.wait());
        let (id, endpoint) = self.address();
        let new = NewDelivery::new(id, endpoint, BodyDigest::new([0; 32])).with_not_before(not_before);
        match self.dispatcher.enqueue(new, self.now)? {
            Enqueued::New => Ok(()),
            Enqueued::Duplicate { .. } => Err("a name came twice".into()),
        }
    }

    fn restore_retry(&mut self, order: u64) -> Outcome<()> {
        let due = self.now + self.draws.wait();
        let (id, endpoint) = self.address();
        let record = DeliveryRecord {
            attempt: AttemptNumber::FIRST.next(),
            sends: 1,
            first_failure: Some(self.now),
            ..DeliveryRecord::new(id, endpoint, BodyDigest::new([0; 32]), order, due)
        };
        match self.dispatcher.restore_delivery(&record, self.now)? {
            RestoredAs::Recorded => Ok(()),
            RestoredAs::AttemptLost => Err("nothing was under way".into()),
        }
    }

    fn address(&mut self) -> (DeliveryId, EndpointId) {
        (self.draws.name(), endpoint_name(self.draws.random.u64(..self.endpoints)))
    }

    fn answer(&mut self, attempt: &Attempt) -> Outcome<()> {
        if !attempt.number.is_retry() {
            self.dispatcher.handle_outcome(&attempt.attempt, &TIMEOUT, self.now);
            return Ok(());
        }
        self.dispatcher.handle_outcome(&attempt.attempt, &Seen::response(StatusCode::OK), self.now);
        self.enqueue()
    }
}

impl Waiting for Machine {
    fn attempt(&mut self, attempts: u64) -> Outcome<u64> {
        let mut made = 0;
        while made < attempts {
            self.now += self.step;
            self.dispatcher.handle_timeout(self.now);
            loop {
                match self.dispatcher.poll_output() {
                    Output::Attempt(attempt) => {
                        self.answer(&attempt)?;
                        made += 1;
                    }
                    Output::Record(record) => {
                        black_box(&record);
                    }
                    Output::WakeAt(at) => {
                        black_box(at);
                        break;
                    }
                }
            }
        }
        Ok(made)
    }

    fn forget(&mut self) {
        black_box(self.dispatcher.forget_finished(self.now + Duration::from_secs(1)));
    }
}

/// Retries within an hour; the breaker counts and never opens.
fn policy() -> EndpointPolicy {
    let retry = RetryPolicy::new(RetrySchedule::constant(LONGEST_WAIT, 5)).with_jitter(Jitter::Full);
    let breaker = BreakerPolicy::new(NonZeroU32::MAX, Duration::from_secs(30), Duration::from_secs(120));
    EndpointPolicy::new(retry).with_breaker(Some(breaker))
}

fn discard_outputs(dispatcher: &mut Dispatcher) {
    while !matches!(black_box(dispatcher.poll_output()), Output::WakeAt(_)) {}
}

/// A name without order, the same each time.
fn endpoint_name(number: u64) -> EndpointId {
    EndpointId::from_u128(fastrand::Rng::with_seed(number).u128(..))
}

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(number - 1)
}
