//! `Payload`: a body as the page shows it: JSON is indented, other text stays as it is, and bytes that are no text are
//! dumped.

use core::fmt::Write as _;

use serde::de::IgnoredAny;

/// How much of a body a page shows, in bytes. Our choice.
const SHOWN: usize = 256 * 1_024;
/// Deeper JSON is not indented: the white space would outgrow the text.
const DEEPEST: usize = 64;
/// How many bytes of what is no text are shown.
const DUMPED: usize = 2_048;

/// A body to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    /// Indented, if it is JSON.
    pub(super) pretty: Option<String>,
    /// As it is; in hexadecimal if it is not text.
    pub(super) raw: String,
    pub(super) is_text: bool,
    /// How many bytes are not shown.
    pub(super) cut: usize,
    pub(super) size: usize,
}

impl Payload {
    pub(super) fn new(body: &[u8]) -> Self {
        let size = body.len();
        let Ok(text) = core::str::from_utf8(body) else {
            let shown = body.get(..DUMPED).unwrap_or(body);
            return Self { pretty: None, raw: dump(shown), is_text: false, cut: size - shown.len(), size };
        };
        let shown = beginning(text);
        let cut = size - shown.len();
        let pretty = if cut == 0 { pretty(text) } else { None };
        Self { pretty, raw: shown.to_owned(), is_text: true, cut, size }
    }
}

/// As much of it as is shown, in whole characters.
fn beginning(text: &str) -> &str {
    if text.len() <= SHOWN {
        return text;
    }
    (0..=SHOWN).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// White space between what is there; every other character stays as it is, so that no number is read and written again.
fn pretty(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            out.push(character);
            in_string = escaped || character != '"';
            escaped = character == '\\' && !escaped;
            continue;
        }
        match character {
            ' ' | '\t' | '\n' | '\r' => {}
            '"' => {
                in_string = true;
                out.push(character);
            }
            '{' | '[' => {
                out.push(character);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    if depth > DEEPEST {
                        return None;
                    }
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(character);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other => out.push(other),
        }
    }
    Some(out)
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(core::iter::repeat_n("  ", depth));
}

/// Sixteen bytes a line: place, hexadecimal, ASCII.
fn dump(bytes: &[u8]) -> String {
    let mut out = String::new();
    for (number, line) in bytes.chunks(16).enumerate() {
        // Writing to a string does not fail.
        let _ = write!(out, "{:08x} ", number * 16);
        for place in 0..16 {
            let _ = match line.get(place) {
                Some(byte) => write!(out, " {byte:02x}"),
                None => write!(out, "   "),
            };
        }
        let ascii = line
            .iter()
            .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' });
        let _ = writeln!(out, "  |{}|", ascii.collect::<String>());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_nothing_in_it_changes() {
        let body = r#"{"id":12345678901234567890123,"money":1.10,"e":1E+5,"text":"a, b: {\"c\\\\\"}","empty":[ ],"list":[1,{"a":null}]}"#;
        let payload = Payload::new(body.as_bytes());
        let pretty = payload.pretty.unwrap();
        let expected = "{\n  \"id\": 12345678901234567890123,\n  \"money\": 1.10,\n  \"e\": 1E+5,\n  \"text\": \"a, b: {\\\"c\\\\\\\\\\\"}\",\n  \
                        \"empty\": [],\n  \"list\": [\n    1,\n    {\n      \"a\": null\n    }\n  ]\n}";
        assert_eq!(pretty, expected);
        assert_eq!((payload.raw.as_str(), payload.cut), (body, 0));
    }

    #[test]
    fn what_is_no_json_stays_as_it_is() {
        for body in ["", "not json", "{\"a\":", "1 2"] {
            let payload = Payload::new(body.as_bytes());
            assert_eq!((payload.pretty, payload.raw.as_str()), (None, body));
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(Payload::new(deep.as_bytes()).pretty, None);
    }

    #[test]
    fn a_long_body_is_cut_between_characters_and_says_so() {
        let body = "ä".repeat(SHOWN);
        let payload = Payload::new(format!("a{body}").as_bytes());
        assert_eq!(payload.raw.len(), SHOWN - 1);
        assert_eq!(payload.cut, SHOWN + 2);
    }

    #[test]
    fn bytes_that_are_no_text_are_dumped() {
        let payload = Payload::new(b"\x89PNG\r\n\x1a\n\xff and more bytes");
        assert!(!payload.is_text && payload.pretty.is_none());
        assert!(
            payload.raw.starts_with(
                "00000000  89 50 4e 47 0d 0a 1a 0a ff 20 61 6e 64 20 6d 6f  |.PNG..... and mo|\n"
            )
        );
    }
}
