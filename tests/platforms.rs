//! `docs/platforms.md` stays true: every sentence has an answer, and every test that it names exists.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use gymhook::Provider;

const TABLE: &str = include_str!("../docs/platforms.md");

struct Row<'t> {
    platform: &'t str,
    sentence: &'t str,
    state: &'t str,
    whereabouts: &'t str,
    tests: Vec<&'t str>,
}

/// Platforms with the page that each names, and the rows of all their tables.
fn read() -> (Vec<(&'static str, &'static str)>, Vec<Row<'static>>) {
    let (mut pages, mut rows, mut platform) = (Vec::new(), Vec::new(), "");
    for line in TABLE.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            platform = name;
        } else if let Some(page) = line.strip_prefix("Page: <") {
            pages.push((platform, page.trim_end_matches('>')));
        } else if line.starts_with("| ") && !platform.is_empty() && !line.starts_with("| sentence |") {
            rows.push(row(platform, line));
        }
    }
    (pages, rows)
}

fn row(platform: &'static str, line: &'static str) -> Row<'static> {
    let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).unwrap();
    let cells: Vec<_> = inner.split('|').map(str::trim).collect();
    let [sentence, state, whereabouts, tests] = cells.as_slice() else { panic!("four cells: {line}") };
    let tests = tests.split(',').map(|test| test.trim().trim_matches('`'));
    let tests = tests.filter(|test| !test.is_empty()).collect();
    Row { platform, sentence, state, whereabouts, tests }
}

#[test]
fn every_sentence_has_an_answer_and_what_is_done_a_test() {
    let (_, rows) = read();
    let mut seen = BTreeSet::new();
    for Row { platform, sentence, state, whereabouts, tests } in &rows {
        let what = format!("{platform}: {sentence}");
        assert!(sentence.starts_with('"') && sentence.ends_with('"') && sentence.len() > 2, "{what}");
        assert!(!whereabouts.is_empty(), "{what}: where?");
        match *state {
            "done" | "part" => assert!(!tests.is_empty(), "{what}: which test?"),
            "not yet" | "yours" => assert!(tests.is_empty(), "{what}: what is tested is done"),
            other => panic!("{what}: no such state: {other}"),
        }
        assert!(seen.insert((platform, sentence)), "{what}: twice");
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
