//! `Notification` of GymPoint: the body of a request. Its form is assumed, since the vendor does not publish it.

use serde::de;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::EventType;
use crate::open_names::{OpenName as _, Spelled};
use crate::open_object::{Field, open_object};
use crate::raw::Raw;
use crate::{DedupeKey, EncodeError, Event, Extra, Subject, Vendor, encode};

/// The body of a GymPoint request, in the form this crate assumes; one event.
///
/// ```
/// use gymhook_event::{Kind, Notification as _, decode, gympoint};
///
/// let notification: gympoint::Notification = decode(br#"{"event":"member.created","data":{"id":"m_1"}}"#)?;
/// assert_eq!(notification.event_type(), &gympoint::EventType::MemberCreated);
/// assert_eq!(notification.data().map(|json| json.get()), Some(r#"{"id":"m_1"}"#));
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    event_type: EventType,
    name_field: NameField,
    data: Field<Raw>,
    extra: Extra,
}

/// Which field of the envelope names the event; the vendor does not publish it, both are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameField {
    /// `event`, which is also what a new notification uses; it wins where both are present.
    Event,
    /// `type`.
    Type,
}

impl Notification {
    /// A notification without data, named by the field `event`.
    #[must_use]
    pub const fn new(event_type: EventType) -> Self {
        Self { event_type, name_field: NameField::Event, data: Field::Absent, extra: Extra::new() }
    }

    /// The same notification with that data.
    ///
    /// # Errors
    /// [`EncodeError`] if `data` cannot be written as JSON.
    pub fn with_data<T: Serialize>(self, data: &T) -> Result<Self, EncodeError> {
        Ok(Self { data: Field::Value(encode::raw(data)?.into()), ..self })
    }

    /// The same notification, named by that field.
    #[must_use]
    pub fn with_name_field(self, name_field: NameField) -> Self {
        Self { name_field, ..self }
    }

    /// What happened.
    #[must_use]
    pub const fn event_type(&self) -> &EventType {
        &self.event_type
    }

    /// The field that names the event.
    #[must_use]
    pub const fn name_field(&self) -> NameField {
        self.name_field
    }

    /// The field `data` as raw JSON; `None` if absent or `null`.
    #[must_use]
    pub fn data(&self) -> Option<&RawValue> {
        self.data.as_option().map(Raw::get)
    }

    /// All other fields.
    #[must_use]
    pub const fn extra(&self) -> &Extra {
        &self.extra
    }
}

impl crate::Notification for Notification {
    fn vendor(&self) -> Vendor {
        Vendor::GYMPOINT
    }

    fn event_count(&self) -> usize {
        1
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        (index == 0).then(|| {
            Event::new(Vendor::GYMPOINT, self.event_type.as_str(), self.event_type.kind())
                .with_subject(Subject::new(self.event_type.subject_kind(), None))
                .with_data(self.data())
        })
    }

    /// `None`: no id is published.
    fn dedupe_key(&self) -> Option<DedupeKey> {
        None
    }
}

impl Serialize for Notification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let name_field = match self.name_field {
            NameField::Event => "event",
            NameField::Type => "type",
        };
        map.serialize_entry(name_field, self.event_type.as_str())?;
        self.data.serialize_into("data", &mut map)?;
        self.extra.serialize_into(&mut map)?;
        map.end()
    }
}

struct Envelope {
    event: Field<Spelled<EventType>>,
    other_name: Field<TypeField>,
    data: Field<Raw>,
    extra: Extra,
}

impl Envelope {
    fn into_notification<E: de::Error>(self) -> Result<Notification, E> {
        let Self { event, other_name, data, mut extra } = self;
        if let Field::Value(event) = event {
            match other_name {
                Field::Absent => {}
                Field::Null => extra.push("type".to_owned(), RawValue::NULL.to_owned().into()),
                Field::Value(TypeField { json, .. }) => extra.push("type".to_owned(), json),
            }
            return Ok(Notification {
                event_type: event.into_value(),
                name_field: NameField::Event,
                data,
                extra,
            });
        }
        let Field::Value(TypeField { name: Some(event_type), .. }) = other_name else {
            return Err(E::missing_field("event"));
        };
        if event == Field::Null {
            extra.push("event".to_owned(), RawValue::NULL.to_owned().into());
        }
        Ok(Notification { event_type, name_field: NameField::Type, data, extra })
    }
}

open_object! {
    Notification from Envelope via Envelope::into_notification, expecting "a GymPoint notification, an object": {
        "event" => event,
        "type" => other_name,
        "data" => data,
    }
}

/// `type` names the event only if `event` does not, so it may hold anything.
struct TypeField {
    json: Raw,
    name: Option<EventType>,
}

impl<'de> Deserialize<'de> for TypeField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Raw::deserialize(deserializer)?;
        let name =
            serde_json::from_str::<String>(json.get().get()).ok().map(|name| EventType::from_wire(&name).0);
        Ok(Self { json, name })
    }
}
