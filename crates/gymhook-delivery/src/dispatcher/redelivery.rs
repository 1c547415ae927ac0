//! `redeliver` and `redeliver_many`: a person asks for one more round of attempts.

use time::UtcDateTime;

use super::Dispatcher;
use crate::delivery::{Delivery, Phase};
use crate::{DeliveryChange, DeliveryId, End, EndpointId};

/// The result of a redelivery.
///
/// Exhaustive on purpose: it took effect, or it waits for the attempt in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Redelivered {
    /// The round has begun; its first attempt is due at once.
    Now,
    /// An attempt of the present round is in flight; the new round begins when it ends.
    AfterAttempt,
}

impl Dispatcher {
    /// Begins one more round of a delivery: the same id, attempts counted from one, the first due at once.
    ///
    /// A round that has not ended is superseded by the new one ([`End::Superseded`]), after the attempt in flight has ended.
    /// An ordered endpoint sends the delivery by its age: before everything younger that waits.
    ///
    /// # Errors
    ///
    /// [`RedeliverError::Unknown`]: no such delivery is held; one that was forgotten can be
    /// [restored](Dispatcher::restore_delivery).
    pub fn redeliver(
        &mut self,
        delivery: DeliveryId,
        now: UtcDateTime,
    ) -> Result<Redelivered, RedeliverError> {
        self.now.advance(now);
        let unknown = RedeliverError::Unknown { delivery };
        let slot = self.delivery_slot(delivery).ok_or(unknown)?;
        let phase = self.deliveries.get(slot).map(Delivery::phase).ok_or(unknown)?;
        if let Phase::InFlight(_) = phase {
            self.note_redelivery(slot);
            return Ok(Redelivered::AfterAttempt);
        }
        self.remove_from_queue(slot);
        if phase == Phase::Waiting {
            self.supersede(slot);
        }
        self.open_round(slot);
        self.insert_into_queue(slot);
        self.settle_endpoint_of(slot);
        Ok(Redelivered::Now)
    }

    /// Begins one more round of each of these deliveries, as [`Dispatcher::redeliver`] does; the results are in the order of
    /// the ids.
    pub fn redeliver_many(
        &mut self,
        deliveries: impl IntoIterator<Item = DeliveryId>,
        now: UtcDateTime,
    ) -> Vec<Result<Redelivered, RedeliverError>> {
        deliveries.into_iter().map(|delivery| self.redeliver(delivery, now)).collect()
    }

    /// The deliveries to this endpoint that were given up and are still held, in the order of enqueueing: for
    /// [`Dispatcher::redeliver_many`]. Empty for an unknown endpoint.
    #[must_use]
    pub fn undeliverable(&self, endpoint: EndpointId) -> Vec<DeliveryId> {
        let entry = self.endpoint_slot(endpoint).and_then(|slot| self.endpoints.get(slot));
        let finished = entry.into_iter().flat_map(|entry| entry.queue.finished());
        let mut given_up: Vec<&Delivery> = finished
            .filter_map(|slot| self.deliveries.get(slot))
            .filter(|delivery| matches!(delivery.phase(), Phase::Finished(End::Undeliverable(_))))
            .collect();
        given_up.sort_unstable_by_key(|delivery| delivery.sequence());
        given_up.into_iter().map(Delivery::id).collect()
    }

    fn note_redelivery(&mut self, slot: u32) {
        if self.deliveries.get_mut(slot).is_some_and(|delivery| delivery.note_redelivery().is_ok()) {
            self.record_delivery(slot, DeliveryChange::RedeliveryNoted);
        }
    }

    fn supersede(&mut self, slot: u32) {
        let now = self.now.reached;
        if self.deliveries.get_mut(slot).is_some_and(|delivery| delivery.supersede(now).is_ok()) {
            self.record_delivery(slot, DeliveryChange::Ended(End::Superseded));
        }
    }

    pub(super) fn open_round(&mut self, slot: u32) {
        let now = self.now.reached;
        if self.deliveries.get_mut(slot).is_some_and(|delivery| delivery.open_round(now).is_ok()) {
            self.record_delivery(slot, DeliveryChange::RoundOpened);
        }
    }
}

/// Why a delivery was not redelivered. The caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedeliverError {
    /// No such delivery is held.
    #[error("there is no delivery {delivery}: restore it first")]
    Unknown {
        /// The requested id.
        delivery: DeliveryId,
    },
}
