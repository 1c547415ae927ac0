//! `check_strict` and `StrictError`: checks that two programs cannot read a body differently, for bodies that move
//! money.

mod scan;
mod walk;

use serde::de::IgnoredAny;

use self::walk::{RepeatedKeys, Walk};
use crate::json_kind::Beginning;

/// Refuses a body that two readers could understand differently.
///
/// JSON leaves open what a repeated key means, and most parsers silently take the last. A body that says
/// `{"amount":1,"amount":1000}` then means one thing to the code that checks it and another to the code that books it.
/// [`decode`](crate::decode) refuses repetitions of fields it knows; what it keeps as raw JSON it does not look into.
/// This looks everywhere, in time linear in the body except for sorting the keys of each object, with a stack of its own.
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
    check(body, RepeatedKeys::Refused)
}

/// As [`check_strict`], but allows repeated keys; the nesting stays bounded.
///
/// # Errors
/// As [`check_strict`], without [`StrictError::RepeatedKey`].
pub fn check_nesting(body: &[u8]) -> Result<(), StrictError> {
    check(body, RepeatedKeys::Allowed)
}

/// As [`check_strict`], for a body that [`decode`](crate::decode) has read and accepted, so that its form need not be checked
/// again. It allocates nothing unless keys are escaped, objects and arrays are nested deeper than 16, or more than 128 keys
/// are open at once.
///
/// For a body that `decode` has not accepted the answer is unspecified.
///
/// ```
/// use gymhook_event::{check_decoded, decode, egym};
///
/// let body = br#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","type":"GYM_CHECKIN","timestamp":1,"x":{"a":1,"a":2}}"#;
/// let _accepted: egym::Notification = decode(body)?;
/// assert!(check_decoded(body).is_err(), "what the decoder keeps as raw JSON repeats a key");
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
///
/// # Errors
/// As [`check_strict`].
pub fn check_decoded(body: &[u8]) -> Result<(), StrictError> {
    if scan::is_beyond_doubt(body) { Ok(()) } else { check_strict(body) }
}

fn check(body: &[u8], repeated_keys: RepeatedKeys) -> Result<(), StrictError> {
    let text = core::str::from_utf8(body)
        .map_err(|error| StrictError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| StrictError::not_json(text, error.line(), error.column()))?;
    // What the scan is sure of needs no walk; the walk judges everything else.
    if scan::is_beyond_doubt(body) { Ok(()) } else { Walk::over(text, repeated_keys) }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples;

    /// JSON with few different keys, some of them escaped, and strings with surrogates, alone and in pairs.
    fn json() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec![
            "a",
            "b",
            "\\u0061",
            "",
            "long-key-of-17-byt",
            "long-key-of-17-byu",
            "\\\"",
            "ü",
        ]);
        let text = prop::sample::select(vec![
            "",
            "a",
            "\\n",
            "\\\\",
            "\\\"",
            "{",
            "}",
            "\\u00fc",
            "\\ud83d\\ude00",
            "\\ud83d",
            "\\ude00",
            "\\ud83dx",
            "\\ud83d\\n",
            "eight...",
            "\\\\\\\"sixteen.chars...",
            "\\ud83d\\ud83d\\ude00",
        ]);
        let leaf = prop_oneof![
            text.prop_map(|text| format!("\"{text}\"")),
            prop::sample::select(vec!["1", "-0.5e9", "null", "true", " [ ] ", "{}"]).prop_map(str::to_owned),
        ];
        leaf.prop_recursive(6, 64, 6, move |inner| {
            let member = (key.clone(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\" :{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(|values| format!("[{}]", values.join(" ,"))),
                prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// The scan may have doubts about anything, and is sure only of what the walk lets pass.
        #[test]
        fn the_scan_is_sure_of_nothing_that_the_walk_refuses(json in json()) {
            if scan::is_beyond_doubt(json.as_bytes()) {
                prop_assert_eq!(Walk::over(&json, RepeatedKeys::Refused), Ok(()));
            }
        }

        #[test]
        fn the_scan_stops_at_anything(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = scan::is_beyond_doubt(&bytes);
        }
    }

    /// Otherwise every request would be walked over, which takes several times as long.
    #[test]
    fn the_scan_is_sure_of_what_platforms_send() {
        let mut seen = 0;
        for sample in samples() {
            assert!(scan::is_beyond_doubt(sample.body.as_bytes()), "{}", sample.body);
            seen += 1;
        }
        assert!(seen > 50, "{seen}");
        let wide = |keys: usize| {
            let members: Vec<String> =
                (0..keys).map(|key| format!("\"key{key}\":{{\"x\":\"\\u00fc\"}}")).collect();
            format!("[{{{}}}]", members.join(","))
        };
        assert!(scan::is_beyond_doubt(wide(100).as_bytes()));
        assert!(!scan::is_beyond_doubt(wide(200).as_bytes()), "more keys than it has room for");
        assert_eq!(check_decoded(wide(200).as_bytes()), Ok(()));
        assert!(!scan::is_beyond_doubt("[".repeat(17).as_bytes()));
    }
}
