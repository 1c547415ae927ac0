//! Handing notifications over.

use gymhook_delivery::{DeliveryId, EndpointId};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::SubscriptionError;
use crate::publication::Part;
use crate::settings::{self, Wanted};
use crate::store::{
    Enqueued, NewNotification, Refused, Store, StoreError, SubscriptionQuery, SubscriptionRow,
};
use crate::subscription::matches_any;
use crate::{Direction, Engine, EventFilter, Publication};

/// What became of a published event at one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The delivery, if there is one.
    pub delivery: DeliveryId,
    /// Its subscription.
    pub subscription: EndpointId,
    /// Whether it is new, or was enqueued before.
    pub enqueued: Result<Enqueued, NotPublished>,
}

/// Why a subscription does not get a published event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPublished {
    /// The [`Publication`] has no body in the shape of its platform. Whoever publishes may add one.
    #[error("there is no body for a subscription to {platform:?}: add one with Publication::and")]
    OtherPlatform {
        /// Its platform.
        platform: String,
    },
    /// It was not taken over.
    #[error(transparent)]
    Refused(#[from] Refused),
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

    /// Hands an event of a gym over to every subscription that wants its type, each in its platform's shape: see [`Publication`].
    ///
    /// `event` names the event: publishing it again, after a crash perhaps, delivers nothing twice, since each delivery's id
    /// is derived from it and the subscription's id. A subscription whose platform has no body in the publication gets nothing,
    /// and is among the answers; one that does not want the type is not.
    ///
    /// # Errors
    /// As [`Engine::enqueue`] and [`Engine::subscriptions`].
    pub async fn publish(
        &self,
        gym: &str,
        event: &str,
        publication: &Publication,
    ) -> Result<Vec<Published>, SubscriptionError> {
        let (new, mut published) = self.sort_out(gym, event, publication).await?;
        let enqueued = self.enqueue(new.clone()).await?;
        published.extend(new.into_iter().zip(enqueued).map(|(new, enqueued)| Published {
            delivery: new.id,
            subscription: new.endpoint,
            enqueued: enqueued.map_err(NotPublished::from),
        }));
        published.sort_by_key(|published| published.subscription);
        Ok(published)
    }

    /// What [`Engine::publish`] would enqueue: for an outbox, inside a transaction of your own.
    ///
    /// A subscription whose settings cannot be read gets nothing, and that is logged; the others do. Secrets are not opened.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn fan_out(
        &self,
        gym: &str,
        event: &str,
        publication: &Publication,
    ) -> Result<Vec<NewNotification>, SubscriptionError> {
        Ok(self.sort_out(gym, event, publication).await?.0)
    }

    /// What is enqueued, and which subscriptions are left out because the event does not have their platform's shape.
    async fn sort_out(
        &self,
        gym: &str,
        event: &str,
        publication: &Publication,
    ) -> Result<(Vec<NewNotification>, Vec<Published>), SubscriptionError> {
        const PAGE: u32 = 1_000;
        let (mut new, mut left_out) = (Vec::new(), Vec::new());
        let mut after = None;
        loop {
            let query = SubscriptionQuery { gym: Some(gym.to_owned()), after, limit: PAGE };
            let page = self.store().subscriptions(query).await?;
            for row in page.iter().filter(|row| row.direction() == Direction::Outgoing) {
                let id = delivery_id(event, row.id);
                match share_of(row, publication) {
                    Share::Part(Part { event_type, body }) => {
                        new.push(NewNotification::new(id, row.id, event_type, body.clone()));
                    }
                    Share::OtherPlatform(platform) => left_out.push(Published {
                        delivery: id,
                        subscription: row.id,
                        enqueued: Err(NotPublished::OtherPlatform { platform }),
                    }),
                    Share::Nothing => {}
                }
            }
            after = page.last().map(|row| row.id);
            if page.len() < PAGE as usize {
                return Ok((new, left_out));
            }
        }
    }
}

/// What a subscription gets of a publication.
enum Share<'p> {
    Part(&'p Part),
    OtherPlatform(String),
    Nothing,
}

/// One that cannot be read gets nothing, and the others do.
fn share_of<'p>(row: &SubscriptionRow, publication: &'p Publication) -> Share<'p> {
    let Wanted { platform, filters } = match settings::wanted(row) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return Share::Nothing,
        Err(error) => {
            tracing::error!(%error, "an event is not enqueued for a subscription that cannot be read");
            return Share::Nothing;
        }
    };
    let Some(part) = publication.part(&platform) else { return Share::OtherPlatform(platform) };
    let wants = |filters: Vec<EventFilter>| matches_any(&filters, &platform, &part.event_type);
    if filters.is_none_or(wants) { Share::Part(part) } else { Share::Nothing }
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
