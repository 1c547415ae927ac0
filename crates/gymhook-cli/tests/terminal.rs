//! What is printed on a terminal: as wide as it is, and in colours where they are wanted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::process::Command;

use support::{Listening, gymhook};

/// The escape character that begins each colour.
const ESCAPE: char = '\u{1b}';

/// A command with colours in what it says, and its exit status.
fn colourful() -> Vec<(Command, i32)> {
    let with = |arguments: &[&str]| {
        let mut command = gymhook("canary");
        command.args(arguments);
        command
    };
    vec![
        // A verdict, a remark, an error, a wrong usage, and clap's own colours.
        (with(&["verify", "egym", "--headers", "/dev/null", "--body", "/dev/null"]), 1),
        (with(&["sample", "egym", "TEST"]), 0),
        (with(&["sample", "egym", "TSET"]), 2),
        (with(&["sned"]), 2),
        (with(&["verify", "--help"]), 0),
    ]
}

fn on_terminal(mut command: Command, columns: u16, set: &[(&str, &str)]) -> (i32, String) {
    command.env("TERM", "xterm").envs(set.iter().copied());
    terminal::run(command, columns)
}

#[test]
fn colours_come_on_a_terminal_and_nowhere_else() {
    for (command, expected) in colourful() {
        let name = format!("{command:?}");
        let (status, shown) = on_terminal(command, 100, &[]);
        assert_eq!(status, expected, "{name}: {shown}");
        assert!(shown.contains(ESCAPE), "{name}: {shown}");
    }
    for (mut command, expected) in colourful() {
        let output = command.env("TERM", "xterm").output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{command:?}");
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.contains(&0x1b), "{command:?}: {}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn a_terminal_gets_no_colours_if_they_are_not_wanted() {
    for set in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        for (command, _) in colourful() {
            let name = format!("{command:?}");
            let (_, shown) = on_terminal(command, 100, &set);
            assert!(!shown.contains(ESCAPE), "{set:?} {name}: {shown:?}");
        }
    }
}

/// Whoever plays a platform sees colours by the answers, and a bar: neither is in a file.
#[test]
fn lines_and_bar_of_a_long_work_are_a_terminals() {
    let receiver = Listening::start(gymhook("canary").args(["listen", "egym", "--no-record"]));
    let send = || {
        let mut command = gymhook("canary");
        command.args(["send", "egym", "--to", &receiver.url, "--count", "20", "--rate", "100"]);
        command
    };
    let (status, shown) = on_terminal(send(), 100, &[]);
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("\u{1b}[32m200") && shown.contains("/20 "), "{shown:?}");
    let output = send().output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!said.contains(ESCAPE) && !said.contains("/20 "), "{said:?}");
}

#[test]
fn tables_and_help_are_as_wide_as_the_terminal() {
    for columns in [60, 90] {
        for arguments in [
            &["providers"][..],
            &["providers", "egym"],
            &["types"],
            &["schedule", "pg-next"],
            &["--help"],
            &["send", "--help"],
        ] {
            let mut command = gymhook("");
            command.args(arguments).env("NO_COLOR", "1");
            let (status, shown) = on_terminal(command, columns, &[]);
            assert_eq!(status, 0, "{arguments:?}");
            // The examples of a help are to be pasted, and are not broken. What is said under a table is broken by the terminal.
            let shown = shown.split("Example").next().unwrap();
            let is_under_a_table = |line: &&str| line.starts_with("* ") || line.starts_with("gives up");
            let lines = shown.lines().filter(|line| !is_under_a_table(line));
            let widest = lines.max_by_key(|line| line.chars().count()).unwrap();
            let width = widest.chars().count();
            assert!(width <= usize::from(columns), "{arguments:?} at {columns}: {width} in {widest:?}");
            assert!(width > usize::from(columns) / 2, "{arguments:?} at {columns} is narrow: {width}");
        }
    }
}

/// A program that reads a table gets each row in one line.
#[test]
fn a_table_in_a_file_has_a_line_for_each_row() {
    let output = gymhook("").args(["types", "egym"]).env("COLUMNS", "40").output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    // A header and the six types that EGYM publishes.
    assert_eq!(table.lines().count(), 7, "{table}");
}
