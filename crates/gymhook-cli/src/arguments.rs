//! `Cli`, the command line: the options that all commands share, the style of the help, and `explain`, which prints an
//! error in the arguments.

use std::env;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Style};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser};

use crate::commands::Asked;
use crate::failure::Failure;
use crate::output::{Output, shown};

const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Webhooks of fitness platforms at a terminal: GymPoint, EGYM, PerfectGym, PG Next and Point.
///
/// Shows what a request proves and why it is refused, signs one, plays a platform against your server, and listens as your
/// server would. It needs no account and talks to no platform.
#[derive(Debug, Parser)]
#[command(name = "gymhook", version, styles = STYLES, max_term_width = 110, after_help = "\
Secrets come from the environment (GYMHOOK_SECRET, or GYMHOOK_SECRET_<KEYID> for each of several keys), from a file (--secret-file) or from a hidden prompt; never from an argument.

Exit status: 0 done or accepted, 1 refused or failed, 2 wrong usage, 130 ended by Ctrl-C.

Example: why is this request refused?
  GYMHOOK_SECRET=… gymhook verify point --request captured.http")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Asked,
}

/// What every command understands.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Print one JSON object a line, with stable field names
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print results only, no remarks
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Print details
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
}

/// The arguments that this process was started with, without its name.
pub(crate) fn given() -> &'static [String] {
    static GIVEN: LazyLock<Vec<String>> = LazyLock::new(|| {
        env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
    });
    &GIVEN
}

/// Prints help and version with status 0, and a wrong usage with status 2, in one line or one object as every other error.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // A reader that is gone needs no explanation.
        let _ = error.print();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    }
    let arguments = given();
    let json = arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json");
    let output = Output::new(&Global { json, quiet: false, verbose: 0 });
    let message = in_one_line(&error.render().to_string(), &command_of(Cli::command(), arguments));
    output.end_with(&Failure::usage(message))
}

/// What clap says in several paragraphs, without its usage: the command's help has it.
fn in_one_line(said: &str, command: &str) -> String {
    let paragraphs = said
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|paragraph| {
            !paragraph.starts_with("Usage: ") && !paragraph.starts_with("For more information")
        })
        .map(|paragraph| paragraph.trim_start_matches("error: ").trim_start_matches("tip: ").to_owned());
    let line = paragraphs.collect::<Vec<_>>().join("; ");
    shown(&format!("{line}; \"{command} --help\" says more")).into_owned()
}

/// The command that these arguments name, with those above it.
fn command_of(root: clap::Command, arguments: &[String]) -> String {
    let (mut path, mut command) = (root.get_name().to_owned(), &root);
    let mut arguments = arguments.iter();
    while let Some(name) = arguments.next() {
        if name.starts_with('-') {
            // The word after it is its value, and names no command.
            if command.get_arguments().any(|option| is_followed_by_value(option, name)) {
                arguments.next();
            }
            continue;
        }
        let Some(found) = command.find_subcommand(name) else { break };
        path = format!("{path} {name}");
        command = found;
    }
    path
}

/// Whether this is that option, and has its value in the next word.
fn is_followed_by_value(option: &clap::Arg, written: &str) -> bool {
    let is_it = match (written.strip_prefix("--"), written.strip_prefix('-')) {
        (Some(long), _) => option.get_long() == Some(long),
        (None, Some(short)) => option.get_short().is_some_and(|letter| short.chars().eq([letter])),
        (None, None) => false,
    };
    is_it && option.get_action().takes_values()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_command_ends_its_help_with_an_example() {
        let command = Cli::command();
        command.clone().debug_assert();
        for command in command.get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example"), "{} shows no example", command.get_name());
        }
    }

    #[test]
    fn a_command_is_named_with_those_above_it_wherever_options_are() {
        for (given, command) in [
            (
                "subscriptions --server http://127.0.0.1:1 update 1 --rate fast",
                "gymhook subscriptions update",
            ),
            ("subscriptions --server=http://127.0.0.1:1 update 1", "gymhook subscriptions update"),
            ("--json subscriptions -q list extra", "gymhook subscriptions list"),
            // A value with the name of a command.
            ("subscriptions --server list update", "gymhook subscriptions update"),
            ("sample point list", "gymhook sample"),
            ("--nothing verify", "gymhook verify"),
            ("", "gymhook"),
        ] {
            let arguments: Vec<String> = given.split_whitespace().map(str::to_owned).collect();
            assert_eq!(command_of(Cli::command(), &arguments), command, "{given}");
        }
    }

    /// clap's own words, as its documentation shows them.
    #[test]
    fn a_wrong_usage_is_explained_in_one_line() {
        let said = "error: invalid value 'x' for '[NAME]'\n  [possible values: a, b]\n\n  tip: a similar value exists: \
                    'a'\n\nUsage: gymhook providers [NAME]\n\nFor more information, try '--help'.\n";
        assert_eq!(
            in_one_line(said, "gymhook providers"),
            "invalid value 'x' for '[NAME]' [possible values: a, b]; a similar value exists: 'a'; \
             \"gymhook providers --help\" says more"
        );
        assert_eq!(in_one_line("error: '\u{1b}[2J\n'\n", "g"), "'\\u{1b}[2J '; \"g --help\" says more");
    }
}
