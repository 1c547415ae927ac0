//! The command line: what can be asked, and how it is explained.

use std::process::ExitCode;

use clap::builder::Styles;
use clap::builder::styling::{AnsiColor, Style};
use clap::{Args, Parser};

use crate::commands::Asked;

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

/// Prints clap's own words: help and version with status 0, a wrong usage with status 2.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    // A reader that is gone needs no explanation.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

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
}
