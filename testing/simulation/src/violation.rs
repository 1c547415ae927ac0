//! What a run may find: a promise that was not kept.

use core::fmt;

/// The promises, one name each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    AtLeastOnce,
    SameIdentity,
    BoundedAttempts,
    NeverEarly,
    InFlightLimit,
    NothingToDisabled,
    Order,
    OneTerminalRecord,
    OnlyTheAttemptUnderWay,
    SameFateAfterRestore,
    RetryBudget,
    Fairness,
    NoLostWakeUp,
    RecordsFirst,
    /// A record or an answer says something else than the documents do.
    AsDocumented,
}

/// A promise that was not kept.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) promise: Promise,
    pub(crate) evidence: String,
}

impl Promise {
    const fn words(self) -> &'static str {
        match self {
            Self::AtLeastOnce => "at least once",
            Self::SameIdentity => "the id never changes",
            Self::BoundedAttempts => "attempts ≤ 1 + retries a round",
            Self::NeverEarly => "never early",
            Self::InFlightLimit => "never more at once than the limit",
            Self::NothingToDisabled => "nothing to a disabled endpoint",
            Self::Order => "order is kept, and what blocks is named",
            Self::OneTerminalRecord => "one terminal record a round",
            Self::OnlyTheAttemptUnderWay => "a late or foreign answer changes nothing and is reported",
            Self::SameFateAfterRestore => "snapshot and restore give the same fate",
            Self::RetryBudget => "retries within the budget",
            Self::Fairness => "fair between endpoints",
            Self::NoLostWakeUp => "no lost wake-up",
            Self::RecordsFirst => "records before the attempt that follows",
            Self::AsDocumented => "what follows is what the documents say",
        }
    }

    /// This promise was not kept, as `evidence` shows.
    pub(crate) fn broken<T>(self, evidence: impl FnOnce() -> String) -> Result<T, Violation> {
        Err(Violation { promise: self, evidence: evidence() })
    }

    /// An error unless `kept`.
    pub(crate) fn require(self, kept: bool, evidence: impl FnOnce() -> String) -> Result<(), Violation> {
        if kept { Ok(()) } else { self.broken(evidence) }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}\n  {}", self.promise, self.evidence)
    }
}
