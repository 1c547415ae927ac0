//! What a registry shows of each published crate, and what only its manifest can say.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The published crates, and those that are not.
fn packages() -> (Vec<Value>, Vec<Value>) {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--locked", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().cloned().partition(|package| package["publish"].is_null())
}

#[test]
fn each_published_crate_says_the_same_of_where_it_lives() {
    let (published, _) = packages();
    let facade = published.iter().find(|package| package["name"] == "gymhook").unwrap();
    for package in &published {
        for field in
            ["repository", "homepage", "documentation", "license", "rust_version", "edition", "authors"]
        {
            assert!(!facade[field].is_null(), "the workspace has no {field}");
            assert_eq!(package[field], facade[field], "{}: `{field}.workspace = true`", package["name"]);
        }
    }
}

#[test]
fn each_published_crate_can_be_found_and_read() {
    let (published, _) = packages();
    for package in &published {
        let (name, folder) =
            (&package["name"], Path::new(package["manifest_path"].as_str().unwrap()).parent());
        assert!(package["description"].as_str().is_some_and(|text| text.len() > 20), "{name}: description");
        let readme = package["readme"].as_str().unwrap_or_else(|| panic!("{name}: readme"));
        assert!(folder.unwrap().join(readme).exists(), "{name}: {readme}");
        // More, or longer ones, are refused by crates.io.
        for (field, longest) in [("keywords", 20), ("categories", usize::MAX)] {
            let words = package[field].as_array().unwrap();
            assert!((1..=5).contains(&words.len()), "{name}: 1 to 5 {field}");
            assert!(words.iter().all(|word| word.as_str().unwrap().len() <= longest), "{name}: {field}");
        }
    }
}

/// A path alone is taken out of a development dependency when it is packaged; every other one needs a version.
#[test]
fn each_published_crate_depends_on_published_crates() {
    let (published, unpublished) = packages();
    for package in &published {
        for dependency in package["dependencies"].as_array().unwrap() {
            let is_unpublished = unpublished.iter().any(|package| package["name"] == dependency["name"]);
            let (from, to) = (&package["name"], &dependency["name"]);
            assert!(!is_unpublished || dependency["kind"] == "dev", "{from} depends on {to}");
            assert!(!is_unpublished || dependency["req"] == "*", "{from}: {to} must have no version");
        }
    }
}

/// `RELEASING.md` says which crates have a version of their own; all others share the workspace's.
#[test]
fn a_crate_with_a_version_of_its_own_is_named_in_releasing() {
    let releasing = include_str!("../RELEASING.md");
    let (published, _) = packages();
    let shared = &published.iter().find(|package| package["name"] == "gymhook").unwrap()["version"];
    for package in &published {
        let name = package["name"].as_str().unwrap();
        let is_named = releasing.lines().any(|line| line.starts_with(&format!("- `{name}`")));
        assert!(&package["version"] == shared || is_named, "{name} {}", package["version"]);
    }
}
