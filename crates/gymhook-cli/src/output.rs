//! `Output`: what a command prints, as tables and lines for people, or as one JSON object on each line for programs;
//! `shown` makes foreign text safe.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anstream::ColorChoice;
use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, presets};
use gymhook::text::alters_display;
use serde::Serialize;

use crate::arguments::Global;
use crate::failure::Failure;

/// Results go to standard output, remarks to standard error. Colours only where a terminal takes them (`NO_COLOR`).
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    verbose: u8,
    /// Lines that are written together.
    held: Option<String>,
}

/// What a word means, and so which colour it has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Warning,
    Faint,
    Strong,
}

impl Tone {
    pub(crate) const fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Faint => Style::new().dimmed(),
            Self::Strong => Style::new().bold(),
        }
    }

    /// The text in this tone; the stream takes it away again where it does not belong.
    pub(crate) fn paint(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

impl Output {
    pub(crate) const fn new(global: &Global) -> Self {
        Self { json: global.json, quiet: global.quiet, verbose: global.verbose, held: None }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(crate) const fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// One JSON object on a line of its own, if JSON is wanted.
    pub(crate) fn record(&mut self, record: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return Ok(());
        }
        let line = serde_json::to_string(record).map_err(Failure::failed)?;
        if let Some(held) = &mut self.held {
            held.push_str(&line);
            held.push('\n');
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// A line for people, if JSON is not wanted.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        if let Some(held) = &mut self.held {
            held.push_str(line);
            held.push('\n');
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    }

    /// Keeps records and lines from now on until they are released: many a second are not written one by one.
    pub(crate) fn hold(&mut self) {
        self.held.get_or_insert_default();
    }

    pub(crate) const fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// How many bytes are kept.
    pub(crate) fn held(&self) -> usize {
        self.held.as_ref().map_or(0, String::len)
    }

    /// Writes what was kept, and keeps no more.
    pub(crate) fn release(&mut self) -> Result<(), Failure> {
        let held = self.held.take().unwrap_or_default();
        if held.is_empty() {
            return Ok(());
        }
        if self.json {
            return self.raw(held.as_bytes());
        }
        // In one piece: the stream that takes colours away writes each of theirs by itself.
        let mut out = io::stdout().lock();
        match anstream::AutoStream::choice(&out) {
            ColorChoice::Never => out.write_all(strip_str(&held).to_string().as_bytes())?,
            ColorChoice::Auto | ColorChoice::Always | ColorChoice::AlwaysAnsi => {
                out.write_all(held.as_bytes())?;
            }
        }
        Ok(out.flush()?)
    }

    /// A table for people, if JSON is not wanted.
    pub(crate) fn table<R>(
        &mut self,
        header: &[&str],
        rows: impl IntoIterator<Item = R>,
    ) -> Result<(), Failure>
    where
        R: IntoIterator<Item = String>,
    {
        if self.json {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(header.iter().map(|name| name.to_uppercase()));
        for row in rows {
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        self.line(&lines.join("\n"))
    }

    /// Bytes as they are, whatever was asked for.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        if io::stdout().is_terminal() && bytes.last() != Some(&b'\n') {
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    /// A remark beside the result, on standard error; not with `--quiet`.
    pub(crate) fn note(&self, note: &str) {
        if !self.quiet {
            self.say("note", Tone::Faint, note);
        }
    }

    /// Something that is probably not meant, on standard error.
    pub(crate) fn warn(&self, warning: &str) {
        self.say("warning", Tone::Warning, warning);
    }

    fn say(&self, what: &str, tone: Tone, text: &str) {
        // Nobody is left to tell if standard error is closed.
        let _ = if self.json {
            let record = serde_json::json!({ "record": what, "message": text });
            writeln!(io::stderr(), "{record}")
        } else {
            writeln!(anstream::stderr(), "{} {text}", tone.paint(&format!("{what}:")))
        };
    }

    /// The last line of a command that failed, and its exit status.
    pub(crate) fn end_with(&self, failure: &Failure) -> ExitCode {
        if let Some(message) = failure.message() {
            self.say("error", Tone::Bad, message);
        }
        ExitCode::from(failure.status())
    }
}

/// Text from outside, safe on a terminal: what steers it, hides or turns the text around it is escaped.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(alters_display) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if alters_display(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// A field of a record as people read it; nothing if it is not there.
pub(crate) fn field(record: &serde_json::Value, name: &str) -> String {
    match record.get(name) {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => shown(text).into_owned(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_sends_cannot_steer_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\r\nc\u{9b}"), "a\\u{1b}[2Jb\\r\\nc\\u{9b}");
        assert_eq!(shown("größe 1"), "größe 1");
        assert_eq!(shown("a\u{202e}b\u{200b}\u{2028}"), "a\\u{202e}b\\u{200b}\\u{2028}");
    }
}
