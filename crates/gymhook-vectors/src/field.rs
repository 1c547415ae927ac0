//! `Object`: reads the fields of a case one by one, so that an error names the field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

/// A JSON object with the path that leads to it.
#[derive(Debug)]
pub(crate) struct Object<'v> {
    path: String,
    fields: &'v Map<String, Value>,
}

impl<'v> Object<'v> {
    pub(crate) fn new(path: &str, value: &'v Value) -> Result<Self, FieldError> {
        let shown = if path.is_empty() { "(the case itself)" } else { path };
        let fields = value.as_object().ok_or_else(|| FieldError::invalid(shown, "not an object"))?;
        Ok(Self { path: path.to_owned(), fields })
    }

    /// The field's value; `null` only if `T` takes it.
    pub(crate) fn required<T: Deserialize<'v>>(&self, name: &str) -> Result<T, FieldError> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    /// The field's value if the field is there; `null` only if `T` takes it.
    pub(crate) fn optional<T: Deserialize<'v>>(&self, name: &str) -> Result<Option<T>, FieldError> {
        let read =
            |value| T::deserialize(value).map_err(|error| FieldError::invalid(self.path_of(name), error));
        self.fields.get(name).map(read).transpose()
    }

    pub(crate) fn object(&self, name: &str) -> Result<Self, FieldError> {
        Self::new(&self.path_of(name), self.value(name)?)
    }

    /// The objects of the array in this field.
    pub(crate) fn objects(&self, name: &str) -> Result<Vec<Self>, FieldError> {
        let values = self.value(name)?.as_array().ok_or_else(|| self.invalid(name, "not an array"))?;
        let numbered = values.iter().enumerate();
        numbered.map(|(n, value)| Self::new(&format!("{}[{n}]", self.path_of(name)), value)).collect()
    }

    /// Bytes written in base64.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, FieldError> {
        STANDARD.decode(self.required::<&str>(name)?).map_err(|error| self.invalid(name, error))
    }

    /// An instant written as RFC 3339 says.
    pub(crate) fn instant(&self, name: &str) -> Result<Option<UtcDateTime>, FieldError> {
        let read = |text| UtcDateTime::parse(text, &Rfc3339).map_err(|error| self.invalid(name, error));
        self.optional::<Option<&str>>(name)?.flatten().map(read).transpose()
    }

    /// Refuses every other field: what is not understood is not silently left unchecked.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), FieldError> {
        let unknown = self.fields.keys().find(|name| !known.contains(&name.as_str()));
        unknown.map_or(Ok(()), |name| Err(FieldError::Unknown { field: self.path_of(name) }))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    fn value(&self, name: &str) -> Result<&'v Value, FieldError> {
        self.fields.get(name).ok_or_else(|| self.missing(name))
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn missing(&self, name: &str) -> FieldError {
        FieldError::Missing { field: self.path_of(name) }
    }

    pub(crate) fn invalid(&self, name: &str, problem: impl ToString) -> FieldError {
        FieldError::invalid(self.path_of(name), problem)
    }
}

/// Why a field of a case cannot be used. Caused by the file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// The value is of the wrong kind or means nothing here.
    #[error("field {field}: {problem}")]
    Invalid {
        /// The path to the field, such as `scheme.unit`.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The field is not there.
    #[error("field {field} is missing")]
    Missing {
        /// The path to the field.
        field: String,
    },
    /// The field is not part of the format.
    #[error("field {field} is unknown")]
    Unknown {
        /// The path to the field.
        field: String,
    },
}

impl FieldError {
    pub(crate) fn invalid(field: impl Into<String>, problem: impl ToString) -> Self {
        Self::Invalid { field: field.into(), problem: problem.to_string() }
    }
}
