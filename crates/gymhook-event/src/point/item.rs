//! One object of the payload.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::UtcDateTime;

use super::{Insight, Workout};
use crate::raw::Raw;
use crate::{DecodeError, EncodeError, Id, IsoTime, decode, encode};

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

    pub(super) fn occurred_at(&self) -> Option<UtcDateTime> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Dated {
            created_at: Option<IsoTime>,
            end: Option<IsoTime>,
        }
        let Dated { created_at, end } = decode::view(self.raw()).ok()?;
        [created_at, end].into_iter().flatten().find_map(|time| time.to_utc())
    }
}
