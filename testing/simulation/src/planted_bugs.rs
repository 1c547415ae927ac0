//! Bugs on purpose: does the simulation find them?
//!
//! Each bug is a small change to the machine's source, kept in `planted/bugs.txt`; the published crates know nothing of
//! it. [`workshop`] writes a copy of the crates in which every bug is there, each behind a switch that is off, together
//! with a program that switches one on after the other and lets seed after seed run until one fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A bug on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bug {
    /// Its name.
    pub name: String,
    file: String,
    /// Where in the file, with `⟦` and `⟧` around what is exchanged; white space does not count.
    place: String,
    /// What replaces it.
    instead: String,
}

/// Why the bugs cannot be planted.
#[derive(Debug)]
pub enum PlantError {
    /// A file of the sources could not be read or written.
    Io(io::Error),
    /// The place of this bug is not in the source, or is there more than once: the source has changed.
    Place(String),
}

const CRATES: [&str; 3] = ["crates/gymhook-retry", "crates/gymhook-delivery", "testing/simulation"];

/// All of them.
#[must_use]
pub fn bugs() -> Vec<Bug> {
    include_str!("../planted/bugs.txt").split("\n\n").filter_map(Bug::read).collect()
}

/// Writes sources with all bugs in them, switched off, into `to`; `root` is the workspace they come from.
///
/// `cargo run --release` there runs the hunt.
///
/// # Errors
///
/// - [`PlantError::Io`]: a file could not be read or written.
/// - [`PlantError::Place`]: a bug's place is not in the source.
pub fn workshop(root: &Path, to: &Path) -> Result<(), PlantError> {
    if to.exists() {
        fs::remove_dir_all(to.join("crates"))?;
        fs::remove_dir_all(to.join("testing"))?;
    }
    for part in CRATES {
        copy(&root.join(part), &to.join(part))?;
    }
    for (file, planted) in planted(root)? {
        fs::write(to.join(file), planted)?;
    }
    // A switch leaves parentheses and arguments that are not needed.
    for (library, more) in [("retry", "pub mod planted;\n"), ("delivery", "")] {
        let front = to.join(format!("crates/gymhook-{library}/src/lib.rs"));
        let source = fs::read_to_string(&front)?;
        fs::write(front, format!("#![allow(warnings)]\n{source}\n{more}"))?;
    }
    let retry = to.join("crates/gymhook-retry/src");
    fs::write(retry.join("planted.rs"), include_str!("../planted/switch.rs"))?;
    fs::create_dir_all(to.join("hunt/src"))?;
    fs::write(to.join("hunt/src/main.rs"), include_str!("../planted/hunt.rs"))?;
    fs::write(to.join("hunt/Cargo.toml"), include_str!("../planted/hunt.toml"))?;
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    fs::write(to.join("Cargo.toml"), with_members(&manifest))?;
    fs::copy(root.join("Cargo.lock"), to.join("Cargo.lock"))?;
    Ok(())
}

/// Every file that has bugs, with all of them in it.
fn planted(root: &Path) -> Result<Vec<(String, String)>, PlantError> {
    let bugs = bugs();
    let mut files: Vec<&str> = bugs.iter().map(|bug| bug.file.as_str()).collect();
    files.sort_unstable();
    files.dedup();
    let mut planted = Vec::new();
    for file in files {
        let original = fs::read_to_string(root.join(file))?;
        let source = without_const(&original, bugs.iter().filter(|bug| bug.file == file));
        let mut changes = Vec::new();
        for (number, bug) in (1..).zip(&bugs).filter(|(_, bug)| bug.file == file) {
            let (from, to) = bug.find(&source).ok_or_else(|| PlantError::Place(bug.name.clone()))?;
            changes.push((from, to, number, bug));
        }
        planted.push((file.to_owned(), exchanged(&source, changes)));
    }
    Ok(planted)
}

/// The source with a switch at each place; of places within one another the outer one comes first.
fn exchanged(source: &str, mut changes: Vec<(usize, usize, usize, &Bug)>) -> String {
    changes.sort_by_key(|(from, to, number, _)| (*from, core::cmp::Reverse(*to), *number));
    let (mut text, mut done) = (String::new(), 0);
    let mut changes = changes.into_iter().peekable();
    while let Some((from, to, number, bug)) = changes.next() {
        text.push_str(source.get(done..from).unwrap_or_default());
        let was = source.get(from..to).unwrap_or_default();
        let mut within = Vec::new();
        while let Some((inner, inner_to, ..)) = changes.peek().copied() {
            if inner >= to {
                break;
            }
            let (_, _, inner_number, inner_bug) = changes.next().unwrap_or((from, to, number, bug));
            within.push((inner - from, inner_to - from, inner_number, inner_bug));
        }
        let was = exchanged(was, within);
        text.push_str(&bug.switch(number, &was));
        done = to;
    }
    text.push_str(source.get(done..).unwrap_or_default());
    text
}

