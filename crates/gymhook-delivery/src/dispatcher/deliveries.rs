//! Commands for single deliveries, except redelivery: `enqueue` of a `NewDelivery`, `send_test`, `cancel` and
//! `forget`, with their errors.

use std::collections::btree_map::Entry;

use time::UtcDateTime;

use super::Dispatcher;
use crate::delivery::{Delivery, Phase};
use crate::timestamp::Timestamp;
use crate::{BodyDigest, DeliveryChange, DeliveryId, DeliveryState, End, EndpointId};

/// A notification to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewDelivery {
    /// Its id: the idempotency key in all attempts.
    pub id: DeliveryId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// The digest of its body.
    pub body: BodyDigest,
    /// The earliest time of its first attempt; `None` means at once.
    pub not_before: Option<UtcDateTime>,
}

impl NewDelivery {
    /// A notification whose first attempt is due at once.
    #[must_use]
    pub const fn new(id: DeliveryId, endpoint: EndpointId, body: BodyDigest) -> Self {
        Self { id, endpoint, body, not_before: None }
    }

    /// The same notification, with no attempt before this time; `None` means at once.
    #[must_use]
    pub const fn with_not_before(self, not_before: Option<UtcDateTime>) -> Self {
        Self { not_before, ..self }
    }
}

/// The result of enqueueing a notification.
///
/// Exhaustive on purpose: it is new, or it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Enqueued {
    /// It is a new delivery.
    New,
    /// The same delivery was enqueued before; nothing has changed.
    Duplicate {
        /// Its current state.
        state: DeliveryState,
    },
}

/// The result of cancelling a delivery.
///
/// Exhaustive on purpose: it took effect, or it waits for the attempt in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Cancelled {
    /// It has ended.
    Now,
    /// An attempt is in flight and cannot be recalled: if it fails, the delivery ends.
    AfterAttempt,
}

