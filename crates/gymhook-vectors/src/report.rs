//! `Report`: the results of running vector files, a count, and one line for each failure.

use core::fmt;
use std::path::Path;

use crate::{CaseError, FileError, VectorFile};

/// What came of running any number of files.
///
/// `Display` is the closing line, `N passed, M failed`.
#[derive(Debug, Default)]
pub struct Report {
    passed: usize,
    failures: Vec<Failure>,
}

impl Report {
    /// Reads a file and runs its cases. A file that cannot be used is one failure.
    pub fn run_path(&mut self, path: &Path) {
        match VectorFile::read(path) {
            Ok(file) => self.run(&file),
            Err(error) => self.failures.push(Failure::File(error)),
        }
    }

    /// Runs the cases of a file.
    pub fn run(&mut self, file: &VectorFile) {
        for case in file.cases() {
            match case.run() {
                Ok(()) => self.passed += 1,
                Err(error) => self.failures.push(Failure::Case {
                    file: file.name().to_owned(),
                    name: case.name().to_owned(),
                    why: case.why().map(str::to_owned),
                    error,
                }),
            }
        }
    }

    /// How many cases passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// What failed, in the order of the files and their cases.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failures.len())
    }
}

/// A case that failed, or a whole file.
///
/// `Display` is one line, whatever control characters the file has put into its texts.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// A case.
    Case {
        /// The file it is in.
        file: String,
        /// Its name.
        name: String,
        /// Its reason, if it gives one.
        why: Option<String>,
        /// What went wrong.
        error: CaseError,
    },
    /// A file of which no case could be run.
    File(FileError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = match self {
            Self::Case { file, name, why: Some(why), error } => {
                format!("{file}: {name}: {error}; why: {why}")
            }
            Self::Case { file, name, why: None, error } => format!("{file}: {name}: {error}"),
            Self::File(error) => error.to_string(),
        };
        for character in line.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}
