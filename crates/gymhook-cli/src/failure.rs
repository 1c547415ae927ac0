//! `Failure`: the ways in which a command can fail, with the exit status and the message of each.

use std::io;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked cannot be done: a wrong argument, a file that cannot be read. Status 2.
    #[error("{0}")]
    Usage(String),
    /// It was tried, and it failed. Status 1.
    #[error("{0}")]
    Failed(String),
    /// The answer is no, and was printed already. Status 1.
    #[error("refused")]
    Refused,
    /// Ctrl-C; the summary was printed already. Status 130, as a shell reports it.
    #[error("interrupted")]
    Interrupted,
    /// Whoever read the output went away, as `| head` does. Status 0, and no word.
    #[error("the reader of the output is gone")]
    ReaderGone,
}

impl Failure {
    pub(crate) fn usage(problem: impl ToString) -> Self {
        Self::Usage(problem.to_string())
    }

    pub(crate) fn failed(problem: impl ToString) -> Self {
        Self::Failed(problem.to_string())
    }

    pub(crate) const fn status(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Failed(_) | Self::Refused => 1,
            Self::Usage(_) => 2,
            Self::Interrupted => 130,
        }
    }

    /// The line for a person; `None` where everything was said.
    pub(crate) fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(message) | Self::Failed(message) => Some(message),
            Self::Refused | Self::Interrupted | Self::ReaderGone => None,
        }
    }
}

/// What standard output says: everything else is handled where it happens.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::Failed(format!("the output cannot be written: {error}"))
    }
}
