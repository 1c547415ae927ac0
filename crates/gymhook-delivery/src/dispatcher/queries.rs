//! The getters of the dispatcher, and `HeldBack`: why an endpoint is held back.

use time::UtcDateTime;

use super::Dispatcher;
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::endpoint_slot::EndpointSlot;
use crate::gate::Gate;
use crate::timestamp::Timestamp;
use crate::{DeliveryId, DeliveryState, DisableReason, EndpointId, EndpointStatus, Limits};

/// Why no attempt is sent to an endpoint now, although deliveries wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeldBack {
    /// It is disabled.
    Disabled {
        /// Why.
        reason: DisableReason,
        /// Since when.
        since: UtcDateTime,
    },
    /// It is ordered, and this delivery must be delivered, given up or cancelled first.
    Behind {
        /// The delivery that blocks the others.
        delivery: DeliveryId,
        /// Its current state.
        state: DeliveryState,
    },
    /// Its breaker is open.
    BreakerOpen {
        /// When a probe may go out.
        until: UtcDateTime,
    },
    /// The breaker's probe is in flight.
    Probing,
    /// It asked to wait.
    AskedToWait {
        /// Until then.
        until: UtcDateTime,
    },
    /// The maximum number of attempts to it is in flight.
    InFlight {
        /// How many.
        attempts: u32,
    },
    /// Its rate limit is used up.
    Rate {
        /// When it allows the next attempt.
        until: UtcDateTime,
    },
    /// No waiting delivery is due.
    NotDue {
        /// When the first one will be due.
        until: UtcDateTime,
    },
    /// Only retries are due, and the retry budget is used up.
    RetryBudget,
    /// All slots are taken; the endpoint waits for its turn.
    Slots,
    /// The machine is [draining](Dispatcher::drain).
    Draining,
    /// It is on [hold](Dispatcher::hold) until it is released.
    OnHold,
}

impl Dispatcher {
    /// An endpoint, if it was added.
    #[must_use]
    pub fn endpoint(&self, endpoint: EndpointId) -> Option<&Endpoint> {
        self.entry(endpoint).map(|entry| &entry.endpoint)
    }

    /// A delivery, if it is held.
    #[must_use]
    pub fn delivery(&self, delivery: DeliveryId) -> Option<&Delivery> {
        self.delivery_slot(delivery).and_then(|slot| self.deliveries.get(slot))
    }

    /// How many deliveries are held, the finished ones included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Whether no delivery is held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.deliveries.len() == 0
    }

    /// How many deliveries wait for this endpoint, including test events but not those in flight.
    #[must_use]
    pub fn waiting(&self, endpoint: EndpointId) -> usize {
        self.entry(endpoint).map_or(0, |entry| entry.queue.waiting())
    }

    /// How many of those are test events, which are sent even if the endpoint is disabled.
    #[must_use]
    pub fn waiting_tests(&self, endpoint: EndpointId) -> usize {
        self.entry(endpoint).map_or(0, |entry| entry.queue.waiting_tests())
    }

    /// When the first delivery that waits for this endpoint is due, or was; of an ordered endpoint, the one that the others wait
    /// for. `None` if none waits.
    #[must_use]
    pub fn first_due(&self, endpoint: EndpointId) -> Option<UtcDateTime> {
        let heads = self.entry(endpoint)?.queue.heads(&self.deliveries);
        [heads.first_attempt, heads.retry, heads.test].into_iter().flatten().min().map(Timestamp::to_utc)
    }

    /// How many attempts are in flight, to all endpoints together.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What all endpoints together may use.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The latest time that was passed to the machine.
    #[must_use]
    pub const fn now(&self) -> UtcDateTime {
        self.now.utc
    }

    /// Why no attempt is sent to an endpoint now, although deliveries wait for it. `None` if none waits, if its turn is next,
    /// or if it was not added. Test events are ignored: of these reasons, they wait only for a slot.
    #[must_use]
    pub fn held_back(&self, endpoint: EndpointId) -> Option<HeldBack> {
        let slot = self.endpoint_slot(endpoint)?;
        let entry =
            self.endpoints.get(slot).filter(|entry| entry.queue.waiting() > entry.queue.waiting_tests())?;
        entry
            .is_on_hold
            .then_some(HeldBack::OnHold)
            .or_else(|| self.held_by_health(&entry.endpoint))
            .or_else(|| self.held_by_order(slot, entry))
            .or_else(|| self.held_by_load(&entry.endpoint))
            .or_else(|| self.held_by_queue(entry))
            .or_else(|| self.draining.then_some(HeldBack::Draining))
            .or_else(|| (!self.may_begin()).then_some(HeldBack::Slots))
    }

    fn held_by_health(&self, endpoint: &Endpoint) -> Option<HeldBack> {
        if let EndpointStatus::Disabled { reason, since } = endpoint.status() {
            return Some(HeldBack::Disabled { reason, since });
        }
        match endpoint.breaker_gate() {
            Gate::Shut => return Some(HeldBack::Probing),
            Gate::From(until) if self.is_to_come(until) => {
                return Some(HeldBack::BreakerOpen { until: until.to_utc() });
            }
            Gate::From(_) => {}
        }
        let until = endpoint.held_until_timestamp();
        self.is_to_come(until).then(|| HeldBack::AskedToWait { until: until.to_utc() })
    }

    fn held_by_order(&self, slot: u32, entry: &EndpointSlot) -> Option<HeldBack> {
        let head = entry.queue.ordered_head(&self.deliveries)?;
        let in_flight =
            self.in_flight.slots().into_iter().find(|flight| self.delivery_endpoint(*flight) == Some(slot));
        let first = in_flight.and_then(|flight| self.deliveries.get(flight)).unwrap_or(head);
        (in_flight.is_some() || self.is_to_come(head.at()))
            .then(|| HeldBack::Behind { delivery: first.id(), state: first.state() })
    }

    fn held_by_load(&self, endpoint: &Endpoint) -> Option<HeldBack> {
        if endpoint.is_at_capacity(&self.limits) {
            return Some(HeldBack::InFlight { attempts: endpoint.in_flight() });
        }
        let until = endpoint.next_token();
        self.is_to_come(until).then(|| HeldBack::Rate { until: until.to_utc() })
    }

    fn held_by_queue(&self, entry: &EndpointSlot) -> Option<HeldBack> {
        let heads = entry.queue.heads(&self.deliveries);
        let first = [heads.first_attempt, heads.retry].into_iter().flatten().min()?;
        if self.is_to_come(first) {
            return Some(HeldBack::NotDue { until: first.to_utc() });
        }
        let only_retries = heads.first_attempt.is_none_or(|due| self.is_to_come(due));
        (only_retries && !self.budget_queue.allows_retry(entry.claim, self.now))
            .then_some(HeldBack::RetryBudget)
    }

    fn is_to_come(&self, at: Timestamp) -> bool {
        at > self.now.reached
    }

    fn entry(&self, endpoint: EndpointId) -> Option<&EndpointSlot> {
        self.endpoint_slot(endpoint).and_then(|slot| self.endpoints.get(slot))
    }
}
