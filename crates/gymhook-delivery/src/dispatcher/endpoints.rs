//! Commands for endpoints: add, restore, hold, release, update, disable, enable, and `drain` of all.

use time::UtcDateTime;

use super::Dispatcher;
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::endpoint_slot::EndpointSlot;
use crate::{DisableReason, EndpointChange, EndpointId, EndpointPolicy, EndpointRecord, LeaseEpoch};

impl Dispatcher {
    /// Adds a new endpoint, without any history.
    ///
    /// It begins with an allowance of one attempt in flight, which grows by one with each success.
    ///
    /// # Errors
    ///
    /// Each is the caller's mistake:
    ///
    /// - [`AddEndpointError::AlreadyHere`]: it was added or restored before; change it with
    ///   [`Dispatcher::update_policy`].
    /// - [`AddEndpointError::Full`]: there are over four billion endpoints.
    pub fn add_endpoint(
        &mut self,
        endpoint: EndpointId,
        policy: EndpointPolicy,
        now: UtcDateTime,
    ) -> Result<(), AddEndpointError> {
        self.now.advance(now);
        let slot = self.insert_endpoint(Endpoint::new(endpoint, policy, LeaseEpoch::default()))?;
        self.record_endpoint(slot, EndpointChange::Added);
        Ok(())
    }

    /// Restores an endpoint from a record, under this lease. Restore its deliveries after it.
    ///
    /// The lease's epoch must be higher than that of every earlier owner: answers under another one count as late. The
    /// endpoint begins again with an allowance of one attempt in flight.
    ///
    /// # Errors
    ///
    /// As for [`Dispatcher::add_endpoint`].
    pub fn restore_endpoint(
        &mut self,
        record: &EndpointRecord,
        policy: EndpointPolicy,
        lease: LeaseEpoch,
        now: UtcDateTime,
    ) -> Result<(), AddEndpointError> {
        self.now.advance(now);
        self.insert_endpoint(Endpoint::taken_over(record, policy, lease))?;
        Ok(())
    }

    /// Begins no attempt for an endpoint any more, not even of a test event, until it is
    /// [released](Dispatcher::release_endpoint): so that it can be released without an attempt in flight. Those that are in
    /// flight go on, and their outcomes count as ever.
    ///
    /// Nothing is recorded, and a [snapshot](Dispatcher::snapshot) does not say it.
    ///
    /// # Errors
    ///
    /// [`UnknownEndpoint`]: no such endpoint is here.
    pub fn hold(&mut self, endpoint: EndpointId, now: UtcDateTime) -> Result<(), UnknownEndpoint> {
        self.now.advance(now);
        let slot = self.endpoint_slot(endpoint).ok_or(UnknownEndpoint { endpoint })?;
        if let Some(entry) = self.endpoints.get_mut(slot) {
            entry.is_on_hold = true;
        }
        self.settle(slot);
        Ok(())
    }

    /// Drops an endpoint and everything held for it, because its lease has ended or is released.
    ///
    /// Nothing is recorded: the next owner restores the earlier records, with the returned record in place of the endpoint's
    /// last one. Answers to attempts in flight will be late. Returns `None` if there is no such endpoint.
    pub fn release_endpoint(&mut self, endpoint: EndpointId, now: UtcDateTime) -> Option<EndpointRecord> {
        self.now.advance(now);
        let slot = self.endpoint_slot(endpoint)?;
        self.leave_ring(slot);
        self.set_wake(slot, None);
        self.drop_claim(slot);
        let flying =
            self.in_flight.slots().into_iter().filter(|flight| self.delivery_endpoint(*flight) == Some(slot));
        for flight in flying.collect::<Vec<_>>() {
            self.in_flight.end(flight, &mut self.deliveries);
            self.drop_delivery(flight);
        }
        let entry = self.endpoints.remove(slot)?;
        self.endpoints_by_id.remove(&endpoint);
        for delivery in entry.queue.slots() {
            self.drop_delivery(delivery);
        }
        Some(entry.endpoint.record())
    }

