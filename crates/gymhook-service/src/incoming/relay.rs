//! `Relay`: makes the deliveries to destinations of an incoming notification, as CloudEvents or as the original body
//! with headers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gymhook::cloud_event::CloudEvent;
use gymhook::event::AnyNotification;
use gymhook::signature::{Proof, Verified};
use gymhook::{Received, text};
use gymhook_engine::store::{NewNotification, StoreError};
use gymhook_engine::{
    Answer, DeliveryHeaders, DeliveryId, EndpointId, Engine, HandlerError, InboxItem, SubscriptionError,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;
use uuid::Builder;

use crate::Form;
use crate::database::Database;
use crate::destinations::{Destinations, Route};

/// Passes on what came in.
///
/// What it makes of an item is the same each time, ids included: after a crash, or if an operator redelivers the item, a destination
/// that has it does not get it again, and one that is new does.
#[derive(Debug)]
pub(crate) struct Relay {
    outgoing: Engine<Database>,
    destinations: Arc<Destinations>,
    /// Names of sources by their inboxes, also of those that are closed. They never change.
    sources: Mutex<BTreeMap<EndpointId, Arc<str>>>,
}

impl Relay {
    pub(crate) fn new(outgoing: Engine<Database>, destinations: Arc<Destinations>) -> Self {
        Self { outgoing, destinations, sources: Mutex::default() }
    }

    /// What follows from an item that was accepted before: it is enqueued in the transaction that records that the item was handled.
    pub(crate) async fn pass_on(&self, item: InboxItem) -> Result<Vec<NewNotification>, HandlerError> {
        let mut follow_ups = self.follow_ups_of(item).await?;
        let enqueued = self.enqueue_excess(&mut follow_ups).await;
        enqueued.map_err(|error| HandlerError::retry(error.to_string()))?;
        Ok(follow_ups)
    }

    /// What follows from an item.
    pub(super) async fn follow_ups_of(&self, item: InboxItem) -> Result<Vec<NewNotification>, HandlerError> {
        let again = |error: &dyn core::fmt::Display| HandlerError::retry(error.to_string());
        let routes = self.destinations.routes().await.map_err(|error| again(&error))?;
        let source = self.source_of(item.inbox()).await.map_err(|error| again(&error))?;
        let verified = item.read::<AnyNotification>()?;
        let wanted = routes.iter().filter(|route| route.filter.wants_from(&source, verified.proof()));
        let (as_events, as_they_came): (Vec<_>, Vec<_>) =
            wanted.partition(|route| route.form == Form::CloudEvents);
        let mut follow_ups = events_for(&as_events, &item, &verified)?;
        follow_ups.extend(originals_for(&as_they_came, &item, &source, &verified));
        Ok(follow_ups)
    }

    /// A notification may have thousands of events, and a transaction is bounded. What is enqueued before the item is recorded as
    /// handled is there already if the item is handled again.
    async fn enqueue_excess(&self, follow_ups: &mut Vec<NewNotification>) -> Result<(), StoreError> {
        while let Some(first) = take_excess(follow_ups) {
            for refused in self.outgoing.enqueue(first).await?.into_iter().filter_map(Result::err) {
                tracing::warn!(%refused, "a notification was not passed on to one destination");
            }
        }
        Ok(())
    }

    /// The name of the source with this inbox: it is the inbox's label, whether the source is still open or not.
    async fn source_of(&self, inbox: EndpointId) -> Result<Arc<str>, SubscriptionError> {
        let known = || self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = known().get(&inbox) {
            return Ok(Arc::clone(name));
        }
        let held = self.outgoing.subscription(inbox).await?;
        let name: Arc<str> = held.as_ref().map_or("", |held| held.label()).into();
        known().insert(inbox, Arc::clone(&name));
        Ok(name)
    }
}

type Hook = Verified<Received<AnyNotification>>;

/// One notification for each event and each destination that wants its kind.
fn events_for(
    routes: &[&Route],
    item: &InboxItem,
    hook: &Hook,
) -> Result<Vec<NewNotification>, HandlerError> {
    let mut new = Vec::new();
    if routes.is_empty() {
        return Ok(new);
    }
    let request = item.delivery().to_string();
    for (index, event) in CloudEvent::of_notification(hook, &request).enumerate() {
        let wanted: Vec<_> =
            routes.iter().filter(|route| route.filter.wants_kind(event.data().kind)).collect();
        if wanted.is_empty() {
            continue;
        }
        let body = serde_json::to_vec(&event).map_err(|error| HandlerError::reject(error.to_string()))?;
        let body = Bytes::from(body);
        new.extend(wanted.into_iter().map(|route| {
            let id = id_of(item.delivery(), item.received_at(), route.id, Some(index));
            NewNotification::new(id, route.id, event.event_type(), body.clone())
        }));
    }
    Ok(new)
}

/// The body as it came, once for each destination that wants any of its events.
fn originals_for(routes: &[&Route], item: &InboxItem, source: &str, hook: &Hook) -> Vec<NewNotification> {
    let wants = |route: &&&Route| {
        let mut events = hook.value().events();
        route.filter.kinds.is_empty() || events.any(|event| route.filter.wants_kind(event.kind.as_str()))
    };
    let event_type = item.event_types().first().map_or_else(String::new, String::clone);
    let headers = proof_headers(item, source, hook);
    let new = routes.iter().filter(wants).map(|route| {
        let id = id_of(item.delivery(), item.received_at(), route.id, None);
        headers.clone().attach(NewNotification::new(id, route.id, event_type.clone(), item.body().clone()))
    });
    new.collect()
}

/// What was proved, for a destination that gets the body alone.
fn proof_headers(item: &InboxItem, source: &str, hook: &Hook) -> DeliveryHeaders {
    let proof: &Proof = hook.proof();
    let proved: Vec<&str> = proof.assurance().proved().collect();
    let headers = [
        ("gymhook-platform", hook.value().vendor().as_str().to_owned()),
        ("gymhook-source", source.to_owned()),
        ("gymhook-id", item.delivery().to_string()),
        ("gymhook-key", header_text(proof.key().as_str())),
        ("gymhook-proved", proved.join(" ")),
    ];
    let value = |(name, value): (&'static str, String)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
    };
    let headers: HeaderMap = headers.into_iter().filter_map(value).collect();
    DeliveryHeaders::new(headers).unwrap_or_else(|problem| {
        tracing::error!(%problem, source = %text::one_line(source), "the proof of a webhook does not fit into headers: it is passed on without");
        DeliveryHeaders::default()
    })
}

/// What a header's value cannot have, or what would be read as an encoded character.
const NOT_IN_A_HEADER: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Ids of keys are free text: what a header cannot have is percent-encoded, and what is long is named by its digest.
fn header_text(id: &str) -> String {
    const LONGEST: usize = 256;
    let encoded = utf8_percent_encode(id, NOT_IN_A_HEADER).to_string();
    if encoded.len() <= LONGEST { encoded } else { text::digest_name(id) }
}

/// The id of what follows for this destination from the event at this index, or from the whole request.
///
/// It begins with the time at which the request was received, as a UUID of version 7 does: ids of one time are side by side in
/// the store's index, which writes fewer pages for them. An item that was damaged and came again was received anew, so ids change
/// with it.
fn id_of(
    item: DeliveryId,
    received_at: UtcDateTime,
    destination: EndpointId,
    event: Option<usize>,
) -> DeliveryId {
    const TIME_BITS: u32 = 48;
    let index = event.and_then(|index| u64::try_from(index).ok()).unwrap_or(u64::MAX);
    let digest = Sha256::new()
        .chain_update(b"gymhook-relay\0")
        .chain_update(item.as_uuid().as_bytes())
        .chain_update(destination.as_uuid().as_bytes())
        .chain_update(index.to_be_bytes())
        .finalize();
    let millis = u64::try_from(received_at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    let first_half = u128::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
    let id = (u128::from(millis) << (u128::BITS - TIME_BITS)) | (first_half >> TIME_BITS);
    DeliveryId::from(Builder::from_custom_bytes(id.to_be_bytes()).into_uuid())
}

/// The first of these, if they are more or longer than one transaction takes.
fn take_excess(follow_ups: &mut Vec<NewNotification>) -> Option<Vec<NewNotification>> {
    const AT_ONCE: usize = Answer::MAX_FOLLOW_UPS / 2;
    if follow_ups.len() <= Answer::MAX_FOLLOW_UPS && weight(follow_ups) <= Answer::MAX_FOLLOW_UP_BYTES / 2 {
        return None;
    }
    let rest = follow_ups.split_off(AT_ONCE.min(follow_ups.len() / 2 + 1));
    Some(core::mem::replace(follow_ups, rest))
}

fn weight(new: &[NewNotification]) -> usize {
    new.iter().map(NewNotification::weight).sum()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn an_id_tells_item_destination_and_event_apart_and_is_the_same_each_time() {
        let at = utc_datetime!(2025-12-04 22:21:21.176_999);
        let id = |item, at, destination, event| {
            id_of(DeliveryId::from_u128(item), at, EndpointId::from_u128(destination), event)
        };
        let all = [
            id(1, at, 1, Some(0)),
            id(2, at, 1, Some(0)),
            id(1, at + Duration::from_millis(1), 1, Some(0)),
            id(1, at, 2, Some(0)),
            id(1, at, 1, Some(1)),
            id(1, at, 1, None),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(all[..place].iter().all(|other| other != one));
            assert_eq!(one.as_uuid().get_version_num(), 8);
        }
        // SHA-256 and RFC 9562 by another implementation: another version of the gateway has to make the same.
        assert_eq!(all[0].to_string(), "019aeb74-a398-881f-8149-90cc195fdc9d");
    }

    fn notifications(count: usize, bytes: usize) -> Vec<NewNotification> {
        let body = Bytes::from(vec![b'x'; bytes]);
        let new = |number: u128| {
            NewNotification::new(DeliveryId::from_u128(number), EndpointId::from_u128(1), "a", body.clone())
        };
        (1..).map(new).take(count).collect()
    }

    #[test]
    fn what_one_transaction_does_not_take_is_enqueued_before_it() {
        let half = Answer::MAX_FOLLOW_UP_BYTES / 2;
        for (count, bytes) in [
            (Answer::MAX_FOLLOW_UPS + 1, 1),
            (3 * Answer::MAX_FOLLOW_UPS, 1),
            (10, half / 4),
            (2, half - 100),
            (1, half + 1),
        ] {
            let all = notifications(count, bytes);
            let (mut left, mut enqueued) = (all.clone(), Vec::new());
            while let Some(first) = take_excess(&mut left) {
                assert!(
                    !first.is_empty() && first.len() <= Answer::MAX_FOLLOW_UPS,
                    "{count} of {bytes} bytes"
                );
                enqueued.extend(first);
            }
            assert!(!enqueued.is_empty() && left.len() <= Answer::MAX_FOLLOW_UPS, "{count} of {bytes} bytes");
            assert!(weight(&left) <= half, "{count} of {bytes} bytes");
            enqueued.extend(left);
            assert!(enqueued == all, "{count} of {bytes} bytes: all of them, in their order");
        }
        assert_eq!(take_excess(&mut notifications(Answer::MAX_FOLLOW_UPS, 1)), None);
    }

    #[test]
    fn any_id_of_a_key_is_a_header() {
        for (id, header) in [
            ("berlin", "berlin"),
            ("Köln Süd", "K%C3%B6ln%20S%C3%BCd"),
            ("a\r\nb: c", "a%0D%0Ab:%20c"),
            ("5%", "5%25"),
        ] {
            assert_eq!(header_text(id), header);
        }
        assert_eq!(header_text(&"ö".repeat(200)).len(), 71);
    }
}
