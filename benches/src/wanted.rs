//! What the command line asks a bench for.

use core::fmt;

use crate::Outcome;

/// The words and the options that a bench was called with.
///
/// A word asks for the tasks whose names contain it; without words all tasks are wanted.
#[derive(Debug)]
pub struct Wanted {
    words: Vec<String>,
    options: Options,
}

/// The options that a bench was called with.
#[derive(Debug)]
pub struct Options(Vec<String>);

impl Options {
    /// Whether this option was given.
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.0.iter().any(|given| given == option)
    }
}

impl Wanted {
    /// From this program's arguments. `known` are the options that it understands, such as `--quick`, and `tasks` names the tasks
    /// that there are under the options given. The `--bench` that cargo adds is left out.
    ///
    /// # Errors
    /// An option that is not among these, or a word that is in no task's name: with a list of what there is.
    pub fn from_args<Tasks>(known: &[&str], tasks: impl FnOnce(&Options) -> Tasks) -> Outcome<Self>
    where
        Tasks: IntoIterator<Item: fmt::Display>,
    {
        Ok(Self::read(std::env::args().skip(1), known, tasks)?)
    }

    fn read<Tasks>(
        args: impl Iterator<Item = String>,
        known: &[&str],
        tasks: impl FnOnce(&Options) -> Tasks,
    ) -> Result<Self, String>
    where
        Tasks: IntoIterator<Item: fmt::Display>,
    {
        let (options, words): (Vec<String>, Vec<String>) =
            args.filter(|arg| arg != "--bench").partition(|arg| arg.starts_with('-'));
        if let Some(unknown) = options.iter().find(|option| !known.contains(&option.as_str())) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!("no option {unknown}; the options are: {known}"));
        }
        let options = Options(options);
        let tasks: Vec<String> = tasks(&options).into_iter().map(|task| task.to_string()).collect();
        if let Some(unknown) =
            words.iter().find(|word| !tasks.iter().any(|task| task.contains(word.as_str())))
        {
            return Err(format!("no task's name contains {unknown:?}; the tasks are: {}", tasks.join("; ")));
        }
        Ok(Self { words, options })
    }

    /// Whether this task is wanted.
    #[must_use]
    pub fn contains(&self, task: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| task.contains(word.as_str()))
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    fn read(args: &str) -> Result<Wanted, String> {
        Wanted::read(args.split_whitespace().map(str::to_owned), &["--quick", "--huge"], |options| {
            let last = if options.has("--huge") { "ten million" } else { "endpoints" };
            ["end to end", "a dead endpoint", last]
        })
    }

    #[test]
    fn without_words_every_task_is_wanted() {
        let wanted = read("--bench --quick").unwrap();
        assert!(wanted.contains("end to end") && wanted.contains("endpoints"));
        assert!(wanted.options().has("--quick") && !wanted.options().has("--huge"));
    }

    #[test]
    fn a_word_asks_for_the_tasks_whose_names_contain_it() {
        let wanted = read("dead endpoints").unwrap();
        assert!(wanted.contains("a dead endpoint") && wanted.contains("endpoints"));
        assert!(!wanted.contains("end to end"));
    }

    #[test]
    fn a_word_in_no_name_is_an_error_that_lists_the_tasks() {
        assert_eq!(
            read("dead takeover").unwrap_err(),
            r#"no task's name contains "takeover"; the tasks are: end to end; a dead endpoint; endpoints"#
        );
    }

    #[test]
    fn which_tasks_there_are_may_depend_on_an_option() {
        assert!(read("million --huge").unwrap().contains("ten million"));
        assert!(read("million").is_err());
    }

    #[test]
    fn an_unknown_option_is_an_error_that_lists_the_options() {
        assert_eq!(read("end --quik").unwrap_err(), "no option --quik; the options are: --quick, --huge");
    }
}
