//! `Output`, what the machine tells its driver: an `Attempt` to make, a record to store, or when to wake it.

use core::num::NonZeroU32;

use gymhook_retry::AttemptNumber;
use serde::{Deserialize, Serialize};
use time::UtcDateTime;

use crate::{DeliveryId, EndpointId, LeaseEpoch, Record};

/// What the driver must do next. Exhaustive on purpose: a driver must handle all three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Send this one request, and report its outcome to
    /// [`Dispatcher::handle_outcome`](crate::Dispatcher::handle_outcome).
    ///
    /// All records that came before it must be durable first.
    Attempt(Attempt),
    /// Make this durable.
    Record(Record),
    /// There is nothing to do: call [`Dispatcher::handle_timeout`](crate::Dispatcher::handle_timeout) at this time, or
    /// never if `None`, unless something happens before.
    WakeAt(#[serde(with = "crate::timestamp::as_micros::option")] Option<UtcDateTime>),
}

/// One request to be sent.
///
/// Exhaustive on purpose: a driver's tests build one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The reference to report its outcome under.
    pub attempt: AttemptRef,
    /// Its delivery's [sequence number](crate::DeliveryRecord::sequence).
    pub sequence: u64,
    /// Its number in its round, as the retry policy counts; it is repeated after an internal fault.
    pub number: AttemptNumber,
    /// Its round: 1, and one more for each redelivery.
    pub round: NonZeroU32,
    /// Its deadline, which includes connecting, sending and the whole answer.
    #[serde(with = "crate::timestamp::as_micros")]
    pub deadline: UtcDateTime,
    /// Whether it is a test event.
    pub test: bool,
    /// Whether it is a breaker's probe.
    pub probe: bool,
}

/// Which request of which delivery, sent under which lease: never the same twice.
///
/// Exhaustive on purpose: a driver that stores it must store every part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptRef {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// The number of this request among those of the delivery, over all rounds, from 1.
    pub send: u32,
    /// The lease on the endpoint under which it was sent.
    pub lease: LeaseEpoch,
}