/// A function with a switch in it cannot be evaluated at compile time, nor can one that calls it. One without a switch that calls
/// nothing stays as it is, since public ones may call it.
fn without_const<'b>(source: &str, bugs: impl Iterator<Item = &'b Bug>) -> String {
    let places = bugs.filter_map(|bug| bug.find(source));
    let switched: Vec<&str> = places.filter_map(|(from, _)| enclosing(source.get(..from)?)).collect();
    let mut text = source.to_owned();
    for visibility in ["pub(crate)", "pub(super)"] {
        for function in source.split(&format!("{visibility} const fn ")).skip(1) {
            let name = name(function);
            let whole = function.split_once("\n    }\n").map_or(function, |(whole, _)| whole);
            let calls = whole.split_once(" {\n").is_some_and(|(_, body)| body.contains('('));
            if calls || switched.contains(&name) {
                text = text
                    .replace(&format!("{visibility} const fn {name}"), &format!("{visibility} fn {name}"));
            }
        }
    }
    text
}

/// The name of the function that a text ends in.
fn enclosing(text: &str) -> Option<&str> {
    text.rsplit_once("fn ").map(|(_, function)| name(function))
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
}

impl Bug {
    fn read(entry: &str) -> Option<Self> {
        let mut lines = entry.lines().filter(|line| !line.starts_with("//"));
        let name = lines.next()?.strip_prefix("# ")?.to_owned();
        let file = lines.next()?.to_owned();
        let (mut place, mut instead) = (String::new(), String::new());
        for line in lines {
            match (line.strip_prefix('-'), line.strip_prefix('+')) {
                (Some(was), _) => place.push_str(was),
                (_, Some(is)) => instead.push_str(is),
                (None, None) => return None,
            }
        }
        Some(Self { name, file, place, instead })
    }

    /// From where to where in the source it goes, if it fits exactly once.
    fn find(&self, source: &str) -> Option<(usize, usize)> {
        let solid: Vec<(usize, char)> = source.char_indices().filter(|(_, c)| !c.is_whitespace()).collect();
        let solid_text: String = solid.iter().map(|(_, c)| c).collect();
        let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let (before, rest) = self.place.split_once('⟦').unwrap_or(("", &self.place));
        let (inner, after) = rest.split_once('⟧').unwrap_or((rest, ""));
        let (before, inner, after) = (squeezed(before), squeezed(inner), squeezed(after));
        let whole = format!("{before}{inner}{after}");
        let mut found = solid_text.match_indices(&whole);
        let (at, _) = found.next().filter(|_| found.next().is_none())?;
        let first = solid_text.get(..at + before.len())?.chars().count();
        let last = first + inner.chars().count() - 1;
        let (end, last) = solid.get(last)?;
        Some((solid.get(first)?.0, end + last.len_utf8()))
    }

    fn switch(&self, number: usize, was: &str) -> String {
        let home = if self.file.contains("gymhook-retry") { "crate" } else { "gymhook_retry" };
        let choice = format!("if {home}::planted::is({number}) {{ {} }} else {{ {was} }}", self.instead);
        if was.trim_end().ends_with([';', '}']) { choice } else { format!("({choice})") }
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target): (PathBuf, PathBuf) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::write(target, fs::read(&source)?)?;
        }
    }
    Ok(())
}

/// The workspace's manifest with other members.
fn with_members(manifest: &str) -> String {
    let members = format!("members = {:?}", [CRATES.as_slice(), &["hunt"]].concat());
    let (before, rest) = manifest.split_once("members = [").unwrap_or((manifest, ""));
    let (_, after) = rest.split_once("\n]").unwrap_or(("", rest));
    format!("{before}{members}{after}")
}

impl core::fmt::Display for PlantError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the sources cannot be copied: {error}"),
            Self::Place(bug) => write!(f, "the place of the bug \"{bug}\" is not in the source just once"),
        }
    }
}

impl core::error::Error for PlantError {}

impl From<io::Error> for PlantError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_has_its_place_in_the_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let entries = include_str!("../planted/bugs.txt").split("\n\n").count();
        assert_eq!(bugs().len(), entries);
        assert!(bugs().len() >= 40);
        planted(&root).unwrap();
    }

    #[test]
    fn a_switch_is_put_in_whatever_the_layout() {
        let bug = Bug::read("# b\ncrates/x.rs\n-if ⟦a && b⟧ {\n+false").unwrap();
        let source = without_const("pub(crate) const fn f() { if a\n  && b\n { } }", core::iter::once(&bug));
        let (from, to) = bug.find(&source).unwrap();
        assert_eq!(source.get(from..to), Some("a\n  && b"));
        let switched = exchanged(&source, vec![(from, to, 3, &bug)]);
        let right =
            "pub(crate) fn f() { if (if gymhook_retry::planted::is(3) { false } else { a\n  && b })\n { } }";
        assert_eq!(switched, right);
    }
}
