//! `docs/platforms.md` stays true: every sentence has an answer, and every test that it names exists.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use gymhook::Provider;

const LIST: &str = include_str!("../docs/platforms.md");

struct Row {
    platform: &'static str,
    sentence: String,
    state: String,
    whereabouts: String,
    tests: Vec<String>,
}

/// Platforms with the page that each names, and the sentences of all their lists.
fn read() -> (Vec<(&'static str, &'static str)>, Vec<Row>) {
    let (mut pages, mut rows, mut platform) = (Vec::new(), Vec::new(), "");
    let mut lines = LIST.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            platform = name;
        } else if let Some(page) = line.strip_prefix("Page: <") {
            pages.push((platform, page.trim_end_matches('>')));
        } else if line.starts_with("- ") && !platform.is_empty() {
            let mut row = vec![line.to_owned()];
            while let Some(next) = lines.next_if(|next| next.starts_with("  ")) {
                row.push(next.to_owned());
            }
            rows.push(read_row(platform, &row));
        }
    }
    (pages, rows)
}

/// A sentence, below it its state with where it is followed, and a line for each test. A long text goes on in the next line,
/// and so does a long test, after its file.
fn read_row(platform: &'static str, lines: &[String]) -> Row {
    let mut items: Vec<String> = Vec::new();
    for line in lines {
        match (line.trim_start().strip_prefix("- "), items.last_mut()) {
            (Some(item), _) => items.push(item.to_owned()),
            (None, Some(item)) => *item = format!("{item} {}", line.trim_start()),
            (None, None) => panic!("no item: {line}"),
        }
    }
    let [sentence, state, tests @ ..] = items.as_slice() else {
        panic!("a sentence and its state: {items:?}")
    };
    let (state, whereabouts) =
        state.split_once(": ").unwrap_or_else(|| panic!("`state: where`, not {state}"));
    let test = |item: &String| {
        let test = item.strip_prefix("test `").unwrap_or_else(|| panic!("{sentence}: a test, not {item}"));
        test.trim_end_matches('`').replace("` `", "::")
    };
    Row {
        platform,
        sentence: sentence.clone(),
        state: state.to_owned(),
        whereabouts: whereabouts.to_owned(),
        tests: tests.iter().map(test).collect(),
    }
}

#[test]
fn every_sentence_has_an_answer_and_what_is_done_a_test() {
    let (_, rows) = read();
    let mut seen = BTreeSet::new();
    for Row { platform, sentence, state, whereabouts, tests } in &rows {
        let what = format!("{platform}: {sentence}");
        assert!(sentence.starts_with('"') && sentence.ends_with('"') && sentence.len() > 2, "{what}");
        assert!(!whereabouts.is_empty(), "{what}: where?");
        match state.as_str() {
            "done" | "part" => assert!(!tests.is_empty(), "{what}: which test?"),
            "not yet" | "yours" => assert!(tests.is_empty(), "{what}: what is tested is done"),
            other => panic!("{what}: no such state: {other}"),
        }
        assert!(seen.insert((*platform, sentence.clone())), "{what}: twice");
    }
    for platform in ["GymPoint", "EGYM", "PerfectGym", "PG Next", "Point"] {
        assert!(rows.iter().any(|row| row.platform == platform), "{platform} has no rows");
    }
}

#[test]
fn every_named_test_exists_and_is_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for Row { sentence, tests, .. } in read().1 {
        for test in tests {
            let (file, name) =
                test.split_once("::").unwrap_or_else(|| panic!("{sentence}: file::name, not {test}"));
            let text =
                std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let lines: Vec<_> = text.lines().collect();
            let declared = lines.iter().position(|line| line.contains(&format!("fn {name}(")));
            let declared = declared.unwrap_or_else(|| panic!("{sentence}: {file} has no {name}"));
            let marked = lines.iter().take(declared).rev().take(3);
            let is_test = |line: &&str| line.contains("#[test]") || line.contains("#[tokio::test");
            assert!(marked.into_iter().any(is_test), "{test} is not a test");
        }
    }
}

#[test]
fn each_platform_s_page_is_that_of_its_profile() {
    let mut pages: Vec<_> = read().0.into_iter().map(|(_, page)| page).collect();
    let mut profiles: Vec<_> = Provider::all().map(|provider| provider.profile().page).collect();
    pages.sort_unstable();
    profiles.sort_unstable();
    assert_eq!(pages, profiles);
}
