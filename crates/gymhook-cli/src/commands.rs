//! The commands, one a file.

mod completions;
mod doctor;
mod listen;
mod man;
mod port;
mod providers;
mod replay;
mod requests;
mod sample;
mod schedule;
mod schema;
mod send;
mod sign;
mod types;
mod vectors;
mod verify;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Providers(providers::Arguments),
    Types(types::Arguments),
    Sample(sample::Arguments),
    Verify(verify::Arguments),
    Sign(sign::Arguments),
    Schedule(schedule::Arguments),
    Send(send::Arguments),
    Listen(listen::Arguments),
    Requests(requests::Arguments),
    Replay(replay::Arguments),
    Doctor(doctor::Arguments),
    Schema(schema::Arguments),
    Vectors(vectors::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

pub(crate) fn run(command: Command, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Providers(arguments) => providers::run(&arguments, output),
        Command::Types(arguments) => types::run(&arguments, output),
        Command::Sample(arguments) => sample::run(&arguments, output),
        Command::Verify(arguments) => verify::run(&arguments, output),
        Command::Sign(arguments) => sign::run(&arguments, output),
        Command::Schedule(arguments) => schedule::run(&arguments, output),
        Command::Send(arguments) => send::run(&arguments, output),
        Command::Listen(arguments) => listen::run(&arguments, output.clone()),
        Command::Requests(arguments) => requests::run(&arguments, output),
        Command::Replay(arguments) => replay::run(&arguments, output),
        Command::Doctor(arguments) => doctor::run(&arguments, output),
        Command::Schema(arguments) => schema::run(&arguments, output),
        Command::Vectors(arguments) => vectors::run(&arguments, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
        Command::Man(arguments) => man::run(&arguments, output),
    }
}

/// A word as a POSIX shell takes it, in quotation marks only where it needs them.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@+,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs what needs a network.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("no threads can be started: {error}")))?;
    let result = runtime.block_on(work);
    // What still waits for a retry is not waited for.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn a_shell_reads_the_word_as_it_was() {
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("a$(b)"), "'a$(b)'");
        assert_eq!((shell_word(""), shell_word("a/b.json")), ("''".to_owned(), "a/b.json".to_owned()));
    }
}
