//! `gymhook completions`: prints the shell completions of this command.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Cli;
use crate::failure::Failure;
use crate::output::Output;

/// Print a shell's completions
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  gymhook completions bash > ~/.local/share/bash-completion/completions/gymhook")]
pub(crate) struct Arguments {
    /// For which shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Err(Failure::usage("a shell's completions are no JSON: leave --json out"));
    }
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "gymhook", &mut script);
    output.raw(&script)
}
