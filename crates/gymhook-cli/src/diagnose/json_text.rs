//! `rewritten`: JSON text written in other ways with the same tokens: spaces, escapes, indentation. Numbers keep their
//! text.

/// How a library lays out what it writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    /// No white space, as most libraries write.
    Compact,
    /// `", "` and `": "`, as Python's `json.dumps`.
    Spaced,
    /// One value a line, indented by this many spaces.
    Indented(usize),
    /// One value a line, indented by tabs.
    Tabs,
}

/// How a library writes characters within strings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Escapes {
    /// Unchanged.
    Kept,
    /// Everything but ASCII as `\u` escapes, as Python's and PHP's libraries do.
    Ascii,
    /// As [`Escapes::Ascii`], and `/` as `\/`, as PHP's `json_encode` does.
    AsciiAndSlashes,
    /// Only `/` as `\/`.
    Slashes,
    /// Escapes (`\u` and `\/`) as the characters themselves.
    None,
}

/// The text in that form, or nothing if it is no JSON.
pub(super) fn rewritten(text: &str, layout: Layout, escapes: Escapes) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let behind = rest.get(first.len_utf8()..)?;
        match first {
            '"' => {
                let (string, after) = string(rest)?;
                escaped(string, escapes, &mut out);
                rest = after;
            }
            '{' | '[' => {
                let after = behind.trim_start();
                out.push(first);
                if after.starts_with(['}', ']']) {
                    out.push(after.chars().next()?);
                    rest = after.get(1..)?;
                } else {
                    depth += 1;
                    line(&mut out, layout, depth);
                    rest = after;
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, layout, depth);
                out.push(first);
                rest = behind;
            }
            ',' => {
                out.push_str(if layout == Layout::Spaced { ", " } else { "," });
                line(&mut out, layout, depth);
                rest = behind;
            }
            ':' => {
                out.push_str(if layout == Layout::Compact { ":" } else { ": " });
                rest = behind;
            }
            white if white.is_ascii_whitespace() => rest = behind,
            other => {
                out.push(other);
                rest = behind;
            }
        }
    }
    Some(out)
}

fn line(out: &mut String, layout: Layout, depth: usize) {
    match layout {
        Layout::Compact | Layout::Spaced => {}
        Layout::Indented(width) => {
            out.push('\n');
            out.extend(core::iter::repeat_n(' ', width.saturating_mul(depth)));
        }
        Layout::Tabs => {
            out.push('\n');
            out.extend(core::iter::repeat_n('\t', depth));
        }
    }
}

/// The string that the text begins with, quotes included, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let mut escape = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escape => escape = false,
            '\\' => escape = true,
            '"' => return text.split_at_checked(at + 1),
            _ => {}
        }
    }
    None
}

fn escaped(string: &str, escapes: Escapes, out: &mut String) {
    match escapes {
        Escapes::Kept => out.push_str(string),
        Escapes::Ascii | Escapes::AsciiAndSlashes | Escapes::Slashes => {
            let (ascii, slashes) = (escapes != Escapes::Slashes, escapes != Escapes::Ascii);
            let mut before = ' ';
            for character in string.chars() {
                match character {
                    '/' if slashes && before != '\\' => out.push_str("\\/"),
                    wide if ascii && !wide.is_ascii() => {
                        for unit in wide.encode_utf16(&mut [0; 2]) {
                            out.push_str(&format!("\\u{unit:04x}"));
                        }
                    }
                    other => out.push(other),
                }
                before = character;
            }
        }
        // What a library reads and writes again.
        Escapes::None => {
            match serde_json::from_str::<String>(string).and_then(|text| serde_json::to_string(&text)) {
                Ok(plain) => out.push_str(&plain),
                Err(_) => out.push_str(string),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Python 3.11's `json.dumps` and PHP 8's `json_encode` write, typed by hand from their documentation.
    #[test]
    fn layouts_and_escapes_are_those_of_the_libraries() {
        let text = "{ \"a\" : [1, 2.50] ,\"b/c\":\"\u{fc}\", \"e\":{} }";
        let of = |layout, escapes| rewritten(text, layout, escapes).unwrap();
        assert_eq!(of(Layout::Compact, Escapes::Kept), "{\"a\":[1,2.50],\"b/c\":\"\u{fc}\",\"e\":{}}");
        assert_eq!(of(Layout::Spaced, Escapes::Ascii), "{\"a\": [1, 2.50], \"b/c\": \"\\u00fc\", \"e\": {}}");
        assert_eq!(
            of(Layout::Compact, Escapes::AsciiAndSlashes),
            "{\"a\":[1,2.50],\"b\\/c\":\"\\u00fc\",\"e\":{}}"
        );
        assert_eq!(
            of(Layout::Indented(2), Escapes::Kept),
            "{\n  \"a\": [\n    1,\n    2.50\n  ],\n  \"b/c\": \"\u{fc}\",\n  \"e\": {}\n}"
        );
        assert_eq!(
            rewritten("{\"a\":\"\\u00fc\\/\"}", Layout::Compact, Escapes::None).unwrap(),
            "{\"a\":\"\u{fc}/\"}"
        );
        assert_eq!(rewritten("no json", Layout::Compact, Escapes::Kept), None);
    }
}
