//! Handing notifications over.

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::SubscriptionError;
use crate::store::{
    Enqueued, NewNotification, Refused, Store, StoreError, SubscriptionQuery, SubscriptionRow,
};
use crate::{Direction, Engine, settings};

/// One delivery of a published event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its subscription.
    pub subscription: EndpointId,
    /// Whether it is new, or was handed over before.
    pub enqueued: Result<Enqueued, Refused>,
}

impl<S: Store> Engine<S> {
    /// Hands notifications over: each is on disk when this returns, or refused, in their order.
    ///
    /// Calls that wait at one time share a commit. The same delivery twice changes nothing and says so.
    ///
    /// # Errors
    /// Whatever the store says; then hand the same over again, under the same ids, once it is back.
    pub async fn enqueue(
        &self,
        new: Vec<NewNotification>,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        let now = self.store().now().await?;
        self.store().enqueue(new, now).await
    }

    /// Hands an event of a gym over to every subscription that wants its type.
    ///
    /// `event` names the event: publishing it again, after a crash perhaps, delivers nothing twice, since each delivery's id
    /// is derived from it and the subscription's id.
    ///
    /// # Errors
    /// As [`Engine::enqueue`] and [`Engine::subscriptions`].
    pub async fn publish(
        &self,
        gym: &str,
        event: &str,
        event_type: &str,
        body: Bytes,
    ) -> Result<Vec<Published>, SubscriptionError> {
        let new = self.fan_out(gym, event, event_type, &body).await?;
        let enqueued = self.enqueue(new.clone()).await?;
        let published = |(new, enqueued): (NewNotification, _)| Published {
            delivery: new.id,
            subscription: new.endpoint,
            enqueued,
        };
        Ok(new.into_iter().zip(enqueued).map(published).collect())
    }

    /// What [`Engine::publish`] would hand over: for an outbox, inside a transaction of one's own.
    ///
    /// A subscription whose settings cannot be read gets nothing, and that is logged; the others do. Secrets are not opened.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn fan_out(
        &self,
        gym: &str,
        event: &str,
        event_type: &str,
        body: &Bytes,
    ) -> Result<Vec<NewNotification>, SubscriptionError> {
        const PAGE: u32 = 1_000;
        let mut new = Vec::new();
        let mut after = None;
        loop {
            let query = SubscriptionQuery { gym: Some(gym.to_owned()), after, limit: PAGE };
            let page = self.store().subscriptions(query).await?;
            let wanting = page.iter().filter(|row| wants(row, event_type));
            new.extend(wanting.map(|row| {
                let id = delivery_id(event, row.id);
                NewNotification::new(id, row.id, event_type, body.clone())
            }));
            after = page.last().map(|row| row.id);
            if page.len() < PAGE as usize {
                return Ok(new);
            }
        }
    }
}

/// Whether a subscription gets events of this type. One that cannot be read gets nothing, and the others do.
fn wants(row: &SubscriptionRow, event_type: &str) -> bool {
    row.direction == Direction::Outgoing
        && settings::wants(row, event_type).unwrap_or_else(|error| {
            tracing::error!(%error, "an event is not enqueued for a subscription that cannot be read");
            false
        })
}

/// The delivery of this event to this subscription, always the same.
fn delivery_id(event: &str, subscription: EndpointId) -> DeliveryId {
    let digest = Sha256::new()
        .chain_update(b"gymhook-publish\0")
        .chain_update(subscription.as_uuid().as_bytes())
        .chain_update(event)
        .finalize();
    let first_half = digest.first_chunk().copied().unwrap_or_default();
    DeliveryId::from(Builder::from_custom_bytes(first_half).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_follows_from_event_and_subscription() {
        let [one, other] = [1, 2].map(EndpointId::from_u128);
        assert_eq!(delivery_id("e-1", one), delivery_id("e-1", one));
        assert_ne!(delivery_id("e-1", one), delivery_id("e-2", one));
        assert_ne!(delivery_id("e-1", one), delivery_id("e-1", other));
        assert_eq!(delivery_id("e-1", one).as_uuid().get_version_num(), 8);
    }
}
