//! Ids that are numbers for some senders and text for others.

use core::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, Unexpected, Visitor,
};
use serde::{Serialize, Serializer};

use crate::SubjectId;

/// A vendor's id: a whole JSON number or a JSON string, written back as it was received.
///
/// `1.0`, `1e3` and whole numbers beyond 64 bits are refused rather than rounded. Two spellings of one id, `12` and
/// `"12"`, are different values; compare their texts to see past that.
///
/// ```
/// use gymhook_event::Id;
///
/// let number: Id = serde_json::from_str("7893459")?;
/// let text: Id = serde_json::from_str("\"7893459\"")?;
/// assert_ne!(number, text);
/// assert_eq!(number.to_string(), text.to_string());
/// assert_eq!(text.as_i64(), Some(7893459));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Number(i64),
    Text(String),
}

impl Id {
    /// The id as a number, if it was received as one or is the plain decimal text of one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Number(number) => Some(*number),
            Repr::Text(text) => text.parse().ok().filter(|number: &i64| number.to_string() == *text),
        }
    }

    /// The id without owning it, as a subject carries it.
    #[must_use]
    pub fn as_subject_id(&self) -> SubjectId<'_> {
        match &self.0 {
            Repr::Number(number) => SubjectId::Number(*number),
            Repr::Text(text) => SubjectId::Text(text),
        }
    }
}

impl From<i64> for Id {
    fn from(number: i64) -> Self {
        Self(Repr::Number(number))
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self(Repr::Text(text))
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(Repr::Text(text.to_owned()))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_subject_id().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => write!(f, "Id({number})"),
            Repr::Text(text) => write!(f, "Id({text:?})"),
        }
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Number(number) => serializer.serialize_i64(*number),
            Repr::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a whole number of 64 bits, or a string")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
        Ok(Id(Repr::Number(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
        i64::try_from(number)
            .map(Id::from)
            .map_err(|_| de::Error::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
        Ok(Id::from(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Id, E> {
        Ok(Id::from(text))
    }

    // With `arbitrary_precision` on, serde_json hands every number over as a map that only its own `Number` can read.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Id, A::Error> {
        let refused = || de::Error::invalid_type(Unexpected::Map, &self);
        let number = serde_json::Number::deserialize(MapAccessDeserializer::new(OwnKeys(map)))
            .map_err(|_| refused())?;
        // There, unlike otherwise, `-0` counts as whole: keep one answer for both.
        let negative_zero = |whole: i64| whole == 0 && number.as_f64().is_some_and(f64::is_sign_negative);
        number.as_i64().filter(|&whole| !negative_zero(whole)).map(Id::from).ok_or_else(refused)
    }
}

/// Reads keys apart from the map they are in, so that a key that is not `Number`'s is no error of the map: what follows an error
/// to its path then ends at the id, and not at a stranger's key within it.
struct OwnKeys<A>(A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OwnKeys<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let key = self.0.next_key::<String>()?;
        key.map(|key| seed.deserialize(key.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
