//! `field`: reads the known fields of an object independently: one that cannot be read does not affect the others;
//! `FromJson`, what it reads.

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{Id, IsoTime, raw};

/// What is read from JSON that is at hand, without parsing it twice.
pub(crate) trait FromJson: Sized {
    /// `None` if the JSON is `null`, or anything else that it is not.
    fn from_json(json: Box<RawValue>) -> Option<Self>;
}

impl FromJson for String {
    fn from_json(json: Box<RawValue>) -> Option<Self> {
        raw::into_text(json).ok()
    }
}

impl FromJson for IsoTime {
    fn from_json(json: Box<RawValue>) -> Option<Self> {
        String::from_json(json).map(Self::new)
    }
}

impl FromJson for Id {
    fn from_json(json: Box<RawValue>) -> Option<Self> {
        Self::read(json)
    }
}

/// A field of whatever JSON: `None` if it is `null` or not what it is read as. For `deserialize_with`, beside `default`.
pub(crate) fn field<'de, D: Deserializer<'de>, T: FromJson>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(T::from_json(Box::<RawValue>::deserialize(deserializer)?))
}
