//! `Raw`: JSON kept as text.

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
