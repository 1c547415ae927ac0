//! `publish`: publishes an `Event` to the subscriptions of a gym, and says what became of it at each (`Outcome`).

use std::collections::BTreeMap;

use bytes::Bytes;
use gymhook_engine::store::Enqueued;
use gymhook_engine::{DeliveryHeaders, DeliveryId, EndpointId, Publication};
use http::StatusCode;

use super::platforms;
use crate::Problem;
use crate::access::{Caller, Needs};

/// An event to publish.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Publishing the same id again delivers nothing twice.
    pub(crate) id: String,
    pub(crate) gym: String,
    /// For each platform the type in its spelling, and the exact bytes.
    pub(crate) parts: BTreeMap<String, (String, Bytes)>,
}

impl Event {
    /// The same type and bytes for each of these platforms.
    pub(crate) fn parts_for<'p>(
        platforms: impl IntoIterator<Item = &'p str>,
        event_type: &str,
        body: &Bytes,
    ) -> BTreeMap<String, (String, Bytes)> {
        let of = |platform: &str| (platform.to_owned(), (event_type.to_owned(), body.clone()));
        platforms.into_iter().map(of).collect()
    }

    /// As [`Event::parts_for`] of every platform.
    pub(crate) fn parts_for_all(event_type: &str, body: &Bytes) -> BTreeMap<String, (String, Bytes)> {
        Self::parts_for(platforms::names(), event_type, body)
    }
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) id: String,
    /// One for each subscription that wants it.
    pub(crate) deliveries: Vec<Delivery>,
}

impl Published {
    /// Whether it was published before, and nothing of it is new.
    pub(crate) fn is_repeated(&self) -> bool {
        !self.deliveries.is_empty()
            && self.deliveries.iter().all(|delivery| delivery.outcome == Outcome::Repeated)
    }

    /// Whether its id is that of another event, and nothing of this one was enqueued.
    pub(crate) fn is_conflict(&self) -> bool {
        let outcomes = || self.deliveries.iter().map(|delivery| &delivery.outcome);
        outcomes().any(Outcome::is_conflict) && outcomes().all(|outcome| *outcome != Outcome::Enqueued)
    }
}

/// What became of an event for one subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    pub(crate) subscription: EndpointId,
    pub(crate) outcome: Outcome,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is on disk.
    Enqueued,
    /// It was published before.
    Repeated,
    /// It is not delivered.
    Refused(Problem),
}

impl Outcome {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status() == StatusCode::CONFLICT,
            Self::Enqueued | Self::Repeated => false,
        }
    }
}

/// Publishes events, in this order and in one transaction: when it returns, each delivery is on disk or refused.
/// `along` goes along with each attempt.
pub(crate) async fn publish(
    caller: &Caller,
    events: &[Event],
    along: &DeliveryHeaders,
) -> Result<Vec<Published>, Problem> {
    caller.may(Needs::Write)?;
    events.iter().try_for_each(|event| caller.reaches_gym(&event.gym))?;
    let engine = &caller.app().outgoing;
    let (mut new, mut counts) = (Vec::new(), Vec::new());
    for event in events {
        let mut parts = event.parts.iter();
        let Some((platform, (event_type, body))) = parts.next() else {
            counts.push(0);
            continue;
        };
        let first = Publication::new(platform, event_type, body.clone()).with_headers(along.clone());
        let publication = parts.fold(first, |publication, (platform, (event_type, body))| {
            publication.and(platform, event_type, body.clone())
        });
        let deliveries = engine.fan_out(&event.gym, &event.id, &publication).await?;
        counts.push(deliveries.len());
        new.extend(deliveries);
    }
    let results = engine.enqueue(new.clone()).await?;
    let mut deliveries = new.into_iter().zip(results).map(|(new, result)| Delivery {
        id: new.id,
        subscription: new.endpoint,
        outcome: match result {
            Ok(Enqueued::New) => Outcome::Enqueued,
            Ok(Enqueued::Duplicate { .. }) => Outcome::Repeated,
            Err(refused) if refused.is_repeat() => Outcome::Repeated,
            Err(refused) => Outcome::Refused(refused.into()),
        },
    });
    let published = events.iter().zip(counts).map(|(event, count)| Published {
        id: event.id.clone(),
        deliveries: deliveries.by_ref().take(count).collect(),
    });
    Ok(published.collect())
}

/// `Debug` shows no body, since bodies contain personal data.
impl core::fmt::Debug for Event {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("gym", &self.gym)
            .field("platforms", &self.parts.keys())
            .finish_non_exhaustive()
    }
}
