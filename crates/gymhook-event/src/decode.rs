//! `decode`: decodes the bytes of a body to a notification; `DecodeError` says where and what did not fit.

use core::fmt;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use crate::JsonKind;
use crate::json_kind::{Beginning, in_json_s_words};
use crate::json_path::{Step, joined};
use crate::vendor::Choices;

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
/// - [`DecodeError::Empty`], [`DecodeError::ByteOrderMark`], [`DecodeError::NotJson`]: the text is not one JSON value: cut
///   short, followed by more, begun by a byte order mark, with half of a surrogate pair.
/// - [`DecodeError::Missing`], [`DecodeError::Repeated`]: a field that `N` requires is absent, or one it knows is repeated.
/// - [`DecodeError::Mismatch`]: a value has another JSON type or range than its field.
pub fn decode<N: DeserializeOwned>(body: &[u8]) -> Result<N, DecodeError> {
    let text = core::str::from_utf8(body)
        .map_err(|error| DecodeError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
    serde_json::from_str(text).map_err(|error| refusal::<N>(text, &error))
}

/// Reads a typed view of raw JSON that a notification kept.
pub(crate) fn view<T: DeserializeOwned>(raw: &RawValue) -> Result<T, DecodeError> {
    serde_json::from_str(raw.get()).map_err(|error| refusal::<T>(raw.get(), &error))
}

/// What to say about text that could not be read. It is read once more, to learn where: what is accepted never pays for that.
#[cold]
fn refusal<T: DeserializeOwned>(text: &str, error: &serde_json::Error) -> DecodeError {
    // Before the first character has been taken, serde_json counts from 0.
    let (line, column) = (error.line().max(1), error.column().max(1));
    match error.classify() {
        Category::Data => {
            let mut json = serde_json::Deserializer::from_str(text);
            let path = match serde_path_to_error::deserialize::<_, T>(&mut json) {
                Err(located) => located.path().clone(),
                // A custom type that refuses the same text only once.
                Ok(_) => return DecodeError::NotJson { line, column },
            };
            DecodeError::from_message(&error.to_string(), text, &path, line, column)
        }
        Category::Io | Category::Syntax | Category::Eof => DecodeError::not_json(text, line, column),
    }
}

fn steps(path: &Path) -> impl ExactSizeIterator<Item = Step<'_>> {
    path.iter().map(|segment| match segment {
        Segment::Seq { index } => Step::Index(*index),
        Segment::Map { key } => Step::Key(key),
        Segment::Enum { variant } => Step::Key(variant),
        Segment::Unknown => Step::Key("?"),
    })
}

/// What the value at the end of the path is; of a key that is repeated, the last.
fn kind_at(text: &str, path: &Path) -> Option<JsonKind> {
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    for step in steps(path) {
        value = match step {
            Step::Index(index) => *serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(index)?,
            Step::Key(key) => {
                *serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get()).ok()?.get(key)?
            }
        };
    }
    JsonKind::of(value.get())
}

/// The maximum number of characters of an error's "expected".
const MAX_EXPECTED: usize = 100;

/// Why a body is not the notification it was taken for.
///
/// Lines and columns count from 1, columns in bytes; for a view of raw data, they and the paths count within that data.
/// Paths are written as `payload[0].timestamp`; their steps are fields of the type that was read. Where a type of your own
/// takes any key, a step is a key of the body: printable ASCII, cut to at most 16 steps of at most 32 characters each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The sender's fault: the bytes are not UTF-8.
    #[error("not UTF-8 after byte {valid_up_to}: JSON is UTF-8 (RFC 8259, section 8.1)")]
    NotUtf8 {
        /// How many bytes from the start are valid.
        valid_up_to: usize,
    },
    /// The sender's fault: there is nothing, or nothing but white space.
    #[error("empty: there is no JSON in it")]
    Empty,
    /// The sender's fault: the text begins with U+FEFF, the bytes EF BB BF.
    #[error(
        "begins with a byte order mark (EF BB BF), which a sender must not put before JSON (RFC 8259, section 8.1)"
    )]
    ByteOrderMark,
    /// The sender's fault: the text is not one JSON value.
    #[error(
        "not JSON at line {line} column {column}: a character does not fit there, or the text ends too early"
    )]
    NotJson {
        /// Line of the first character that does not fit.
        line: usize,
        /// Column of the first character that does not fit.
        column: usize,
    },
    /// The sender's fault: a required field is absent.
    #[error("field `{field}` is missing, at line {line} column {column}")]
    Missing {
        /// The field's path.
        field: String,
        /// Line where its object ends.
        line: usize,
        /// Column where its object ends.
        column: usize,
    },
    /// The sender's fault: a known field is repeated in its object.
    #[error("field `{field}` is repeated, at line {line} column {column}")]
    Repeated {
        /// The field's path.
        field: String,
        /// Line of the repetition.
        line: usize,
        /// Column of the repetition.
        column: usize,
    },
    /// The sender's fault: a value is not what its field holds.
    #[error("{} expected {expected}, at line {line} column {column}", Found { path, found: *found })]
    Mismatch {
        /// The value's path; empty for the whole.
        path: String,
        /// What the value is, if that could be found out.
        found: Option<JsonKind>,
        /// What the field holds.
        expected: String,
        /// Line where the value ends.
        line: usize,
        /// Column where the value ends.
        column: usize,
    },
    /// The caller's fault: no module of this crate reads that vendor's bodies.
    #[error("no decoder for that vendor; the choices are {Choices}")]
    UnknownVendor,
}

impl DecodeError {
    fn not_json(text: &str, line: usize, column: usize) -> Self {
        match Beginning::of(text) {
            Beginning::Nothing => Self::Empty,
            Beginning::ByteOrderMark => Self::ByteOrderMark,
            Beginning::Other => Self::NotJson { line, column },
        }
    }

    // serde hands errors on as text only, and that text quotes the body. What is taken from it here was written by a
    // type's author: a field's name behind a fixed prefix, or what follows the *last* ", expected ".
    fn from_message(message: &str, text: &str, path: &Path, line: usize, column: usize) -> Self {
        let field_behind = |prefix: &str| {
            let name = message.strip_prefix(prefix)?.split('`').next()?;
            let all: Vec<Step<'_>> = steps(path).chain([Step::Key(name)]).collect();
            Some(joined(all.into_iter()))
        };
        if let Some(field) = field_behind("missing field `") {
            return Self::Missing { field, line, column };
        }
        if let Some(field) = field_behind("duplicate field `") {
            return Self::Repeated { field, line, column };
        }
        let expected = message.rsplit_once(", expected ").map_or("another value", |(_, tail)| {
            tail.rsplit_once(" at line ").map_or(tail, |(expected, _)| expected)
        });
        // For this crate's types it is short and plain; a type of your own may let the body have a say in it.
        let expected =
            in_json_s_words(expected).chars().take(MAX_EXPECTED).flat_map(char::escape_debug).collect();
        Self::Mismatch { path: joined(steps(path)), found: kind_at(text, path), expected, line, column }
    }
}

/// The first half of what is said about a value that does not fit.
struct Found<'e> {
    path: &'e str,
    found: Option<JsonKind>,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path {
            "" => f.write_str("the JSON is ")?,
            path => write!(f, "field `{path}` is ")?,
        }
        match self.found {
            Some(found) => write!(f, "{found},"),
            None => f.write_str("not what it should be,"),
        }
    }
}
