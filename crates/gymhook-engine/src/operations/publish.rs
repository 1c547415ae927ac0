//! `publish`, which enqueues an event for all subscriptions that want it, `enqueue`, and `Published`, the result.

use gymhook_delivery::{DeliveryId, EndpointId};
use sha2::{Digest as _, Sha256};

use super::SubscriptionError;
use super::gym_pages::GymPages;
use crate::ids;
use crate::publication::Part;
use crate::store::{Enqueued, NewNotification, Refused, Store, StoreError, SubscriptionRow};
use crate::subscription::matches_any;
use crate::subscription_rows;
use crate::{Direction, Engine, EventFilter, Publication};

/// The result of publishing an event to one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The delivery, if there is one.
    pub delivery: DeliveryId,
    /// Its subscription.
    pub subscription: EndpointId,
    /// Whether it is new or a duplicate, or why it was not enqueued.
    pub enqueued: Result<Enqueued, NotPublished>,
}

/// Why a published event was not enqueued for a subscription.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPublished {
    /// The [`Publication`] has no body for its platform; add one.
    #[error("there is no body for a subscription to {platform:?}: add one with Publication::and")]
    OtherPlatform {
        /// Its platform.
        platform: String,
    },
    /// The store refused it.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl<S: Store> Engine<S> {
    /// Enqueues notifications: when this returns, each is on disk or refused. The results are in the order of the arguments.
    ///
    /// Concurrent calls share a commit. Enqueueing a delivery again changes nothing, and is reported as a duplicate.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use gymhook_engine::store::{Enqueued, NewNotification, Refused};
    /// use gymhook_engine::{DeliveryId, EndpointId};
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let body = Bytes::from_static(br#"{"member":17}"#);
    /// let new = |id, endpoint, body| NewNotification::new(DeliveryId::from_u128(id), endpoint, "workout.created", body);
    /// assert_eq!(engine.enqueue(vec![new(7, endpoint, body.clone())]).await?, [Ok(Enqueued::New)]);
    ///
    /// // The same again is a duplicate; with another body it is refused, and so is an unknown endpoint. The others are not affected.
    /// let other = Bytes::from_static(br#"{"member":18}"#);
    /// let unknown = EndpointId::from_u128(2);
    /// let again = vec![new(7, endpoint, body), new(7, endpoint, other.clone()), new(8, unknown, other)];
    /// let results = engine.enqueue(again).await?;
    /// assert!(matches!(results[0], Ok(Enqueued::Duplicate { .. })));
    /// assert!(matches!(results[1], Err(Refused::Conflict { .. })));
    /// assert!(matches!(results[2], Err(Refused::UnknownEndpoint { .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error; then enqueue the same again, under the same ids, once the store works.
    pub async fn enqueue(
        &self,
        new: Vec<NewNotification>,
    ) -> Result<Vec<Result<Enqueued, Refused>>, StoreError> {
        let now = self.store().now().await?;
        self.store().enqueue(new, now).await
    }

    /// Enqueues an event of a gym for every subscription that wants its type, with the body for its platform: see
    /// [`Publication`].
    ///
    /// `event` is the event's id: publishing it again, for example after a crash, delivers nothing twice, since each
    /// delivery's id is derived from it and the subscription's id. A subscription whose platform has no body in the
    /// publication gets nothing, and is among the results; one that does not want the type is not.
    ///
    /// ```
    /// use gymhook_engine::Publication;
    /// use gymhook_engine::store::Enqueued;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let workout = Publication::new("standard-webhooks", "workout.created", r#"{"member":17}"#);
    /// let published = engine.publish("berlin", "workout-4711", &workout).await?;
    /// assert_eq!((published[0].subscription, &published[0].enqueued), (endpoint, &Ok(Enqueued::New)));
    ///
    /// // After a crash, say: the same event again delivers nothing twice.
    /// let again = engine.publish("berlin", "workout-4711", &workout).await?;
    /// assert_eq!(again[0].delivery, published[0].delivery);
    /// assert!(matches!(again[0].enqueued, Ok(Enqueued::Duplicate { .. })));
    ///
    /// // Nobody in another gym has subscribed.
    /// assert!(engine.publish("poznan", "workout-4711", &workout).await?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
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

    /// What [`Engine::publish`] would enqueue: for an outbox, in your own transaction.
    ///
    /// A subscription whose settings cannot be read is skipped, and that is logged. Secrets are not decrypted.
    ///
    /// ```
    /// use gymhook_engine::Publication;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let workout = Publication::new("standard-webhooks", "workout.created", r#"{"member":17}"#);
    /// let notifications = engine.fan_out("berlin", "workout-4711", &workout).await?;
    /// assert_eq!(notifications[0].endpoint, endpoint);
    /// assert_eq!(engine.stats().await?.waiting, 0); // nothing is enqueued: pass them to `enqueue_in`
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
    pub async fn fan_out(
        &self,
        gym: &str,
        event: &str,
        publication: &Publication,
    ) -> Result<Vec<NewNotification>, SubscriptionError> {
        Ok(self.sort_out(gym, event, publication).await?.0)
    }

    /// What is enqueued, and which subscriptions are skipped because the event has no body for their platform.
    async fn sort_out(
        &self,
        gym: &str,
        event: &str,
        publication: &Publication,
    ) -> Result<(Vec<NewNotification>, Vec<Published>), SubscriptionError> {
        let (mut new, mut left_out) = (Vec::new(), Vec::new());
        let mut pages = GymPages::new(self.store(), gym);
        while let Some(page) = pages.next().await? {
            for row in page.iter().filter(|row| row.direction() == Direction::Outgoing) {
                let id = delivery_id(event, row.id);
                match share_of(row, publication) {
                    Share::Part(Part { event_type, body }) => {
                        let one = NewNotification::new(id, row.id, event_type, body.clone());
                        new.push(publication.headers().clone().attach(one));
                    }
                    Share::OtherPlatform(platform) => left_out.push(Published {
                        delivery: id,
                        subscription: row.id,
                        enqueued: Err(NotPublished::OtherPlatform { platform }),
                    }),
                    Share::Nothing => {}
                }
            }
        }
        Ok((new, left_out))
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
    let (platform, filters) = match subscription_rows::filters(row) {
        Ok(filters) => (row.platform.as_str(), filters),
        Err(error) => {
            tracing::error!(%error, "an event is not enqueued for a subscription that cannot be read");
            return Share::Nothing;
        }
    };
    let Some(part) = publication.part(platform) else { return Share::OtherPlatform(platform.to_owned()) };
    let wants = |filters: Vec<EventFilter>| matches_any(&filters, platform, &part.event_type);
    if filters.is_none_or(wants) { Share::Part(part) } else { Share::Nothing }
}

/// The delivery of this event to this subscription, always the same.
fn delivery_id(event: &str, subscription: EndpointId) -> DeliveryId {
    let digest = Sha256::new()
        .chain_update(b"gymhook-publish\0")
        .chain_update(subscription.as_uuid().as_bytes())
        .chain_update(event);
    DeliveryId::from(ids::from_digest(digest))
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
