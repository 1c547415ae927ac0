//! `Notification` of PG Next: the body of a request, an entity's id, a `uuid` and the events.

use serde::de;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::reading::Reading;
use super::{EventType, Item};
use crate::memo::Memo;
use crate::one_or_many::OneOrMany;
use crate::open_object::{Field, open_object};
use crate::{DedupeKey, Event, Extra, Id, Subject, SubjectKind, UnixMillis, Vendor};

/// The body of a PG Next request: an entity and what happened to it.
///
/// `entityId` is required, except where all events are of types for which the vendor does not say what it stands for:
/// `FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED` and types that are not listed.
///
/// ```
/// use gymhook_event::{Notification as _, SubjectKind, decode, pg_next};
///
/// let body = br#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f","payload":[
///     {"timestamp":1764885600176,"type":"CONTRACT_CREATED","content":{"contractId":550120}}]}"#;
/// let notification: pg_next::Notification = decode(body)?;
///
/// let event = notification.event(0).unwrap();
/// assert_eq!(event.subject.kind, SubjectKind::Customer);
/// assert_eq!(event.contract_id().unwrap().to_string(), "550120");
/// assert_eq!(notification.items()[0].content()?.contract_id, Some(550120.into()));
/// assert_eq!(notification.dedupe_key().unwrap().as_str(), "095be615-a8ad-4c33-8e9c-c7612fbf6c9f");
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    entity_id: Field<Id>,
    uuid: String,
    payload: OneOrMany<Item>,
    extra: Extra,
    ends: Memo<Vec<usize>>,
}

impl Notification {
    /// A notification of these events, written as an array; PG Next itself sends one at a time.
    #[must_use]
    pub fn new(entity_id: impl Into<Id>, uuid: Uuid, items: Vec<Item>) -> Self {
        Self {
            entity_id: Field::Value(entity_id.into()),
            uuid: uuid.to_string(),
            payload: OneOrMany::Many(items),
            extra: Extra::new(),
            ends: Memo::new(),
        }
    }

    /// What the events happened to; what it identifies depends on the type.
    #[must_use]
    pub const fn entity_id(&self) -> Option<&Id> {
        self.entity_id.as_option()
    }

    /// The id of the notification as received.
    #[must_use]
    pub fn uuid_text(&self) -> &str {
        &self.uuid
    }

    /// The id of the notification, if it is the UUID that the vendor promises.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        Uuid::try_parse(&self.uuid).ok()
    }

    /// The events with all their fields.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        self.payload.as_slice()
    }

    /// All other fields of the envelope.
    #[must_use]
    pub const fn extra(&self) -> &Extra {
        &self.extra
    }

    /// For each item the number of events that it ends at: an automatic check-out is an event for each person.
    fn ends(&self) -> &[usize] {
        self.ends.get(|| {
            let mut total = 0;
            let end = |item: &Item| {
                total += item.event_count();
                total
            };
            self.items().iter().map(end).collect()
        })
    }

    fn entity(&self, kind: SubjectKind) -> Subject<'_> {
        Subject::new(kind, self.entity_id().map(Id::as_subject_id))
    }
}

impl crate::Notification for Notification {
    fn vendor(&self) -> Vendor {
        Vendor::PG_NEXT
    }

    fn event_count(&self) -> usize {
        self.ends().last().copied().unwrap_or_default()
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        let nth = self.ends().partition_point(|end| *end <= index);
        let item = self.items().get(nth)?;
        let within = index.checked_sub(
            nth.checked_sub(1).map_or(0, |before| self.ends().get(before).copied().unwrap_or_default()),
        )?;
        let timestamp = UnixMillis::to_utc(item.timestamp());
        let event = Event::new(Vendor::PG_NEXT, item.event_name(), item.event_type().kind());
        if let Some(checkout) = item.reading().checkouts.get(within) {
            let customer = checkout.customer.as_ref().map(Id::as_subject_id);
            return Some(
                event
                    .with_subject(Subject::new(SubjectKind::Customer, customer))
                    .with_related(Some(self.entity(SubjectKind::Studio)))
                    .with_occurred_at(checkout.at)
                    .with_recorded_at(timestamp)
                    .with_data(Some(checkout.json.get())),
            );
        }
        let Reading { related, part, .. } = item.reading();
        Some(
            event
                .with_subject(self.entity(item.event_type().subject_kind()))
                .with_related(related.as_ref().map(subject))
                .with_part(part.as_ref().map(subject))
                .with_occurred_at(timestamp)
                .with_data(item.raw_content()),
        )
    }

    /// The field `uuid` as received; `None` if it is empty.
    fn dedupe_key(&self) -> Option<DedupeKey> {
        (!self.uuid.is_empty()).then(|| DedupeKey::Provided(self.uuid.clone()))
    }
}

fn subject((kind, id): &(SubjectKind, Id)) -> Subject<'_> {
    Subject::new(*kind, Some(id.as_subject_id()))
}

impl Serialize for Notification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entity_id.serialize_into("entityId", &mut map)?;
        map.serialize_entry("uuid", &self.uuid)?;
        map.serialize_entry("payload", &self.payload)?;
        self.extra.serialize_into(&mut map)?;
        map.end()
    }
}

struct Envelope {
    entity_id: Field<Id>,
    uuid: String,
    payload: OneOrMany<Item>,
    extra: Extra,
}

impl Envelope {
    fn checked<E: de::Error>(self) -> Result<Notification, E> {
        let dispensable = |item: &Item| {
            matches!(
                item.event_type(),
                EventType::FinanceDebtCollectionConfigurationUpdated | EventType::Other(_)
            )
        };
        let Self { entity_id, uuid, payload, extra } = self;
        let items = payload.as_slice();
        if entity_id.as_option().is_none() && (items.is_empty() || !items.iter().all(dispensable)) {
            return Err(E::missing_field("entityId"));
        }
        Ok(Notification { entity_id, uuid, payload, extra, ends: Memo::new() })
    }
}

open_object! {
    Notification from Envelope via Envelope::checked, expecting "a PG Next notification, an object": {
        "entityId" => entity_id,
        "uuid" => uuid,
        "payload" => payload,
    }
}
