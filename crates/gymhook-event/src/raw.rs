//! `Raw`: JSON kept as text; `into_text`, the text of a JSON string.

use core::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Raw JSON that compares by its text, which [`RawValue`] does not.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Raw(Box<RawValue>);

impl Raw {
    pub(crate) fn get(&self) -> &RawValue {
        &self.0
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.get() == "null"
    }
}

/// The text of a JSON string. It takes the place of the JSON that it was written in, without an allocation where nothing is
/// escaped.
pub(crate) fn into_text(json: Box<RawValue>) -> Result<String, Box<RawValue>> {
    let quoted = json.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        None => Err(json),
        Some(escaped) if escaped.contains('\\') => serde_json::from_str(json.get()).map_err(|_| json),
        Some(_) => {
            let mut text = String::from(Box::<str>::from(json));
            text.pop();
            text.remove(0);
            Ok(text)
        }
    }
}

impl From<Box<RawValue>> for Raw {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw)
    }
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}
