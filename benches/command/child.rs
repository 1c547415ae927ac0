//! Processes that take turns.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gymhook_benches::Outcome;
use gymhook_benches::request::SECRET;
use tempfile::NamedTempFile;

/// The command, as `cargo build --release -p gymhook-cli` makes it.
pub(crate) fn gymhook() -> Outcome<PathBuf> {
    let this = std::env::current_exe()?;
    let gymhook = this.ancestors().nth(2).ok_or("this program has no folder")?.join("gymhook");
    if gymhook.is_file() {
        return Ok(gymhook);
    }
    Err(format!("{} is not there: cargo build --release -p gymhook-cli", gymhook.display()).into())
}

/// A program with a secret in its environment, and nothing to read.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("GYMHOOK_SECRET", SECRET).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Runs it to its end, which has to be a good one.
pub(crate) fn run(command: &mut Command) -> Outcome<()> {
    // A file takes what a pipe would only take if somebody read it.
    let said = NamedTempFile::new()?;
    let status = command.stderr(said.reopen()?).status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?} ended with {status}: {}", std::fs::read_to_string(said.path())?).into())
}
