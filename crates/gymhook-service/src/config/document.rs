//! `Section`, `Entry` and `Value`: a TOML document as a tree. Each value knows where in the file, or in which
//! environment variable, it was written.

use core::fmt::Display;
use core::str::FromStr;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gymhook::text::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys;
use super::problem::{Place, Problems};

/// A table.
#[derive(Debug)]
pub(super) struct Section {
    /// As in `sources[0]`; empty of the document.
    pub(super) path: String,
    pub(super) place: Place,
    /// Its name in the [list of keys](keys).
    table: &'static str,
    entries: BTreeMap<String, Entry>,
}

/// A value with its key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Integer(Option<i64>),
    Flag(bool),
    Time(String),
    List(Vec<Entry>),
    Table(Vec<(String, Entry)>),
    Float,
}

/// Where values are relative to: the text, for their lines, and its file.
struct Origin<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Origin<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        Place::File { path: self.file.to_owned(), line, column }
    }

    fn entry(&self, key: String, place: Place, value: &DeValue<'_>) -> Entry {
        let value = match value {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(_) => Value::Float,
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(time) => Value::Time(time.to_string()),
            DeValue::Array(items) => {
                let items = items.iter().enumerate();
                let entry = |(index, item): (usize, &Spanned<DeValue<'_>>)| {
                    self.entry(format!("{key}[{index}]"), self.place(item.span().start), item.get_ref())
                };
                Value::List(items.map(entry).collect())
            }
            DeValue::Table(table) => Value::Table(self.entries(&key, table).collect()),
        };
        Entry { key, place, value }
    }

    fn entries<'t>(
        &self,
        path: &str,
        table: &'t DeTable<'_>,
    ) -> impl Iterator<Item = (String, Entry)> + use<'_, 't> {
        let path = path.to_owned();
        table.iter().map(move |(name, value)| {
            let place = self.place(name.span().start);
            let name = name.get_ref().clone().into_owned();
            let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            (name, self.entry(key, place, value.get_ref()))
        })
    }
}

impl Section {
    /// Parses a document, and puts what environment variables say over it.
    pub(super) fn parse(
        text: &str,
        file: &Path,
        variables: &BTreeMap<String, String>,
        problems: &mut Problems,
    ) -> Self {
        let origin = Origin { text, file };
        let mut entries = BTreeMap::new();
        // A document with mistakes is read as far as it can be, so that all of them are told at once.
        let (document, mistakes) = DeTable::parse_recoverable(text);
        for mistake in &mistakes {
            let place = origin.place(mistake.span().map_or(0, |span| span.start));
            problems.add(&place, "", format!("this is not TOML: {}", mistake.message().trim()));
        }
        if mistakes.is_empty() {
            entries.extend(origin.entries("", document.get_ref()));
        }
        for key in keys::all() {
            let Some(variable) = key.variable() else { continue };
            if let Some(value) = variables.get(&variable) {
                let place = Place::Variable(variable);
                let entry = Entry { key: key.name.to_owned(), place, value: Value::Text(value.clone()) };
                entries.insert(key.name.to_owned(), entry);
            }
        }
        Self { path: String::new(), place: Place::whole(file), table: "", entries }
    }