    /// Replaces the policy of an endpoint.
    ///
    /// Limits apply at once. Earlier decisions stand: a waiting retry keeps its time, and the new retry policy applies from
    /// the next failure.
    ///
    /// # Errors
    ///
    /// [`UnknownEndpoint`]: no such endpoint is here.
    pub fn update_policy(
        &mut self,
        endpoint: EndpointId,
        policy: EndpointPolicy,
        now: UtcDateTime,
    ) -> Result<(), UnknownEndpoint> {
        self.now.advance(now);
        let slot = self.endpoint_slot(endpoint).ok_or(UnknownEndpoint { endpoint })?;
        if let Some(entry) = self.endpoints.get_mut(slot) {
            entry.queue.set_ordered(policy.is_ordered(), &mut self.deliveries);
            entry.endpoint.set_policy(policy);
        }
        self.settle(slot);
        Ok(())
    }

    /// Sends nothing more to an endpoint until it is enabled; attempts in flight may end, and new deliveries wait.
    /// Disabling a disabled endpoint changes nothing.
    ///
    /// # Errors
    ///
    /// [`UnknownEndpoint`]: no such endpoint is here.
    pub fn disable(&mut self, endpoint: EndpointId, now: UtcDateTime) -> Result<(), UnknownEndpoint> {
        self.change_endpoint(endpoint, now, |endpoint, now, changes| {
            endpoint.disable(DisableReason::ByHand, now, changes);
        })
    }

    /// Sends to an endpoint again, including everything that waited; with a breaker, one probe goes first. Enabling an
    /// enabled endpoint changes nothing.
    ///
    /// # Errors
    ///
    /// [`UnknownEndpoint`]: no such endpoint is here.
    pub fn enable(&mut self, endpoint: EndpointId, now: UtcDateTime) -> Result<(), UnknownEndpoint> {
        self.change_endpoint(endpoint, now, Endpoint::enable)
    }

    fn change_endpoint(
        &mut self,
        endpoint: EndpointId,
        now: UtcDateTime,
        change: impl FnOnce(&mut Endpoint, crate::clock::Now, &mut Vec<EndpointChange>),
    ) -> Result<(), UnknownEndpoint> {
        self.now.advance(now);
        let slot = self.endpoint_slot(endpoint).ok_or(UnknownEndpoint { endpoint })?;
        let mut changes = core::mem::take(&mut self.changes);
        if let Some(entry) = self.endpoints.get_mut(slot) {
            change(&mut entry.endpoint, self.now, &mut changes);
        }
        self.record_endpoint_changes(slot, changes);
        self.settle(slot);
        Ok(())
    }

    /// Starts no more attempts, for a graceful shutdown: answers are still accepted until none is in flight.
    pub const fn drain(&mut self) {
        self.draining = true;
    }

    /// Starts attempts again.
    pub const fn resume(&mut self) {
        self.draining = false;
    }

    pub(super) fn insert_endpoint(&mut self, endpoint: Endpoint) -> Result<u32, AddEndpointError> {
        let id = endpoint.id();
        if self.endpoints_by_id.contains_key(&id) {
            return Err(AddEndpointError::AlreadyHere { endpoint: id });
        }
        let slot = self
            .endpoints
            .insert(EndpointSlot::new(endpoint, self.next_endpoint))
            .ok_or(AddEndpointError::Full)?;
        self.next_endpoint += 1;
        self.endpoints_by_id.insert(id, slot);
        Ok(slot)
    }

    pub(super) fn endpoint_slot(&self, endpoint: EndpointId) -> Option<u32> {
        self.endpoints_by_id.get(&endpoint).copied()
    }

    pub(super) fn delivery_endpoint(&self, slot: u32) -> Option<u32> {
        self.deliveries.get(slot).map(Delivery::endpoint)
    }
}

/// The endpoint is unknown to this dispatcher. The caller's mistake. Exhaustive on purpose: nothing can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no endpoint {endpoint}: add or restore it first")]
pub struct UnknownEndpoint {
    /// The endpoint asked for.
    pub endpoint: EndpointId,
}

/// Why an endpoint was not added. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddEndpointError {
    /// It was added or restored before.
    #[error("endpoint {endpoint} was already added: update its policy instead")]
    AlreadyHere {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// There are over four billion endpoints.
    #[error("the dispatcher cannot hold more endpoints")]
    Full,
}
