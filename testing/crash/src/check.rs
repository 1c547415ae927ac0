//! The judge: a pure function from a history to its figures, or to everything in it that breaks a promise.

mod judge;
mod mismatch;
pub mod order;
mod violation;

use crate::history::History;
use crate::total::Totals;

pub use self::mismatch::{Expected, Mismatch, Seen, is_accepted};
pub use self::violation::Violation;

/// What the senders of a history were told, as far as the judge needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How many attempts one process may have under way.
    pub max_in_flight: u32,
    /// How many threads a process has that make attempts.
    pub threads: u32,
    /// Whether everything that is due must have ended.
    pub is_drained: bool,
}

/// Judges a history:
///
/// - Every acknowledged notification is in the store, with its endpoint and its body; it was delivered, or waits, or was
///   given up after all of its attempts. What counts as delivered was taken by its endpoint.
/// - Nothing is invented: every request and every row is of a notification that was about to be enqueued, with its
///   endpoint and its body. What has to wait is not sent.
/// - The numbers of a delivery's requests rise, and no request is made that the store was not told of before. The log of
///   attempts says what the endpoint did.
/// - On an ordered endpoint, no request follows one of a delivery that was enqueued later.
/// - A process that was paused, and overtaken, makes no more late requests than it has threads.
/// - Nothing is sent again after its success is on record. A request after an unrecorded success is a duplicate; each has
///   its own attempt that was under way when its process died or the database was down, and a process had no more of these
///   than it may have attempts under way.
///
/// # Errors
/// Every violation.
pub fn check(history: &History, rules: &Rules) -> Result<Totals, Vec<Violation>> {
    judge::Judge::new(history, rules).judge()
}