    /// Takes a value out and converts it; a problem is noted with its place.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
        convert: impl FnOnce(&Entry) -> Result<T, String>,
    ) -> Option<T> {
        debug_assert!(
            keys::of_table(self.table).any(|known| known == name),
            "{name} is not in the list of keys"
        );
        let entry = self.entries.remove(name)?;
        match convert(&entry) {
            Ok(value) => Some(value),
            Err(problem) => {
                problems.add(&entry.place, entry.key, problem);
                None
            }
        }
    }

    /// As [`Section::take`] of what has to be there.
    pub(super) fn take_required<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        problems: &mut Problems,
        convert: impl FnOnce(&Entry) -> Result<T, String>,
    ) -> Option<T> {
        if !self.entries.contains_key(name) {
            problems.add(&self.place, self.key_of(name), format!("this key is missing: {wanted}"));
            return None;
        }
        self.take(name, problems, convert)
    }

    /// Takes the tables of an array of tables.
    pub(super) fn take_sections(&mut self, name: &'static str, problems: &mut Problems) -> Vec<Self> {
        let table = match self.table {
            keys::SOURCES => keys::SOURCE_KEYS,
            _ => name,
        };
        debug_assert!(
            keys::of_table(self.table).any(|known| known == name),
            "{name} is not in the list of keys"
        );
        let Some(entry) = self.entries.remove(name) else { return Vec::new() };
        let wanted = format!("write each as a table that begins with [[{table}]]");
        let Value::List(items) = entry.value else {
            problems.add(&entry.place, entry.key, wanted);
            return Vec::new();
        };
        if items.is_empty() {
            problems.add(&entry.place, entry.key, format!("this list is empty: {wanted}, or leave it out"));
            return Vec::new();
        }
        let mut sections = Vec::new();
        for item in items {
            let Value::Table(entries) = item.value else {
                problems.add(&item.place, item.key, wanted.clone());
                continue;
            };
            sections.push(Self {
                path: item.key,
                place: item.place,
                table,
                entries: entries.into_iter().collect(),
            });
        }
        sections
    }

    /// Refuses what was not taken: nobody knows it.
    pub(super) fn finish(self, problems: &mut Problems) {
        let known = keys::of_table(self.table);
        for (name, entry) in self.entries {
            let advice = match nearest(&name, known.clone()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("known are {}", known.clone().collect::<Vec<_>>().join(", ")),
            };
            problems.add(&entry.place, entry.key, format!("there is no such key: {advice}"));
        }
    }

    /// Whether this key was given and has not been taken.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The text of a key that has not been taken, if it is one.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.entries.get(name).and_then(|entry| entry.text().ok())
    }

    /// Where this key was given.
    pub(super) fn place_of(&self, name: &str) -> Place {
        self.entries.get(name).map_or_else(|| self.place.clone(), |entry| entry.place.clone())
    }

    /// A key of this table as problems name it.
    pub(super) fn key_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl Entry {
    pub(super) fn text(&self) -> Result<&str, String> {
        let Value::Text(text) = &self.value else {
            return Err("write it as a text in quotation marks".to_owned());
        };
        if text.trim().is_empty() {
            return Err("this is empty: leave it out, or fill it".to_owned());
        }
        Ok(text)
    }

    /// The text of an environment variable, where numbers, flags and lists are texts, too.
    fn of_variable(&self) -> Option<&str> {
        matches!(self.place, Place::Variable(_)).then(|| self.text().ok()).flatten()
    }

    /// A text that means something.
    pub(super) fn parsed<T: FromStr>(&self, wanted: &str) -> Result<T, String> {
        let text = self.text()?;
        text.parse().map_err(|_| format!("{text:?} cannot be used: {wanted}"))
    }

    /// One of these words.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&'static str, T)]) -> Result<T, String> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        Err(unknown(text, words.iter().map(|(word, _)| *word)))
    }

    pub(super) fn number(&self, least: u32, most: u32) -> Result<u32, String> {
        let number = if let Value::Integer(number) = self.value {
            number
        } else {
            self.of_variable().and_then(|text| text.trim().parse().ok())
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("write a whole number from {least} to {most}"))
    }

    pub(super) fn flag(&self) -> Result<bool, String> {
        let of_variable = self.of_variable().and_then(|text| text.parse().ok());
        let flag = if let Value::Flag(flag) = self.value { Some(flag) } else { of_variable };
        flag.ok_or_else(|| "write true or false".to_owned())
    }

    /// A time with its distance from UTC.
    pub(super) fn time(&self) -> Result<time::UtcDateTime, String> {
        let (Value::Text(text) | Value::Time(text)) = &self.value else {
            return Err("write a time as 2026-06-01T00:00:00Z".to_owned());
        };
        let text = text.replacen(' ', "T", 1);
        time::UtcDateTime::parse(&text, &time::format_description::well_known::Rfc3339).map_err(|_| {
            format!("{text:?} is not a time with an offset from UTC: write it as 2026-06-01T00:00:00Z")
        })
    }

    /// The texts of a list; of a variable, what is between its commas.
    pub(super) fn list<T>(
        &self,
        mut convert: impl FnMut(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        if let Value::List(items) = &self.value {
            return items.iter().map(|item| convert(item.text()?)).collect();
        }
        let wanted = || "write a list of texts, such as [\"one\", \"two\"]".to_owned();
        let text = self.of_variable().ok_or_else(wanted)?;
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(convert).collect()
    }

    /// A path; one in the file is relative to the file's folder.
    pub(super) fn path(&self) -> Result<PathBuf, String> {
        self.text().map(|text| self.relative(Path::new(text)))
    }

    /// This path, seen from where it was written.
    pub(super) fn relative(&self, path: &Path) -> PathBuf {
        match &self.place {
            Place::File { path: file, .. } => {
                file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
            }
            Place::Variable(_) => path.to_owned(),
        }
    }
}

/// "… is unknown", with the nearest word that is known.
pub(super) fn unknown<'a>(text: &str, words: impl Iterator<Item = &'a str> + Clone) -> String {
    let advice: Box<dyn Display> = match nearest(text, words.clone()) {
        Some(near) => Box::new(format!("did you mean {near:?}?")),
        None => Box::new(format!("write one of {}", words.collect::<Vec<_>>().join(", "))),
    };
    format!("{text:?} is unknown: {advice}")
}
