//! `Notification` of Point: the body of a request, an event type, a user and the payload.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{EventType, Item};
use crate::open_names::Spelled;
use crate::open_object::{Field, open_object};
use crate::{DedupeKey, Event, Extra, Id, Subject, SubjectKind, Vendor};

/// The body of a Point request: one type, and the objects it was created for.
///
/// `eventType`, `userId` and `payload` are required.
///
/// ```
/// use gymhook_event::{Kind, Notification as _, decode, point};
///
/// let body = br#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit",
///     "clientId":"c-1","payload":[{"id":2,"calories":310.50},{"id":1}]}"#;
/// let notification: point::Notification = decode(body)?;
/// assert_eq!(notification.events().filter(|event| event.kind == Kind::WorkoutRecorded).count(), 2);
/// assert_eq!(notification.items()[0].workout()?.calories.unwrap().as_str(), "310.50");
/// assert_eq!(notification.dedupe_key().unwrap().as_str(), "point:c-1:u-1:workout.created:1:2");
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    event_type: Spelled<EventType>,
    user_id: Id,
    user_external_id: Field<Id>,
    data_source: Field<String>,
    client_id: Field<Id>,
    payload: Vec<Item>,
    extra: Extra,
}

/// The user, data source and application of a notification; what a new [`Notification`] is made from.
///
/// ```
/// use gymhook_event::point::Source;
///
/// let source = Source::new("u-1", "fitbit", "c-1").with_user_external_id("member-1042");
/// assert_eq!(source.user_external_id, Some("member-1042".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// Point's id of the user.
    pub user_id: Id,
    /// Your own id of the user.
    pub user_external_id: Option<Id>,
    /// The service that recorded the data; the vendor names Apple HealthKit, Fitbit and Oura, not how they are spelled.
    pub data_source: String,
    /// Point's id of your application.
    pub client_id: Id,
}

impl Source {
    /// Data of this user, recorded by this service, for this application; your own id of the user is not known.
    #[must_use]
    pub fn new(user_id: impl Into<Id>, data_source: impl Into<String>, client_id: impl Into<Id>) -> Self {
        Self {
            user_id: user_id.into(),
            user_external_id: None,
            data_source: data_source.into(),
            client_id: client_id.into(),
        }
    }

    /// The same source with your own id of the user.
    #[must_use]
    pub fn with_user_external_id(self, user_external_id: impl Into<Id>) -> Self {
        Self { user_external_id: Some(user_external_id.into()), ..self }
    }
}

impl Notification {
    /// A notification of that type about those objects.
    #[must_use]
    pub fn new(event_type: EventType, source: Source, items: Vec<Item>) -> Self {
        Self {
            event_type: event_type.into(),
            user_id: source.user_id,
            user_external_id: source.user_external_id.map_or(Field::Null, Field::Value),
            data_source: Field::Value(source.data_source),
            client_id: Field::Value(source.client_id),
            payload: items,
            extra: Extra::new(),
        }
    }

    /// What happened.
    #[must_use]
    pub const fn event_type(&self) -> &EventType {
        self.event_type.value()
    }

    /// Point's id of the user.
    #[must_use]
    pub const fn user_id(&self) -> &Id {
        &self.user_id
    }

    /// Your own id of the user.
    #[must_use]
    pub const fn user_external_id(&self) -> Option<&Id> {
        self.user_external_id.as_option()
    }

    /// The service that recorded the data.
    #[must_use]
    pub fn data_source(&self) -> Option<&str> {
        self.data_source.as_option().map(String::as_str)
    }

    /// Point's id of your application.
    #[must_use]
    pub const fn client_id(&self) -> Option<&Id> {
        self.client_id.as_option()
    }

    /// The objects of the payload.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.payload
    }

    /// All other fields of the envelope.
    #[must_use]
    pub const fn extra(&self) -> &Extra {
        &self.extra
    }
}

impl crate::Notification for Notification {
    fn vendor(&self) -> Vendor {
        Vendor::POINT
    }

    fn event_count(&self) -> usize {
        self.payload.len().max(1)
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        let item = self.payload.get(index);
        if item.is_none() && index >= self.event_count() {
            return None;
        }
        let times = item.map(Item::times).unwrap_or_default();
        let occurred_at = match self.event_type() {
            // An insight happens when it is drawn: its event is named after that.
            EventType::InsightCreated => times.created_at,
            EventType::WorkoutCreated | EventType::Other(_) => times.ended_at,
        };
        let event = Event::new(Vendor::POINT, self.event_type.as_str(), self.event_type().kind())
            .with_subject(Subject::new(SubjectKind::User, Some(self.user_id.as_subject_id())))
            .with_occurred_at(occurred_at)
            .with_recorded_at(times.created_at)
            .with_data(item.and_then(Item::data));
        Some(event)
    }

    fn dedupe_key(&self) -> Option<DedupeKey> {
        if matches!(self.event_type(), EventType::Other(_)) || self.payload.is_empty() {
            return None;
        }
        let named = |id: &Id| (!id.is_empty()).then(|| id.to_string());
        let (client, user) = (named(self.client_id()?)?, named(&self.user_id)?);
        let mut ids = self.payload.iter().map(Item::id).collect::<Option<Vec<_>>>()?;
        ids.sort_unstable();
        let ids = ids.iter().map(named).collect::<Option<Vec<_>>>()?;
        let fields = [client.as_str(), user.as_str(), self.event_type.as_str()].into_iter();
        let fields = fields.chain(ids.iter().map(String::as_str));
        Some(DedupeKey::derived(Vendor::POINT, &fields.collect::<Vec<_>>()))
    }
}

impl Serialize for Notification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("eventType", &self.event_type)?;
        map.serialize_entry("userId", &self.user_id)?;
        self.user_external_id.serialize_into("userExternalId", &mut map)?;
        self.data_source.serialize_into("dataSource", &mut map)?;
        self.client_id.serialize_into("clientId", &mut map)?;
        map.serialize_entry("payload", &self.payload)?;
        self.extra.serialize_into(&mut map)?;
        map.end()
    }
}

open_object! {
    Notification from Notification via Ok, expecting "a Point notification, an object": {
        "eventType" => event_type,
        "userId" => user_id,
        "userExternalId" => user_external_id,
        "dataSource" => data_source,
        "clientId" => client_id,
        "payload" => payload,
    }
}
