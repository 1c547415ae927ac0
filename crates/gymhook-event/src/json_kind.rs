//! `JsonKind`: what a JSON value is (object, array, number, …), in the words of error messages; and `Beginning`, how text
//! begins that is no JSON.

use core::fmt;

/// The six forms of a JSON value; `Display` is the word for it with its article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number, whole or not.
    Number,
    /// A string, in quotes.
    String,
    /// An array, in square brackets.
    List,
    /// An object, in braces.
    Object,
}

impl JsonKind {
    /// By the first character of a value.
    pub(crate) fn of(json: &str) -> Option<Self> {
        match json.trim_ascii_start().as_bytes().first()? {
            b'n' => Some(Self::Null),
            b't' | b'f' => Some(Self::Boolean),
            b'-' | b'0'..=b'9' => Some(Self::Number),
            b'"' => Some(Self::String),
            b'[' => Some(Self::List),
            b'{' => Some(Self::Object),
            _ => None,
        }
    }
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::String => "a string",
            Self::List => "an array",
            Self::Object => "an object",
        })
    }
}

/// serde's description of what a Rust type expects, in JSON's terms; a type's own description is unchanged.
pub(crate) fn in_json_s_words(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number that is not negative",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a borrowed string" | "a character" | "string or map" => "a string",
        "a sequence" => "an array",
        "a map" => "an object",
        "unit" => "null",
        _ if expected.starts_with("struct ") => "an object",
        _ if expected.starts_with("tuple ") || expected.starts_with("an array of ") => "an array",
        _ => expected,
    }
}

/// What a text begins with.
pub(crate) enum Beginning {
    /// It ends before anything but white space.
    Nothing,
    ByteOrderMark,
    Other,
}

impl Beginning {
    pub(crate) fn of(text: &str) -> Self {
        if text.trim_ascii().is_empty() {
            return Self::Nothing;
        }
        if text.starts_with('\u{feff}') { Self::ByteOrderMark } else { Self::Other }
    }
}
