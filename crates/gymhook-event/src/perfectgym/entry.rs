//! `Entry`: one PerfectGym event in its envelope, with its date and its raw data.

use serde::de;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use time::UtcDateTime;

use super::subject::About;
use super::{Data, EventType, TestData};
use crate::memo::Memo;
use crate::open_names::Spelled;
use crate::open_object::{Field, open_object};
use crate::raw::{self, Raw};
use crate::{DecodeError, EncodeError, Event, Extra, IsoTime, Vendor, YearOutOfRange, decode, encode};

/// One event: its name, when it was triggered, and its data.
///
/// Only the name is required; an event is not lost for a date that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    event_type: Spelled<EventType>,
    triggered_date: Field<Date>,
    data: Field<Raw>,
    extra: Extra,
    about: Memo<About>,
}

impl Entry {
    /// An event without data.
    ///
    /// # Errors
    /// [`YearOutOfRange`] if `triggered_date` is outside the years 0 to 9999.
    pub fn new(event_type: EventType, triggered_date: UtcDateTime) -> Result<Self, YearOutOfRange> {
        Ok(Self {
            event_type: event_type.into(),
            triggered_date: Field::Value(Date::Text(triggered_date.try_into()?)),
            data: Field::Absent,
            extra: Extra::new(),
            about: Memo::new(),
        })
    }

    /// The same event with that data: [`Data`], [`TestData`], or a type of your own.
    ///
    /// # Errors
    /// [`EncodeError`] if `data` cannot be written as JSON.
    pub fn with_data<T: Serialize>(self, data: &T) -> Result<Self, EncodeError> {
        Ok(Self { data: Field::Value(encode::raw(data)?.into()), about: Memo::new(), ..self })
    }

    /// What happened.
    #[must_use]
    pub const fn event_type(&self) -> &EventType {
        self.event_type.value()
    }

    /// When it was triggered, as received; `None` if it is not text.
    ///
    /// [`IsoTime::to_utc_assuming_utc`] reads it: the vendor's times are in UTC, so one without a zone is, too.
    #[must_use]
    pub const fn triggered_date(&self) -> Option<&IsoTime> {
        match self.triggered_date.as_option() {
            Some(Date::Text(date)) => Some(date),
            Some(Date::Other(_)) | None => None,
        }
    }

    /// The value in place of a date, as raw JSON, if it is not text: for example a number, whose meaning is not known.
    #[must_use]
    pub fn undated(&self) -> Option<&RawValue> {
        match self.triggered_date.as_option() {
            Some(Date::Other(json)) => Some(json.get()),
            Some(Date::Text(_)) | None => None,
        }
    }

    /// The data as raw JSON; `None` if absent or `null`.
    #[must_use]
    pub fn raw_data(&self) -> Option<&RawValue> {
        self.data.as_option().map(Raw::get)
    }

    /// The known fields of the data; all `None` if there is no data.
    ///
    /// # Errors
    /// [`DecodeError`] if the data is not an object, or a known field is duplicated in it; the raw JSON stays at hand.
    pub fn data(&self) -> Result<Data, DecodeError> {
        self.raw_data().map_or_else(|| Ok(Data::default()), decode::view)
    }

    /// The data of a `Test`; `None` if there is no data.
    ///
    /// # Errors
    /// [`DecodeError`] if the data is not what the vendor's page prints.
    pub fn test_data(&self) -> Result<Option<TestData>, DecodeError> {
        self.raw_data().map(decode::view).transpose()
    }

    /// All other fields.
    #[must_use]
    pub const fn extra(&self) -> &Extra {
        &self.extra
    }

    pub(super) fn event(&self) -> Event<'_> {
        let about = self.about.get(|| About::read(self.event_type(), self.data().ok().as_ref()));
        Event::new(Vendor::PERFECTGYM, self.event_type.as_str(), self.event_type().kind())
            .with_subject(about.subject())
            .with_related(about.related())
            .with_occurred_at(self.triggered_date().and_then(IsoTime::to_utc_assuming_utc))
            .with_data(self.raw_data())
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event", &self.event_type)?;
        self.triggered_date.serialize_into("triggeredDate", &mut map)?;
        self.data.serialize_into("data", &mut map)?;
        self.extra.serialize_into(&mut map)?;
        map.end()
    }
}

/// `triggeredDate`: text that may be a date, or any other value, since no event is refused for its date.
#[derive(Clone, Debug, PartialEq)]
enum Date {
    Text(IsoTime),
    Other(Raw),
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(date) => date.serialize(serializer),
            Self::Other(json) => json.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Ok(match raw::into_text(json) {
            Ok(text) => Self::Text(IsoTime::new(text)),
            Err(json) => Self::Other(json.into()),
        })
    }
}

struct Envelope {
    event_type: Spelled<EventType>,
    triggered_date: Field<Date>,
    data: Field<Raw>,
    extra: Extra,
}

impl Envelope {
    fn into_entry<E: de::Error>(self) -> Result<Entry, E> {
        let Self { event_type, triggered_date, data, extra } = self;
        Ok(Entry { event_type, triggered_date, data, extra, about: Memo::new() })
    }
}

open_object! {
    Entry from Envelope via Envelope::into_entry, expecting "a PerfectGym event, an object": {
        "event" => event_type,
        "triggeredDate" => triggered_date,
        "data" => data,
    }
}
