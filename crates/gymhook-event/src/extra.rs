//! `Extra`: the fields of an object that this crate does not know.

use serde::ser::SerializeMap;
use serde_json::value::RawValue;

use crate::raw::Raw;

/// The fields of an object that its type does not know, in the order received, with their JSON as text.
///
/// They are written back behind the known fields. Empty, it costs nothing; a repeated field is kept twice.
///
/// ```
/// use gymhook_event::{decode, egym};
///
/// let body = br#"{"type":"TEST","gymId":"g-1"}"#;
/// let notification: egym::Notification = decode(body)?;
/// assert_eq!(notification.extra().get("gymId").map(|json| json.get()), Some("\"g-1\""));
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extra(Vec<(String, Raw)>);

impl Extra {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn push(&mut self, name: String, json: Raw) {
        self.0.push((name, json));
    }

    /// The JSON of the first field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.iter().find(|(field, _)| *field == name).map(|(_, json)| json)
    }

    /// Names and JSON in the order received.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, json)| (name.as_str(), json.get()))
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every field was known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0.iter().try_for_each(|(name, json)| map.serialize_entry(name, json))
    }
}
