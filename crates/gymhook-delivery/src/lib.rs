#![doc = include_str!("../README.md")]

mod breaker;
mod budget_queue;
mod clock;
mod delivery;
mod delivery_state;
mod dispatcher;
mod due_heap;
mod endpoint;
mod endpoint_signal;
mod endpoint_slot;
mod gate;
mod id;
mod in_flight;
mod limits;
mod output;
mod policy;
mod queue;
mod ready_ring;
mod record;
mod slab;
mod timestamp;

pub use breaker::BreakerState;
pub use delivery::Delivery;
pub use delivery_state::{DeliveryState, End, Then, Undeliverable};
pub use dispatcher::{
    AddEndpointError, CancelError, Cancelled, Dispatcher, EnqueueError, Enqueued, ForgetError, HeldBack,
    NewDelivery, RedeliverError, Redelivered, RestoreDeliveryError, RestoredAs, SetAsideError, Snapshot,
    SnapshotError, UnknownEndpoint,
};
pub use endpoint::Endpoint;
pub use id::{BodyDigest, DeliveryId, EndpointId, LeaseEpoch};
pub use limits::Limits;
pub use output::{Attempt, AttemptRef, Output};
pub use policy::{AutoDisable, BreakerPolicy, EndpointPolicy, Rate};
pub use record::{
    AttemptFailure, DeliveryChange, DeliveryRecord, DisableReason, EndpointChange, EndpointRecord,
    EndpointStatus, LateAnswer, LateReason, Record,
};
