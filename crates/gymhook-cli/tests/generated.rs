//! Completions and manual pages: what shells and `man` read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use support::gymhook;

const COMMANDS: [&str; 22] = [
    "backup",
    "completions",
    "doctor",
    "keys",
    "listen",
    "log",
    "man",
    "providers",
    "redeliver",
    "replay",
    "requests",
    "sample",
    "schedule",
    "schema",
    "send",
    "serve",
    "sign",
    "stats",
    "subscriptions",
    "types",
    "vectors",
    "verify",
];

fn printed(arguments: &[&str]) -> String {
    let output = gymhook("").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn bash(script: &str, argument: &str) -> (bool, String) {
    let output = Command::new("bash").args(["--norc", "-c", script, "bash", argument]).output().unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// The list above is the help's own.
#[test]
fn the_help_names_every_command() {
    let help = printed(&["--help"]);
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let name = |line: &str| {
        line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()).map(str::to_owned)
    };
    let listed: BTreeSet<String> = listed.lines().filter_map(name).filter(|name| name != "help").collect();
    assert_eq!(listed.iter().map(String::as_str).collect::<Vec<_>>(), COMMANDS);
}

#[test]
fn each_shells_completions_name_every_command() {
    // How each shell's script writes a word that it completes.
    for (shell, quoted) in [
        ("bash", ("", "")),
        ("elvish", ("cand ", " ")),
        ("fish", ("-a \"", "\"")),
        ("powershell", ("::new('", "',")),
        ("zsh", ("'", ":")),
    ] {
        let script = printed(&["completions", shell]);
        for command in COMMANDS {
            let word = format!("{}{command}{}", quoted.0, quoted.1);
            assert!(script.contains(&word), "{shell} does not complete {command}");
        }
        assert!(script.contains("no-record"), "{shell} completes no options");
    }
    let output = gymhook("").args(["completions", "cmd"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// The shells' own parsers accept the scripts: bash everywhere, zsh and fish where they are installed.
#[test]
fn the_shells_parse_their_completions() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let is_there = Command::new(shell).arg("--version").output().is_ok();
        assert!(is_there || shell != "bash", "this test needs bash");
        if !is_there {
            println!("{shell} is not installed: its script is not parsed");
            continue;
        }
        let parse = |script: &str| {
            let path = folder.path().join(shell);
            fs::write(&path, script).unwrap();
            Command::new(shell).arg(check).arg(&path).output().unwrap()
        };
        let script = printed(&["completions", shell]);
        let parsed = parse(&script);
        assert!(parsed.status.success() && parsed.stderr.is_empty(), "{shell}: {parsed:?}");
        // A parser that accepts everything would prove nothing.
        assert!(!parse(&format!("{script}\nif 'open")).status.success(), "{shell}");
    }
}

/// Bash reads the script, and completes a command, an option and a value with it.
#[test]
fn bash_completes_with_the_script() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gymhook");
    fs::write(&path, printed(&["completions", "bash"])).unwrap();
    let path = path.to_str().unwrap();
    let completed = |words: &str, position: usize| {
        let script = format!(
            "source \"$1\" && COMP_WORDS=({words}) COMP_CWORD={position} && \
             _gymhook gymhook \"${{COMP_WORDS[$COMP_CWORD]}}\" \"${{COMP_WORDS[$COMP_CWORD-1]}}\" && \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let (is_well, said) = bash(&script, path);
        assert!(is_well, "{said}");
        said.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let commands = completed("gymhook ''", 1);
    assert!(COMMANDS.iter().all(|command| commands.contains(*command)), "{commands:?}");
    assert_eq!(completed("gymhook prov", 1), BTreeSet::from(["providers".to_owned()]));
    assert_eq!(completed("gymhook listen --no-", 2), BTreeSet::from(["--no-record".to_owned()]));
    assert!(completed("gymhook types ''", 2).contains("perfectgym"));
}

#[test]
fn the_manual_names_every_command_and_has_a_page_for_each() {
    let page = printed(&["man"]);
    assert!(page.contains("\n.TH gymhook 1"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    printed(&["man", "--all", pages.to_str().unwrap()]);
    for command in COMMANDS {
        assert!(page.contains(&format!("gymhook\\-{command}(1)")), "the manual does not name {command}");
        let own = fs::read_to_string(pages.join(format!("gymhook-{command}.1"))).unwrap();
        assert!(own.contains(&format!("\n.TH gymhook-{command} 1")), "{own}");
        assert!(own.contains(".SH SYNOPSIS") && own.contains("Example"), "{command}: {own}");
    }
    assert!(pages.join("gymhook.1").is_file());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let output = gymhook("").args(["man", "--all", file.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("name a folder of yours"));
}
