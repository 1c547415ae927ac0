//! The list of commands, each with its options in a file of its own, and `run`, which calls the one that was asked
//! for.

use clap::{ArgMatches, Args, FromArgMatches, Subcommand};

use crate::arguments::given;
use crate::failure::Failure;
use crate::output::Output;

/// Each command has the name of its module.
macro_rules! commands {
    ($($variant:ident($module:ident),)*) => {
        $(mod $module;)*

        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($variant($module::Arguments),)*
        }

        /// The command of this name, without the others.
        fn alone(name: &str) -> Option<clap::Command> {
            $(if name == stringify!($module) {
                return Some($module::Arguments::augment_args(clap::Command::new(stringify!($module))));
            })*
            None
        }
    };
}

commands! {
    Providers(providers),
    Types(types),
    Sample(sample),
    Verify(verify),
    Sign(sign),
    Schedule(schedule),
    Send(send),
    Listen(listen),
    Serve(serve),
    Backup(backup),
    Log(log),
    Redeliver(redeliver),
    Subscriptions(subscriptions),
    Keys(keys),
    Stats(stats),
    Requests(requests),
    Replay(replay),
    Doctor(doctor),
    Schema(schema),
    Vectors(vectors),
    Completions(completions),
    Man(man),
}

/// The command that was asked for. Only its options are built: those of all commands take longer than most commands run.
#[derive(Debug)]
pub(crate) struct Asked(pub(crate) Command);

impl Asked {
    /// Adds the command that these arguments name, or all of them where all may be spoken of.
    fn augment(root: clap::Command, arguments: &[String]) -> clap::Command {
        if matches!(arguments, [only] if only == "--version" || only == "-V") {
            return root;
        }
        // No option before a command has a value.
        let name = arguments.iter().find(|argument| !argument.starts_with('-'));
        let speaks_of_all = |name: &&String| ["completions", "man"].contains(&name.as_str());
        match name.filter(|name| !speaks_of_all(name)).and_then(|name| alone(name)) {
            Some(command) => root.subcommand(command),
            None => Command::augment_subcommands(root),
        }
    }
}

impl FromArgMatches for Asked {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Command::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Subcommand for Asked {
    fn augment_subcommands(root: clap::Command) -> clap::Command {
        // A test's own arguments ask for nothing.
        Self::augment(root, if cfg!(test) { &[] } else { given() })
    }

    fn augment_subcommands_for_update(root: clap::Command) -> clap::Command {
        Self::augment_subcommands(root)
    }

    fn has_subcommand(name: &str) -> bool {
        Command::has_subcommand(name)
    }
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
        Command::Serve(arguments) => serve::run(&arguments, output),
        Command::Backup(arguments) => backup::run(&arguments, output),
        Command::Log(arguments) => log::run(&arguments, output),
        Command::Redeliver(arguments) => redeliver::run(&arguments, output),
        Command::Subscriptions(arguments) => subscriptions::run(&arguments, output),
        Command::Keys(arguments) => keys::run(&arguments, output),
        Command::Stats(arguments) => stats::run(&arguments, output),
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
    use clap::CommandFactory as _;

    use super::*;
    use crate::arguments::Cli;

    /// What is built alone says the same as it does among the others.
    #[test]
    fn a_command_by_itself_is_the_one_of_all() {
        for mut of_all in Cli::command().get_subcommands().cloned() {
            let name = of_all.get_name().to_owned();
            let mut root =
                Asked::augment(clap::Command::new("gymhook"), &["--json".to_owned(), name.clone()]);
            let built = if ["completions", "man"].contains(&name.as_str()) { 22 } else { 1 };
            assert_eq!(root.get_subcommands().count(), built, "{name}");
            let alone = root.find_subcommand_mut(&name).unwrap();
            assert_eq!(alone.render_long_help().to_string(), of_all.render_long_help().to_string());
        }
        let unknown = Asked::augment(clap::Command::new("gymhook"), &["verfiy".to_owned()]);
        assert_eq!(unknown.get_subcommands().count(), 22);
    }

    #[test]
    fn a_shell_reads_the_word_as_it_was() {
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("a$(b)"), "'a$(b)'");
        assert_eq!((shell_word(""), shell_word("a/b.json")), ("''".to_owned(), "a/b.json".to_owned()));
    }
}
