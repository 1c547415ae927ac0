//! From the bytes of a body to a notification.

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// Reads a notification from the body of a request.
///
/// The bytes are checked to be UTF-8 once and parsed once. What a vendor's type does not know is kept as raw JSON, so
/// a body that only says *more* than this crate knows is never refused. Raw JSON is skipped over without limit on its
/// nesting; the size limit of your server bounds it, and [`check_strict`](crate::check_strict) refuses it.
///
/// ```
/// use gymhook_event::{DecodeError, decode, egym};
///
/// let cut = br#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","type":"GYM_CHECKIN"}"#;
/// let error = decode::<egym::Notification>(cut).unwrap_err();
/// assert_eq!(error.to_string(), "field `timestamp` is missing, at line 1 column 73");
/// ```
///
/// # Errors
/// All are the sender's fault and carry no byte of the body:
/// - [`DecodeError::NotUtf8`]: the bytes are not UTF-8.
/// - [`DecodeError::NotJson`]: the text is not one JSON value: cut short, followed by more, begun by a byte order mark,
///   with half of a surrogate pair.
/// - [`DecodeError::Missing`], [`DecodeError::Repeated`]: a field that `N` requires is absent, or one it knows stands twice.
/// - [`DecodeError::Mismatch`]: a value has another JSON type or range than its field.
pub fn decode<N: DeserializeOwned>(body: &[u8]) -> Result<N, DecodeError> {
    let text = core::str::from_utf8(body)
        .map_err(|error| DecodeError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
    serde_json::from_str(text).map_err(|error| DecodeError::from_json(&error))
}

/// Reads a typed view of raw JSON that a notification kept.
pub(crate) fn view<T: DeserializeOwned>(raw: &RawValue) -> Result<T, DecodeError> {
    serde_json::from_str(raw.get()).map_err(|error| DecodeError::from_json(&error))
}

/// Why a body is not the notification it was taken for.
///
/// Lines and columns count from 1, columns in bytes; for a view of raw data they count within that data. Field names
/// are those of this crate's types, never text from the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The sender's fault: the bytes are not UTF-8.
    #[error("not UTF-8 after byte {valid_up_to}")]
    NotUtf8 {
        /// How many bytes from the start are valid.
        valid_up_to: usize,
    },
    /// The sender's fault: the text is not one JSON value.
    #[error("not JSON at line {line} column {column}")]
    NotJson {
        /// Line of the first character that does not fit.
        line: usize,
        /// Column of the first character that does not fit.
        column: usize,
    },
    /// The sender's fault: a required field is absent.
    #[error("field `{field}` is missing, at line {line} column {column}")]
    Missing {
        /// The field's name.
        field: String,
        /// Line where its object ends.
        line: usize,
        /// Column where its object ends.
        column: usize,
    },
    /// The sender's fault: a known field stands more than once in its object.
    #[error("field `{field}` is repeated, at line {line} column {column}")]
    Repeated {
        /// The field's name.
        field: String,
        /// Line of the repetition.
        line: usize,
        /// Column of the repetition.
        column: usize,
    },
    /// The sender's fault: a value is not what its field holds.
    #[error("expected {expected} at line {line} column {column}")]
    Mismatch {
        /// What the field holds.
        expected: String,
        /// Line where the value ends.
        line: usize,
        /// Column where the value ends.
        column: usize,
    },
    /// The caller's fault: no module of this crate reads that vendor's bodies.
    #[error("no decoder for that vendor; the choices are gympoint, egym, perfectgym, pg-next, point")]
    UnknownVendor,
}

impl DecodeError {
    fn from_json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Io | Category::Syntax | Category::Eof => Self::NotJson { line, column },
            Category::Data => Self::from_message(&error.to_string(), line, column),
        }
    }

    // serde hands errors on as text only, and that text quotes the body. What is taken from it here was written by a
    // type's author: a field's name behind a fixed prefix, or what stands behind the *last* ", expected ".
    fn from_message(message: &str, line: usize, column: usize) -> Self {
        let quoted = |prefix: &str| message.strip_prefix(prefix)?.split('`').next().map(String::from);
        if let Some(field) = quoted("missing field `") {
            return Self::Missing { field, line, column };
        }
        if let Some(field) = quoted("duplicate field `") {
            return Self::Repeated { field, line, column };
        }
        let expected = message.rsplit_once(", expected ").map_or("another value", |(_, tail)| {
            tail.rsplit_once(" at line ").map_or(tail, |(expected, _)| expected)
        });
        Self::Mismatch { expected: expected.to_owned(), line, column }
    }
}
