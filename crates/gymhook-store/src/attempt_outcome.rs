//! `AttemptOutcome`: how an attempt ended, in one word.

use core::fmt;
use core::str::FromStr;

use gymhook_retry::{Fault, Outcome};
use serde::{Serialize, Serializer};

/// How an attempt ended, in one word: its row, the log line about it and the metric's label have the same.
///
/// The status of a response is not part of it: see [`AttemptRow::status`](super::AttemptRow::status).
///
/// ```
/// use gymhook_store::AttemptOutcome;
/// use gymhook_retry::Fault;
///
/// let outcome = AttemptOutcome::Fault(Fault::Timeout);
/// assert_eq!(outcome.as_str(), "timeout");
/// assert_eq!("timeout".parse(), Ok(outcome));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// `response`: the endpoint answered, whatever the status.
    Response,
    /// A [fault's](Fault) name: the endpoint, or the way to it, failed before there was an answer.
    Fault(Fault),
    /// `internal`: this side failed, and the attempt was not charged.
    Internal,
    /// `panicked`: the code that made the attempt panicked.
    Panicked,
    /// `lost`: nobody knows how it ended.
    Lost,
}

impl AttemptOutcome {
    /// Its name, in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Fault(fault) => fault.as_str(),
            Self::Internal => "internal",
            Self::Panicked => "panicked",
            Self::Lost => "lost",
        }
    }

    /// How the endpoint failed, or the way to it, if it did before there was an answer.
    #[must_use]
    pub const fn fault(self) -> Option<Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Response | Self::Internal | Self::Panicked | Self::Lost => None,
        }
    }
}

/// A name that is no [`AttemptOutcome`]'s: what a newer version wrote, or a damaged row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no outcome of an attempt with this name")]
#[non_exhaustive]
pub struct UnknownAttemptOutcome;

impl FromStr for AttemptOutcome {
    type Err = UnknownAttemptOutcome;

    fn from_str(name: &str) -> Result<Self, UnknownAttemptOutcome> {
        let other = || [Self::Response, Self::Internal, Self::Panicked, Self::Lost].into_iter();
        let faults = Fault::ALL.into_iter().map(Self::Fault);
        other().chain(faults).find(|outcome| outcome.as_str() == name).ok_or(UnknownAttemptOutcome)
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&Outcome> for AttemptOutcome {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Response { .. } => Self::Response,
            Outcome::Failure(fault) => Self::Fault(*fault),
            Outcome::Internal(_) => Self::Internal,
            Outcome::Panicked => Self::Panicked,
            Outcome::Crashed => Self::Lost,
        }
    }
}

/// As its name.
impl Serialize for AttemptOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stores have written: it is read for ever.
    #[test]
    fn the_names_are_those_that_rows_have() {
        let names = [
            (AttemptOutcome::Response, "response"),
            (AttemptOutcome::Internal, "internal"),
            (AttemptOutcome::Panicked, "panicked"),
            (AttemptOutcome::Lost, "lost"),
            (AttemptOutcome::Fault(Fault::Timeout), "timeout"),
            (AttemptOutcome::Fault(Fault::Connect), "connect"),
            (AttemptOutcome::Fault(Fault::Dns), "dns"),
            (AttemptOutcome::Fault(Fault::Tls), "tls"),
            (AttemptOutcome::Fault(Fault::Reset), "reset"),
            (AttemptOutcome::Fault(Fault::Protocol), "protocol"),
            (AttemptOutcome::Fault(Fault::Forbidden), "forbidden"),
        ];
        for (outcome, name) in names {
            assert_eq!(outcome.as_str(), name);
            assert_eq!(outcome.to_string(), name);
            assert_eq!(name.parse(), Ok(outcome));
        }
        for unknown in ["", "Response", "response ", "2xx", "sunk"] {
            assert_eq!(unknown.parse::<AttemptOutcome>(), Err(UnknownAttemptOutcome), "{unknown:?}");
        }
    }
}
