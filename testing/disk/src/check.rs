//! The judge: a pure function from a history to its figures and to everything in it that breaks a promise.

mod judge;
mod violation;

use gymhook_engine::store::StoreError;

use crate::history::History;
use crate::total::Totals;

pub use self::violation::Violation;

/// What callers may be told while something fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// That the disk is full, and nothing else.
    Full,
    /// That the store does not answer, and nothing else.
    Unavailable,
    /// Either.
    Either,
}

impl Told {
    /// Whether this is what went wrong, and not a consequence of it.
    fn allows(self, error: &StoreError) -> bool {
        if let StoreError::Unavailable { problem } = error {
            // What SQLite and PostgreSQL say to whoever goes on in a transaction that is none any more.
            let goes_on = problem.contains("no transaction") || problem.contains("no such savepoint");
            return self != Self::Full && !goes_on;
        }
        *error == StoreError::Full && self != Self::Unavailable
    }
}

/// Judges a history:
///
/// - Every acknowledged notification is in the store, with its endpoint and its body, unless it was old and purged. Nothing is
///   quarantined. Everything has ended that could: it was taken by its endpoint, was given up after all of its attempts, or was
///   cancelled because somebody asked for that.
/// - Nothing is invented: every request and every row is of a notification that somebody asked to enqueue, with its body.
/// - Nothing is half applied: the log of attempts has each request that a delivery's row counts, says what the endpoint did,
///   and ends as the row does. No delivery is without a body, no body and no attempt without a delivery, no command undone.
/// - Nothing is sent again in one round after it was taken, unless its process died in between. There are no more rounds than
///   redeliveries asked for, and one for each that was taken.
/// - On an ordered endpoint, no request follows one of a delivery that was enqueued later.
/// - Errors are named as what they are.
#[must_use]
pub fn check(history: &History, told: Told) -> (Totals, Vec<Violation>) {
    judge::Judge::new(history).judge(told)
}
