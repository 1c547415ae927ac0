//! The details of one request as rows of the screen: headers, proof, and a body in wrapped lines.

use unicode_width::UnicodeWidthChar as _;

use super::state::Item;
use crate::event_line::event_line;
use crate::local_endpoint::Whole;
use crate::output::{Tone, shown};
use crate::secrets::may_hold_key;

/// A line, and how it looks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) tone: Option<Tone>,
    pub(super) text: String,
}

/// More of a body is not shown.
const MAX_BODY: usize = 64 << 10;

fn row(tone: impl Into<Option<Tone>>, text: String) -> Row {
    Row { tone: tone.into(), text }
}

fn named(name: &str, value: &str) -> Row {
    row(None, format!("{name:<11}{value}"))
}

pub(super) fn rows(item: &Item) -> Vec<Row> {
    let request = &item.shown;
    let asked =
        format!("{} {}, {} bytes", shown(request.method.as_str()), shown(request.path()), request.body_bytes);
    let mut rows =
        vec![row(Tone::Strong, asked), row(item.tone(), format!("{:<11}{}", request.status, request.what()))];
    rows.extend(
        request
            .key
            .iter()
            .map(|key| named("key", &format!("{} proves {}", shown(key), request.proves.join(", ")))),
    );
    rows.extend(request.dedupe_key.iter().map(|key| named("repeat key", &key.line())));
    rows.extend(request.repetition().map(|words| named("repeat", &words)));
    if request.rehearsed {
        rows.push(named("rehearsed", "the failure was asked for"));
    }
    rows.extend(request.passed_on().map(|words| named("passed on", &words)));
    rows.extend(item.sent.iter().map(|sent| named("sent again", &shown(sent))));
    for hint in item.hints.iter().flatten() {
        let arguments =
            hint.arguments.as_ref().map(|arguments| format!("  [{arguments}]")).unwrap_or_default();
        rows.push(row(Tone::Warning, format!("{:<11}{}{arguments}", "try next", hint.text)));
    }
    for event in &request.events {
        let data = event.data.as_ref().map(|data| format!("  {}", shown(data.get()))).unwrap_or_default();
        rows.push(named("event", &format!("{}{data}", event_line(event))));
    }
    match &request.whole {
        Some(whole) => rows.extend(whole_rows(request.platform, whole)),
        None => rows.push(row(Tone::Faint, "its body was not read".to_owned())),
    }
    rows
}

fn whole_rows(platform: &str, whole: &Whole) -> Vec<Row> {
    let mut rows = vec![row(Tone::Strong, "headers".to_owned())];
    for (name, value) in &whole.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = if may_hold_key(platform, name.as_str()) { "[REDACTED]".into() } else { value };
        rows.push(row(None, format!("  {name}: {}", shown(&value))));
    }
    rows.push(row(Tone::Strong, "body".to_owned()));
    let beginning = whole.body.get(..MAX_BODY).unwrap_or(&whole.body);
    let text = String::from_utf8_lossy(beginning);
    rows.extend(text.split('\n').map(|line| row(None, format!("  {}", shown(line)))));
    let left_out = whole.body.len() - beginning.len();
    if left_out > 0 {
        rows.push(row(Tone::Faint, format!("… and {left_out} bytes more")));
    }
    rows
}

/// The rows, wrapped at this width in columns.
pub(super) fn wrapped(rows: Vec<Row>, columns: usize) -> Vec<Row> {
    let wrap =
        |Row { tone, text }: Row| lines(&text, columns).into_iter().map(move |text| Row { tone, text });
    rows.into_iter().flat_map(wrap).collect()
}

/// The beginning of a text that fits into this width in columns.
pub(super) fn cut(text: &str, columns: usize) -> String {
    lines(text, columns).into_iter().next().unwrap_or_default()
}

/// A character without a width is counted as one, so that no text, however it is made, is longer than its line.
fn lines(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for character in text.chars() {
        let width = character.width().unwrap_or(0).max(1);
        if used + width > columns && used > 0 {
            lines.push(String::new());
            used = 0;
        }
        used += width;
        if let Some(line) = lines.last_mut() {
            line.push(character);
        }
    }
    lines
}