impl Dispatcher {
    /// Enqueues a notification for delivery. It may go to a disabled endpoint, where it waits until the endpoint is enabled.
    ///
    /// Enqueueing a delivery that is already held, finished or not, changes nothing and returns [`Enqueued::Duplicate`].
    ///
    /// # Errors
    ///
    /// Each is the caller's mistake:
    ///
    /// - [`EnqueueError::UnknownEndpoint`]: the endpoint was never added.
    /// - [`EnqueueError::Conflict`]: the id is that of another body, or of a delivery to another endpoint.
    /// - [`EnqueueError::Full`]: over four billion deliveries are held.
    ///
    /// # Examples
    ///
    /// ```
    /// # use core::num::NonZeroU32;
    /// # use gymhook_delivery::{BodyDigest, DeliveryId, Dispatcher, EndpointId, EndpointPolicy, Enqueued, Limits, NewDelivery};
    /// # use gymhook_retry::{RetryPolicy, RetrySchedule};
    /// # use time::macros::utc_datetime;
    /// let now = utc_datetime!(2026-01-01 12:00);
    /// let mut dispatcher = Dispatcher::new(Limits::new(NonZeroU32::new(100).unwrap()), None, now);
    /// let endpoint = EndpointId::from_u128(1);
    /// dispatcher.add_endpoint(endpoint, EndpointPolicy::new(RetryPolicy::new(RetrySchedule::never())), now)?;
    ///
    /// let new = NewDelivery::new(DeliveryId::from_u128(7), endpoint, BodyDigest::new([1; 32]));
    /// assert_eq!(dispatcher.enqueue(new, now)?, Enqueued::New);
    /// assert!(matches!(dispatcher.enqueue(new, now)?, Enqueued::Duplicate { .. }));
    ///
    /// let other = NewDelivery::new(new.id, endpoint, BodyDigest::new([2; 32]));
    /// assert!(dispatcher.enqueue(other, now).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enqueue(&mut self, new: NewDelivery, now: UtcDateTime) -> Result<Enqueued, EnqueueError> {
        self.now.advance(now);
        let entry = self
            .endpoint_slot(new.endpoint)
            .ok_or(EnqueueError::UnknownEndpoint { endpoint: new.endpoint })?;
        self.take_over(new, entry, false)
    }

    /// Sends a test event: a delivery with one attempt a round, whose end says nothing about its endpoint.
    ///
    /// It is sent even to a disabled endpoint, so that the endpoint can be tested before it is enabled; despite an open breaker
    /// and a `Retry-After`; and, at an ordered endpoint, before everything older. It waits for its turn, a slot and its
    /// endpoint's rate.
    ///
    /// # Errors
    ///
    /// As for [`Dispatcher::enqueue`].
    pub fn send_test(&mut self, new: NewDelivery, now: UtcDateTime) -> Result<Enqueued, EnqueueError> {
        self.now.advance(now);
        let entry = self
            .endpoint_slot(new.endpoint)
            .ok_or(EnqueueError::UnknownEndpoint { endpoint: new.endpoint })?;
        self.take_over(new, entry, true)
    }

    fn take_over(&mut self, new: NewDelivery, entry: u32, test: bool) -> Result<Enqueued, EnqueueError> {
        let is_same =
            |held: &&Delivery| held.body() == new.body && held.endpoint() == entry && held.is_test() == test;
        let vacancy = match self.by_id.entry(new.id) {
            Entry::Vacant(vacancy) => vacancy,
            Entry::Occupied(taken) => {
                let held = self.deliveries.get(*taken.get()).filter(is_same);
                let duplicate = held.map(|held| Enqueued::Duplicate { state: held.state() });
                return duplicate.ok_or(EnqueueError::Conflict { delivery: new.id });
            }
        };
        let due = new.not_before.map_or(self.now.reached, Timestamp::ceil).max(self.now.reached);
        let delivery = Delivery::new(new.id, new.body, self.next_sequence, entry, due, test);
        let slot = self.deliveries.insert(delivery).ok_or(EnqueueError::Full)?;
        vacancy.insert(slot);
        self.next_sequence = self.next_sequence.saturating_add(1);
        self.insert_into_queue(slot);
        self.record_delivery(slot, DeliveryChange::Enqueued);
        self.settle(entry);
        Ok(Enqueued::New)
    }

    /// Ends a waiting delivery; one in flight ends if its attempt fails.
    ///
    /// # Errors
    ///
    /// - [`CancelError::Unknown`]: no such delivery is held.
    /// - [`CancelError::Finished`]: it has already ended.
    pub fn cancel(&mut self, delivery: DeliveryId, now: UtcDateTime) -> Result<Cancelled, CancelError> {
        self.now.advance(now);
        let reached = self.now.reached;
        let slot = self.delivery_slot(delivery).ok_or(CancelError::Unknown { delivery })?;
        let phase =
            self.deliveries.get(slot).map(Delivery::phase).ok_or(CancelError::Unknown { delivery })?;
        let (change, cancelled) = match phase {
            Phase::Finished(end) => return Err(CancelError::Finished { delivery, end }),
            Phase::Waiting => (DeliveryChange::Ended(End::Cancelled), Cancelled::Now),
            Phase::InFlight(_) => (DeliveryChange::CancelNoted, Cancelled::AfterAttempt),
        };
        self.remove_from_queue(slot);
        if self.deliveries.get_mut(slot).is_some_and(|delivery| delivery.cancel(reached).is_ok()) {
            self.record_delivery(slot, change);
        }
        self.insert_into_queue(slot);
        self.settle_endpoint_of(slot);
        Ok(cancelled)
    }

    /// Drops a finished delivery. The dispatcher then no longer knows its id: a duplicate is not recognised, and redelivery
    /// needs [`Dispatcher::restore_delivery`] first.
    ///
    /// # Errors
    ///
    /// - [`ForgetError::Unknown`]: no such delivery is held.
    /// - [`ForgetError::Unfinished`]: it has not ended, and the dispatcher never drops an unfinished delivery.
    pub fn forget(&mut self, delivery: DeliveryId) -> Result<(), ForgetError> {
        let slot = self.delivery_slot(delivery).ok_or(ForgetError::Unknown { delivery })?;
        let phase = self.deliveries.get(slot).map(Delivery::phase);
        if !matches!(phase, Some(Phase::Finished(_))) {
            return Err(ForgetError::Unfinished { delivery });
        }
        self.remove_from_queue(slot);
        self.drop_delivery(slot);
        Ok(())
    }

    /// Drops every delivery that finished before `before`, as [`Dispatcher::forget`] does, and returns their number.
    pub fn forget_finished(&mut self, before: UtcDateTime) -> usize {
        let before = Timestamp::floor(before);
        let endpoints: Vec<u32> = self.endpoints_by_id.values().copied().collect();
        let mut forgotten = 0;
        for entry in endpoints {
            while let Some(slot) = self.pop_finished(entry, before) {
                self.drop_delivery(slot);
                forgotten += 1;
            }
        }
        forgotten
    }

    fn pop_finished(&mut self, entry: u32, before: Timestamp) -> Option<u32> {
        self.endpoints.get_mut(entry)?.queue.pop_finished(before, &mut self.deliveries)
    }

    pub(super) fn drop_delivery(&mut self, slot: u32) {
        if let Some(delivery) = self.deliveries.remove(slot) {
            self.by_id.remove(&delivery.id());
        }
    }

    pub(super) fn delivery_slot(&self, delivery: DeliveryId) -> Option<u32> {
        self.by_id.get(&delivery).copied()
    }

    pub(super) fn settle_endpoint_of(&mut self, slot: u32) {
        if let Some(entry) = self.delivery_endpoint(slot) {
            self.settle(entry);
        }
    }
}

/// Why a notification was not enqueued. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueError {
    /// The endpoint was never added.
    #[error("there is no endpoint {endpoint}: add or restore it first")]
    UnknownEndpoint {
        /// The requested endpoint.
        endpoint: EndpointId,
    },
    /// The id is that of another body, or of a delivery to another endpoint.
    #[error("delivery {delivery} is already held, with another body, endpoint or purpose")]
    Conflict {
        /// The id.
        delivery: DeliveryId,
    },
    /// Over four billion deliveries are held.
    #[error("the dispatcher cannot hold more deliveries: forget finished ones")]
    Full,
}

/// Why a delivery was not cancelled. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CancelError {
    /// No such delivery is held.
    #[error("there is no delivery {delivery}")]
    Unknown {
        /// The requested id.
        delivery: DeliveryId,
    },
    /// It has already ended.
    #[error("delivery {delivery} has already ended")]
    Finished {
        /// The delivery.
        delivery: DeliveryId,
        /// How it ended.
        end: End,
    },
}

/// Why a delivery was not dropped. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForgetError {
    /// No such delivery is held.
    #[error("there is no delivery {delivery}")]
    Unknown {
        /// The requested id.
        delivery: DeliveryId,
    },
    /// It has not ended.
    #[error("delivery {delivery} has not ended: cancel it, or set it aside")]
    Unfinished {
        /// The delivery.
        delivery: DeliveryId,
    },
}
