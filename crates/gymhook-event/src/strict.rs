//! The check for bodies that move money.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::IgnoredAny;

use crate::json_path::{Step, joined};
use crate::json_text::Beginning;

/// How deep objects and arrays may be nested.
const MAX_DEPTH: usize = 128;

/// Refuses a body that two readers could understand differently.
///
/// JSON leaves open what a repeated key means, and most parsers silently take the last. A body that says
/// `{"amount":1,"amount":1000}` then means one thing to the code that checks it and another to the code that books it.
/// [`decode`](crate::decode) refuses repetitions of fields it knows; what it keeps as raw JSON it does not look into.
/// This looks everywhere, in time linear in the body (but for sorting the keys of each object), with a stack of its own.
///
/// ```
/// use gymhook_event::check_strict;
///
/// let body = br#"{"payload":[{"content":{"contractId":1,"contract\u0049d":2}}]}"#;
/// let refusal = check_strict(body).unwrap_err();
/// assert_eq!(
///     refusal.to_string(),
///     "key `payload[0].content.contractId` is repeated: two readers could take different values"
/// );
/// ```
///
/// # Errors
/// All are the sender's fault:
/// - [`StrictError::NotUtf8`], [`StrictError::Empty`], [`StrictError::ByteOrderMark`], [`StrictError::NotJson`]: the body
///   is not one JSON value, or one of its strings holds half of a surrogate pair.
/// - [`StrictError::RepeatedKey`]: a key is repeated in one object, whichever way it is escaped.
/// - [`StrictError::TooDeep`]: objects and arrays are nested deeper than 128.
pub fn check_strict(body: &[u8]) -> Result<(), StrictError> {
    walk(body, RepeatedKeys::Refused)
}

/// As [`check_strict`], but allows repeated keys; the nesting stays bounded.
///
/// # Errors
/// As [`check_strict`], without [`StrictError::RepeatedKey`].
pub fn check_nesting(body: &[u8]) -> Result<(), StrictError> {
    walk(body, RepeatedKeys::Allowed)
}

fn walk(body: &[u8], repeated_keys: RepeatedKeys) -> Result<(), StrictError> {
    let text = core::str::from_utf8(body)
        .map_err(|error| StrictError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| StrictError::not_json(text, error.line(), error.column()))?;
    let mut walk = Walk { text, at: 0, open: Vec::new(), repeated_keys };
    while walk.step()? {}
    Ok(())
}

/// Why a body is not beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrictError {
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
        /// Line of the first character that does not fit, from 1.
        line: usize,
        /// Column of the first character that does not fit, in bytes from 1.
        column: usize,
    },
    /// The sender's fault: a key is repeated in one object.
    #[error("key `{path}` is repeated: two readers could take different values")]
    RepeatedKey {
        /// Where: keys and indexes from the outside in. Printable ASCII, cut to at most 16 steps of at most 32
        /// characters each; a key that is not a plain word is quoted and escaped.
        path: String,
    },
    /// The sender's fault: nested deeper than `limit` objects and arrays.
    #[error("objects and arrays are nested deeper than {limit} at byte {offset}")]
    TooDeep {
        /// The deepest nesting that is accepted.
        limit: usize,
        /// The byte, from 0, of the bracket that is one too many.
        offset: usize,
    },
}

impl StrictError {
    fn not_json(text: &str, line: usize, column: usize) -> Self {
        match Beginning::of(text) {
            Beginning::Nothing => Self::Empty,
            Beginning::ByteOrderMark => Self::ByteOrderMark,
            Beginning::Other => Self::NotJson { line, column },
        }
    }
}

/// A walk over text that is known to be JSON in form.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open<'a>>,
    repeated_keys: RepeatedKeys,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RepeatedKeys {
    Allowed,
    Refused,
}

enum Open<'a> {
    Array { index: usize },
    Object { keys: BTreeSet<Cow<'a, str>>, last: Option<Cow<'a, str>>, awaits_key: bool },
}

impl<'a> Walk<'a> {
    fn step(&mut self) -> Result<bool, StrictError> {
        let Some(byte) = self.text.as_bytes().get(self.at) else { return Ok(false) };
        match byte {
            b'{' => self.enter(Open::Object { keys: BTreeSet::new(), last: None, awaits_key: true })?,
            b'[' => self.enter(Open::Array { index: 0 })?,
            b'}' | b']' => {
                self.open.pop();
            }
            b',' => self.separate(),
            b'"' => return self.string().map(|()| true),
            _ => {}
        }
        self.at += 1;
        Ok(true)
    }

    fn enter(&mut self, open: Open<'a>) -> Result<(), StrictError> {
        if self.open.len() == MAX_DEPTH {
            return Err(StrictError::TooDeep { limit: MAX_DEPTH, offset: self.at });
        }
        self.open.push(open);
        Ok(())
    }

    fn separate(&mut self) {
        match self.open.last_mut() {
            Some(Open::Array { index }) => *index += 1,
            Some(Open::Object { awaits_key, .. }) => *awaits_key = true,
            None => {}
        }
    }

    fn string(&mut self) -> Result<(), StrictError> {
        let literal = self.literal();
        let Some(string) = unescape(literal) else { return Err(self.not_json()) };
        self.at += literal.len();
        let Some(Open::Object { keys, last, awaits_key }) = self.open.last_mut() else { return Ok(()) };
        if !core::mem::replace(awaits_key, false) {
            return Ok(());
        }
        let repeated = !keys.insert(string.clone()) && self.repeated_keys == RepeatedKeys::Refused;
        *last = Some(string);
        if repeated { Err(StrictError::RepeatedKey { path: self.path() }) } else { Ok(()) }
    }

    fn path(&self) -> String {
        joined(self.open.iter().map(|open| match open {
            Open::Array { index } => Step::Index(*index),
            Open::Object { last, .. } => Step::Key(last.as_deref().unwrap_or_default()),
        }))
    }

    /// The string that starts here, with its quotes.
    fn literal(&self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|byte| match byte {
            _ if escaped => {
                escaped = false;
                false
            }
            b'\\' => {
                escaped = true;
                false
            }
            byte => byte == b'"',
        });
        end.and_then(|end| rest.get(..end + 2)).unwrap_or(rest)
    }

    fn not_json(&self) -> StrictError {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        StrictError::NotJson {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: self.at - line_start + 1,
        }
    }
}

fn unescape(literal: &str) -> Option<Cow<'_, str>> {
    if literal.contains('\\') {
        return serde_json::from_str(literal).ok().map(Cow::Owned);
    }
    literal.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed)
}
