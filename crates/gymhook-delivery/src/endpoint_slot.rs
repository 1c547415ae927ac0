//! `EndpointSlot`: an endpoint as the dispatcher holds it, with its queue and its place in the schedule.

use crate::budget_queue::BudgetClaim;
use crate::endpoint::Endpoint;
use crate::queue::Queue;
use crate::ready_ring::Links;
use crate::timestamp::Timestamp;

/// An endpoint with its queue and its place in the schedule.
#[derive(Clone, Debug)]
pub(crate) struct EndpointSlot {
    pub(crate) endpoint: Endpoint,
    pub(crate) queue: Queue,
    /// Its place in the order in which endpoints were added: breaks ties between equal times.
    pub(crate) sequence: u64,
    /// Which lane goes first when both have something to send.
    pub(crate) retries_next: bool,
    /// Whether no attempt begins, because it is about to be released.
    pub(crate) is_on_hold: bool,
    pub(crate) readiness: Readiness,
    pub(crate) claim: BudgetClaim,
    /// When to look at it again if nothing happens to it before.
    pub(crate) wake: Option<Timestamp>,
    pub(crate) links: Links,
}

/// Whether an endpoint is in the ring of those that can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Nothing can be sent to it now.
    Idle,
    /// It is in the ring and waits for its turn.
    Ready,
}

impl EndpointSlot {
    pub(crate) fn new(endpoint: Endpoint, sequence: u64) -> Self {
        let queue = Queue::new(endpoint.policy().is_ordered());
        Self {
            endpoint,
            queue,
            sequence,
            retries_next: false,
            is_on_hold: false,
            readiness: Readiness::Idle,
            claim: BudgetClaim::Nothing,
            wake: None,
            links: Links::default(),
        }
    }
}
