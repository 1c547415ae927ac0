//! Markdown pages: no line over 120 columns, no link to a file or heading that does not exist, and one install line for
//! each crate.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

const COLUMNS: usize = 120;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|path| path.join("Cargo.lock").exists())
        .unwrap()
        .to_owned()
}

/// Every Markdown page of the repository, by its path from the root.
fn pages() -> BTreeMap<PathBuf, String> {
    let (root, mut pages) = (root(), BTreeMap::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && !["target", "corpus"].contains(&&*name) {
                folders.push(path);
            } else if name.ends_with(".md") {
                pages
                    .insert(path.strip_prefix(&root).unwrap().to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    pages
}

#[test]
fn no_line_is_longer_than_120_columns() {
    let mut long = Vec::new();
    for (path, text) in pages() {
        for (line, number) in text.lines().zip(1..) {
            let columns = line.chars().count();
            // A table that a test writes into the rustdoc has a row for each type, however much that names, and one of a
            // bench a row for each measurement.
            let is_written = path.ends_with("src/named.md") || path.ends_with("benches/RESULTS.md");
            if columns > COLUMNS && !is_written {
                long.push(format!("{}:{number}: {columns} columns", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "lines over {COLUMNS} columns:\n{}", long.join("\n"));
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let (root, pages) = (root(), pages());
    let read: BTreeMap<_, _> = pages.iter().map(|(path, text)| (path.clone(), Page::read(text))).collect();
    assert!(read.values().map(|page| page.links.len()).sum::<usize>() > 20, "the pages have links");

    let mut dead = Vec::new();
    for (path, page) in &read {
        for link in page.links.iter().filter(|link| is_relative(link)) {
            let (file, anchor) =
                link.split_once('#').map_or((&**link, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { path.clone() } else { joined(path, file) };
            let heading = anchor.is_none_or(|anchor| match read.get(&target) {
                Some(page) => page.anchors.contains(anchor),
                None => is_line_of_a_file(anchor), // not a page
            });
            if !root.join(&target).exists() || !heading {
                dead.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

/// A line such as `gymhook = "0.1"` in a page of any crate asks for the version that the workspace has.
#[test]
fn every_install_line_asks_for_the_version_of_this_workspace() {
    let versions = versions();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for (path, text) in pages() {
        if path == Path::new("CHANGELOG.md") {
            continue; // it tells of older versions
        }
        for line in text.lines() {
            let Some((name, rest)) = line.split_once(" = ") else { continue };
            let Some(version) = versions.get(name.trim()) else { continue };
            // Until it is published there is a path beside the version.
            let asked = rest.rsplit("version = ").next().and_then(|rest| rest.split('"').nth(1));
            let short = version.rsplit_once('.').map(|(short, _)| short);
            if asked != short && asked != Some(version) {
                wrong.push(format!("{}: {line} (this is {version})", path.display()));
            }
            seen.insert(path.clone());
        }
    }
    assert!(wrong.is_empty(), "install lines that do not agree:\n{}", wrong.join("\n"));
    for page in ["README.md", "crates/gymhook/README.md"] {
        assert!(seen.contains(Path::new(page)), "{page} has no install line");
    }
}

struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let (mut links, mut anchors) = (Vec::new(), BTreeSet::new());
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES) {
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event {
                links.push(dest_url.into_string());
            } else if let Event::Start(Tag::Heading { .. }) = event {
                heading = Some(String::new());
            } else if let Event::End(TagEnd::Heading(_)) = event {
                insert_anchor(&mut anchors, &heading.take().unwrap());
            } else if let (Event::Text(text) | Event::Code(text), Some(heading)) = (event, &mut heading) {
                heading.push_str(&text);
            }
        }
        Self { links, anchors }
    }
}

/// The anchor as GitHub and rustdoc make it: lower case, hyphens for spaces, no punctuation, a number when it repeats.
fn insert_anchor(anchors: &mut BTreeSet<String>, heading: &str) {
    let kept = heading.to_lowercase().replace(' ', "-");
    let slug: String = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
    let numbered = (1..).map(|number| format!("{slug}-{number}"));
    let free = core::iter::once(slug.clone()).chain(numbered).find(|slug| !anchors.contains(slug));
    anchors.extend(free);
}

/// Neither a URL nor an item's path, which rustdoc checks.
fn is_relative(link: &str) -> bool {
    let file = link.split('#').next().unwrap_or(link);
    let is_item = file.contains("::") || file.contains('@') || file.ends_with("()") || file.ends_with('!');
    let is_name = !file.is_empty() && file.chars().all(|c| c.is_alphanumeric() || c == '_');
    !link.contains("://") && !link.starts_with("mailto:") && !is_item && !is_name
}

fn is_line_of_a_file(anchor: &str) -> bool {
    anchor.strip_prefix('L').is_some_and(|line| line.chars().all(|c| c.is_ascii_digit()))
}

/// `link` from the page at `path`, without `..`.
fn joined(path: &Path, link: &str) -> PathBuf {
    let mut joined = path.parent().map(Path::to_owned).unwrap_or_default();
    for part in link.split('/') {
        match part {
            ".." => {
                joined.pop();
            }
            "" | "." => {}
            part => joined.push(part),
        }
    }
    joined
}

/// The versions of the published crates.
fn versions() -> BTreeMap<String, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--locked", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let published = packages.filter(|package| package["publish"].is_null());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    published.map(|package| (text(&package["name"]), text(&package["version"]))).collect()
}
