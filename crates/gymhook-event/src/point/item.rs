//! `Item`: one object of a Point notification's payload, a workout or an insight, with its times.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::UtcDateTime;

use super::{Insight, Workout};
use crate::raw::Raw;
use crate::{DecodeError, EncodeError, Id, IsoTime, decode, encode, lenient};

/// The times that an object names, as far as they can be read.
#[derive(Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) ended_at: Option<UtcDateTime>,
    pub(super) created_at: Option<UtcDateTime>,
}

/// One object of the payload: raw JSON that is read as what the notification's type says it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Item(Raw);

impl Item {
    /// Writes an object: a [`Workout`], an [`Insight`], or a type of your own.
    ///
    /// # Errors
    /// [`EncodeError`] if `object` cannot be written as JSON.
    pub fn new<T: Serialize>(object: &T) -> Result<Self, EncodeError> {
        encode::raw(object).map(Raw::from).map(Self)
    }

    /// The raw JSON.
    #[must_use]
    pub fn raw(&self) -> &RawValue {
        self.0.get()
    }

    /// The object as a workout.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not an object or a known field has another type; the raw JSON stays at hand.
    pub fn workout(&self) -> Result<Workout, DecodeError> {
        decode::view(self.raw())
    }

    /// The object as an insight.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not an object or a known field has another type; the raw JSON stays at hand.
    pub fn insight(&self) -> Result<Insight, DecodeError> {
        decode::view(self.raw())
    }

    pub(super) fn data(&self) -> Option<&RawValue> {
        (!self.0.is_null()).then(|| self.raw())
    }

    pub(super) fn id(&self) -> Option<Id> {
        #[derive(Deserialize)]
        struct Identified {
            id: Id,
        }
        decode::view(self.raw()).ok().map(|Identified { id }| id)
    }

    /// When it ended, and when it was recorded; each independently.
    pub(super) fn times(&self) -> Times {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Dated {
            #[serde(default, deserialize_with = "lenient::field")]
            created_at: Option<IsoTime>,
            #[serde(default, deserialize_with = "lenient::field")]
            end: Option<IsoTime>,
        }
        let Dated { created_at, end } = decode::view(self.raw()).unwrap_or_default();
        let to_utc = |time: Option<IsoTime>| time.as_ref().and_then(IsoTime::to_utc);
        Times { ended_at: to_utc(end), created_at: to_utc(created_at) }
    }
}
