//! `restore_delivery`: restores deliveries from their records; `set_aside`: drops one from memory again. With their
//! errors.

use gymhook_retry::Outcome;
use time::UtcDateTime;

use super::Dispatcher;
use crate::delivery::{Delivery, Phase};
use crate::{DeliveryId, DeliveryRecord, EndpointId};

/// How a delivery was restored.
///
/// Exhaustive on purpose: an attempt was in flight, or none was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum RestoredAs {
    /// As its record says.
    Recorded,
    /// Its record says that an attempt was in flight. Its outcome is unknown, so it counts as lost: it is charged,
    /// and the records that follow say what comes next.
    AttemptLost,
}

impl Dispatcher {
    /// Restores a delivery from its last record. Its endpoint must be restored first.
    ///
    /// Any subset of an endpoint's deliveries can be restored; of an ordered endpoint it must be the oldest ones.
    ///
    /// # Errors
    ///
    /// Each is the caller's mistake:
    ///
    /// - [`RestoreDeliveryError::UnknownEndpoint`]: its endpoint is unknown.
    /// - [`RestoreDeliveryError::AlreadyHeld`]: it is held; nothing has changed.
    /// - [`RestoreDeliveryError::Full`]: over four billion deliveries are held.
    pub fn restore_delivery(
        &mut self,
        record: &DeliveryRecord,
        now: UtcDateTime,
    ) -> Result<RestoredAs, RestoreDeliveryError> {
        self.now.advance(now);
        let slot = self.insert_recorded(record)?;
        if self.deliveries.get(slot).is_none_or(|delivery| !matches!(delivery.phase(), Phase::InFlight(_))) {
            self.settle_endpoint_of(slot);
            return Ok(RestoredAs::Recorded);
        }
        self.attempt_ended(slot, &Outcome::Crashed);
        Ok(RestoredAs::AttemptLost)
    }

    /// Drops a waiting delivery whose record is stored elsewhere, and returns that record;
    /// [`Dispatcher::restore_delivery`] restores it later. So a driver with millions of deliveries holds only those that are
    /// due soon. The dispatcher then no longer knows its id: a duplicate is not recognised.
    ///
    /// # Errors
    ///
    /// Each is the caller's mistake, and nothing has changed:
    ///
    /// - [`SetAsideError::Unknown`]: no such delivery is held.
    /// - [`SetAsideError::NotWaiting`]: an attempt is in flight, or it has ended ([`Dispatcher::forget`]).
    /// - [`SetAsideError::Ordered`]: its endpoint is ordered, so later ones would overtake it.
    pub fn set_aside(
        &mut self,
        delivery: DeliveryId,
        now: UtcDateTime,
    ) -> Result<DeliveryRecord, SetAsideError> {
        self.now.advance(now);
        let unknown = SetAsideError::Unknown { delivery };
        let slot = self.delivery_slot(delivery).ok_or(unknown)?;
        let held = self.deliveries.get(slot).ok_or(unknown)?;
        let entry = self.endpoints.get(held.endpoint()).ok_or(unknown)?;
        if held.phase() != Phase::Waiting {
            return Err(SetAsideError::NotWaiting { delivery });
        }
        if entry.endpoint.policy().is_ordered() {
            return Err(SetAsideError::Ordered { endpoint: entry.endpoint.id() });
        }
        let (record, entry) = (held.record(entry.endpoint.id()), held.endpoint());
        self.remove_from_queue(slot);
        self.drop_delivery(slot);
        self.settle(entry);
        Ok(record)
    }

    /// Counts every attempt in flight as lost at once, instead of when its answer is overdue: for a process that restarts with
    /// a [snapshot](Dispatcher::snapshot) after a crash. Each is charged, so that a delivery that crashes its process is given
    /// up in the end.
    pub fn lose_attempts_under_way(&mut self, now: UtcDateTime) {
        self.now.advance(now);
        for slot in self.in_flight.slots() {
            self.attempt_ended(slot, &Outcome::Crashed);
        }
    }

    /// Adds a delivery as recorded; one in flight is in flight again.
    pub(super) fn insert_recorded(&mut self, record: &DeliveryRecord) -> Result<u32, RestoreDeliveryError> {
        let (id, endpoint) = (record.id, record.endpoint);
        let entry = self.endpoint_slot(endpoint).ok_or(RestoreDeliveryError::UnknownEndpoint { endpoint })?;
        if self.by_id.contains_key(&id) {
            return Err(RestoreDeliveryError::AlreadyHeld { delivery: id });
        }
        let delivery = Delivery::from_record(record, entry);
        let slot = self.deliveries.insert(delivery).ok_or(RestoreDeliveryError::Full)?;
        self.by_id.insert(id, slot);
        self.next_sequence = self.next_sequence.max(record.sequence.saturating_add(1));
        self.insert_into_queue(slot);
        if self.deliveries.get(slot).is_some_and(|delivery| delivery.then().is_some()) {
            self.in_flight.begin(slot, &mut self.deliveries);
            if let Some(entry) = self.endpoints.get_mut(entry) {
                entry.endpoint.attempt_resumes();
            }
        }
        Ok(slot)
    }
}

/// Why a delivery was not restored. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreDeliveryError {
    /// Its endpoint is unknown.
    #[error("there is no endpoint {endpoint}: add or restore it first")]
    UnknownEndpoint {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// It is held.
    #[error("delivery {delivery} is already held")]
    AlreadyHeld {
        /// The delivery.
        delivery: DeliveryId,
    },
    /// Over four billion deliveries are held.
    #[error("the dispatcher cannot hold more deliveries: forget finished ones")]
    Full,
}

/// Why a delivery was not set aside. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetAsideError {
    /// Its attempt is in flight, or it has ended.
    #[error("delivery {delivery} is not waiting")]
    NotWaiting {
        /// The delivery.
        delivery: DeliveryId,
    },
    /// Its endpoint keeps order.
    #[error("endpoint {endpoint} is ordered: its waiting deliveries cannot be set aside")]
    Ordered {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// No such delivery is held.
    #[error("there is no delivery {delivery}")]
    Unknown {
        /// The requested id.
        delivery: DeliveryId,
    },
}
