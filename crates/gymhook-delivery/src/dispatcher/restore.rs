//! Taking deliveries over from what their records said.

use gymhook_retry::Outcome;
use time::UtcDateTime;

use super::Dispatcher;
use crate::delivery::{Delivery, Phase};
use crate::{DeliveryId, DeliveryRecord, EndpointId};

/// As what a delivery was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum RestoredAs {
    /// As its record says.
    Recorded,
    /// Its record says that an attempt was under way. Nobody knows how that ended, so it counts as lost: it is charged,
    /// and the records that follow say what comes next.
    AttemptLost,
}

impl Dispatcher {
    /// Takes a delivery over as its last record left it. Its endpoint comes first.
    ///
    /// Any part of an endpoint's deliveries can be restored; of an ordered endpoint it has to be the oldest part.
    ///
    /// # Errors
    ///
    /// The caller is to blame for each:
    ///
    /// - [`RestoreDeliveryError::UnknownEndpoint`]: its endpoint is not here.
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
            self.settle_line_of(slot);
            return Ok(RestoredAs::Recorded);
        }
        self.attempt_ended(slot, &Outcome::Crashed);
        Ok(RestoredAs::AttemptLost)
    }

    /// Counts every attempt under way as lost, at once instead of when its answer is overdue: for a process that comes
    /// back with a [snapshot](Dispatcher::snapshot) after a crash. Each is charged, so that a delivery that brings its
    /// process down comes to an end.
    pub fn lose_attempts_under_way(&mut self, now: UtcDateTime) {
        self.now.advance(now);
        for slot in self.flights.slots() {
            self.attempt_ended(slot, &Outcome::Crashed);
        }
    }

    /// Files a delivery as recorded; one in flight is under way again.
    pub(super) fn insert_recorded(&mut self, record: &DeliveryRecord) -> Result<u32, RestoreDeliveryError> {
        let (id, endpoint) = (record.id, record.endpoint);
        let line = self.line_slot(endpoint).ok_or(RestoreDeliveryError::UnknownEndpoint { endpoint })?;
        if self.by_id.contains_key(&id) {
            return Err(RestoreDeliveryError::AlreadyHeld { delivery: id });
        }
        let delivery = Delivery::from_record(record, line);
        let slot = self.deliveries.insert(delivery).ok_or(RestoreDeliveryError::Full)?;
        self.by_id.insert(id, slot);
        self.next_order = self.next_order.max(record.order.saturating_add(1));
        self.file(slot);
        if self.deliveries.get(slot).is_some_and(|delivery| delivery.then().is_some()) {
            self.flights.begin(slot, &mut self.deliveries);
            if let Some(line) = self.lines.get_mut(line) {
                line.endpoint.attempt_resumes();
            }
        }
        Ok(slot)
    }
}

/// Why a delivery was not taken over. The caller is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreDeliveryError {
    /// Its endpoint is not here.
    #[error("there is no endpoint {endpoint}")]
    UnknownEndpoint {
        /// The endpoint.
        endpoint: EndpointId,
    },
    /// It is held.
    #[error("delivery {delivery} is held already")]
    AlreadyHeld {
        /// The delivery.
        delivery: DeliveryId,
    },
    /// Over four billion deliveries are held.
    #[error("no more deliveries can be held")]
    Full,
}
