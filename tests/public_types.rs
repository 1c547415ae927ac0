//! Public types may grow in a minor release: each is `#[non_exhaustive]`, or says why it is exhaustive on purpose.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn a_public_type_may_grow_or_says_why_not() {
    let (mut seen, mut unsaid) = (0, Vec::new());
    for folder in libraries() {
        let library = folder.file_name().unwrap().display();
        for file in files(&folder.join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            for (name, head) in open_types(&text) {
                seen += 1;
                if !head.contains("#[non_exhaustive]") && !head.contains("xhaustive on purpose") {
                    unsaid.push(format!("{name} in {library}"));
                }
            }
        }
    }
    assert!(unsaid.is_empty(), "neither #[non_exhaustive] nor \"exhaustive on purpose\": {unsaid:#?}");
    assert!(seen > 150, "only {seen} types were found");
}

#[test]
fn the_check_sees_what_is_open_and_what_is_not() {
    let source = "
/// Open.
pub struct Open {
    /// A field.
    pub field: u8,
}

pub struct Closed {
    field: u8,
}

#[non_exhaustive]
pub enum Grows<T> {
    One(T),
}

pub struct Wrapper(pub u8);

pub struct Id(u8);

pub enum Never {}

    macro_rules! inner {
        /// Exhaustive on purpose: made by a macro.
        pub enum Made {
            One,
        }
    }
";
    let found: Vec<_> =
        open_types(source).into_iter().map(|(name, head)| (name, head.lines().count())).collect();
    assert_eq!(found, [("Open", 1), ("Grows", 1), ("Wrapper", 0), ("Made", 1)]);
}

/// The public enums and the public structs with public fields, with the lines of documentation and attributes above each.
fn open_types(text: &str) -> Vec<(&str, String)> {
    let lines: Vec<_> = text.lines().collect();
    // What `open_names!` makes is `#[non_exhaustive]` in its own file.
    let by_macro = lines.iter().any(|line| line.starts_with("open_names! {"));
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        let Some((kind, rest)) = code.strip_prefix("pub ").and_then(|code| code.split_once(' ')) else {
            continue;
        };
        let open = match kind {
            "enum" => rest.ends_with('{'),
            "struct" if rest.ends_with('{') => {
                let fields = lines.iter().skip(index + 1).take_while(|line| !closes(line, indent));
                fields.into_iter().any(|field| field.trim_start().starts_with("pub "))
            }
            "struct" => rest.contains("(pub "),
            _ => false,
        };
        if open && !(by_macro && indent > 0) && !rest.contains(":ident") {
            let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
            let above = lines.iter().take(index).rev().take_while(|line| is_head(line));
            found.push((name, above.copied().collect::<Vec<_>>().join("\n")));
        }
    }
    found
}

/// The folders of all crates but the command, whose types nobody uses.
fn libraries() -> impl Iterator<Item = PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let folders = fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|folder| folder.is_dir() && !folder.ends_with("gymhook-cli"))
}

fn closes(line: &str, indent: usize) -> bool {
    line.len() == indent + 1 && line.ends_with('}')
}

/// Documentation, an attribute, or the rest of one that takes several lines.
fn is_head(line: &str) -> bool {
    let line = line.trim_start();
    ["///", "#[", ")]", "\"", "$(#["].iter().any(|start| line.starts_with(start))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
