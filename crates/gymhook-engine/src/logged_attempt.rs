//! `LoggedAttempt`: an attempt whose row is in the log, as an observer is told of it.

use crate::Subscription;
use crate::store::AttemptRow;

/// An attempt that is in the log: see [`EngineBuilder::on_attempt_logged`](crate::EngineBuilder::on_attempt_logged).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LoggedAttempt<'a> {
    /// What it was made for, as this worker knows it.
    pub subscription: &'a Subscription,
    /// The type of its event. `None` if this worker did not make the attempt: it is another worker's that was lost, or its
    /// event could not be read.
    pub event_type: Option<&'a str>,
    /// The row that was written. The store may keep its times less precisely.
    pub row: &'a AttemptRow,
}

impl<'a> LoggedAttempt<'a> {
    /// An attempt, as a test of an observer makes one up.
    #[must_use]
    pub const fn new(
        subscription: &'a Subscription,
        event_type: Option<&'a str>,
        row: &'a AttemptRow,
    ) -> Self {
        Self { subscription, event_type, row }
    }
}
