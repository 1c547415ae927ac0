//! A behaviour that is written is played: the list of the suite is made from its functions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use core::fmt::Write as _;
use std::fs;
use std::path::Path;

const LIST: &str = "src/testing/suite/behaviours.rs";

/// The names of the behaviours in a source, in its order.
fn behaviours(source: &str) -> Vec<&str> {
    let heads = source.lines().filter_map(|line| line.strip_prefix("pub async fn "));
    let names = heads.filter_map(|head| head.split_once("<H: Harness>(harness: &H)"));
    names.map(|(name, _)| name).collect()
}

fn list_of_the_functions(suite: &Path) -> String {
    let mut areas: Vec<_> = fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path()).collect();
    areas.sort();
    let mut list = String::from(
        "//! All behaviours, by area. Made from their functions:\n\
         //! `GYMHOOK_WRITE_TABLES=1 cargo test -p gymhook-store --test behaviours`.\n\n\
         /// All behaviours, by area: given to a macro, after its first arguments.\n\
         #[doc(hidden)]\n\
         #[macro_export]\n\
         macro_rules! __store_behaviours {\n    \
             ($callback:ident $($arguments:tt)*) => {\n        \
                 $crate::$callback! { $($arguments)*\n",
    );
    for area in areas {
        let source = fs::read_to_string(&area).unwrap();
        let names = behaviours(&source);
        if names.is_empty() {
            continue;
        }
        let area = area.file_stem().unwrap().to_str().unwrap();
        writeln!(list, "            {area} {{").unwrap();
        for name in names {
            writeln!(list, "                {name}").unwrap();
        }
        list.push_str("            }\n");
    }
    list.push_str("        }\n    };\n}\n");
    list
}

#[test]
fn every_behaviour_is_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let expected = list_of_the_functions(&root.join("src/testing/suite"));
    if std::env::var_os("GYMHOOK_WRITE_TABLES").is_some() {
        fs::write(root.join(LIST), &expected).unwrap();
    }
    let listed = fs::read_to_string(root.join(LIST)).unwrap();
    assert_eq!(listed, expected, "run this test with GYMHOOK_WRITE_TABLES=1");
}

#[test]
fn a_behaviour_is_known_by_its_head() {
    let source = "/// One.\npub async fn one<H: Harness>(harness: &H) {}\n\nasync fn helper<H: Harness>(harness: &H) {}\n\
                  pub async fn two<H: Harness>(harness: &H)\nwhere\n    H::Store: Copy,\n{}\npub fn three() {}\n";
    assert_eq!(behaviours(source), ["one", "two"]);
}
