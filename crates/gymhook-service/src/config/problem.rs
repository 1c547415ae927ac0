//! `ConfigError` and `ConfigProblem`: what is wrong with a configuration, and where.

use core::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a configuration: everything that was found, in the order of the file. Caused by whoever wrote it.
///
/// `Display` has a line for each problem: the file, the line and the column, the key, and what to do. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigProblem {
    /// Where it is.
    pub place: Place,
    /// The key, as in `sources[0].platform`; empty if it is not about one key.
    pub key: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Place {
    /// In a file.
    File {
        /// Its path; empty if the text came from elsewhere.
        path: PathBuf,
        /// The line, from 1; 0 if it is about the whole file.
        line: usize,
        /// The column, in characters, from 1.
        column: usize,
    },
    /// In an environment variable of this name.
    Variable(String),
}

impl Place {
    /// The file as a whole.
    pub(super) fn whole(path: &Path) -> Self {
        Self::File { path: path.to_owned(), line: 0, column: 0 }
    }
}

impl ConfigError {
    /// Each of them.
    #[must_use]
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

/// Collects what is wrong, so that all of it can be mended at once.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<ConfigProblem>);

impl Problems {
    pub(super) fn add(&mut self, place: &Place, key: impl Into<String>, problem: impl Into<String>) {
        self.0.push(ConfigProblem { place: place.clone(), key: key.into(), problem: problem.into() });
    }

    /// The value, if nothing was wrong.
    pub(super) fn or<T>(mut self, value: Option<T>) -> Result<T, ConfigError> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => {
                self.0.sort_by(|one, other| one.place.cmp(&other.place));
                Err(ConfigError { problems: self.0 })
            }
        }
    }
}

impl core::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, key, problem } = self;
        match key.as_str() {
            "" => write!(f, "{place}: {problem}"),
            key => write!(f, "{place}: {key}: {problem}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File { path, line, column } => {
                match path.to_str() {
                    Some("") => f.write_str("configuration")?,
                    _ => write!(f, "{}", path.display())?,
                }
                if *line > 0 { write!(f, ":{line}:{column}") } else { Ok(()) }
            }
        }
    }
}
