//! `Item`: one element of a PG Next notification's `payload`.

use serde::de;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use time::UtcDateTime;

use super::reading::Reading;
use super::{Content, EventType};
use crate::memo::Memo;
use crate::open_names::Spelled;
use crate::open_object::{Field, open_object};
use crate::raw::Raw;
use crate::{BeforeUnixEpoch, DecodeError, EncodeError, Extra, UnixMillis, decode, encode};

/// One event of the payload: its type, when it happened, and for some types a little content.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    timestamp: UnixMillis,
    event_type: Spelled<EventType>,
    content: Field<Raw>,
    extra: Extra,
    reading: Memo<Reading>,
}

impl Item {
    /// An event without content; the time is cut to milliseconds.
    ///
    /// # Errors
    /// [`BeforeUnixEpoch`] if `occurred_at` is before 1970.
    pub fn new(event_type: EventType, occurred_at: UtcDateTime) -> Result<Self, BeforeUnixEpoch> {
        Ok(Self {
            timestamp: occurred_at.try_into()?,
            event_type: event_type.into(),
            content: Field::Absent,
            extra: Extra::new(),
            reading: Memo::new(),
        })
    }

    /// The same event with that content: [`Content`], or a type of your own.
    ///
    /// # Errors
    /// [`EncodeError`] if `content` cannot be written as JSON.
    pub fn with_content<T: Serialize>(self, content: &T) -> Result<Self, EncodeError> {
        Ok(Self { content: Field::Value(encode::raw(content)?.into()), reading: Memo::new(), ..self })
    }

    /// What happened.
    #[must_use]
    pub const fn event_type(&self) -> &EventType {
        self.event_type.value()
    }

    /// The type as it was spelled.
    #[must_use]
    pub fn event_name(&self) -> &str {
        self.event_type.as_str()
    }

    /// When it happened, in milliseconds as received.
    #[must_use]
    pub const fn timestamp(&self) -> UnixMillis {
        self.timestamp
    }

    /// The content as raw JSON; `None` if absent or `null`.
    #[must_use]
    pub fn raw_content(&self) -> Option<&RawValue> {
        self.content.as_option().map(Raw::get)
    }

    /// The known fields of the content; all `None` if there is no content.
    ///
    /// # Errors
    /// [`DecodeError`] if the content is not an object or a known field has another type; the raw JSON stays at hand.
    pub fn content(&self) -> Result<Content, DecodeError> {
        self.raw_content().map_or_else(|| Ok(Content::default()), decode::view)
    }

    /// All other fields.
    #[must_use]
    pub const fn extra(&self) -> &Extra {
        &self.extra
    }

    pub(super) fn reading(&self) -> &Reading {
        self.reading.get(|| Reading::of(self.event_type(), self.raw_content()))
    }

    /// How many events it is: one for each person who was checked out, else one.
    pub(super) fn event_count(&self) -> usize {
        self.reading().checkouts.len().max(1)
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("type", &self.event_type)?;
        self.content.serialize_into("content", &mut map)?;
        self.extra.serialize_into(&mut map)?;
        map.end()
    }
}

struct Envelope {
    timestamp: UnixMillis,
    event_type: Spelled<EventType>,
    content: Field<Raw>,
    extra: Extra,
}

impl Envelope {
    fn into_item<E: de::Error>(self) -> Result<Item, E> {
        let Self { timestamp, event_type, content, extra } = self;
        Ok(Item { timestamp, event_type, content, extra, reading: Memo::new() })
    }
}

open_object! {
    Item from Envelope via Envelope::into_item, expecting "an event of the payload, an object": {
        "timestamp" => timestamp,
        "type" => event_type,
        "content" => content,
    }
}
