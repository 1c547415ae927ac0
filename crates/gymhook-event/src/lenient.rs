//! `field`: reads the known fields of an object independently: one that cannot be read does not affect the others.

use serde::de::{Deserialize, DeserializeOwned, Deserializer};

use crate::raw::Raw;

/// A field of whatever JSON: `None` if it is `null` or not what it is read as. For `deserialize_with`, beside `default`.
pub(crate) fn field<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = Raw::deserialize(deserializer)?;
    Ok(serde_json::from_str::<Option<T>>(raw.get().get()).ok().flatten())
}
