//! The judge: a pure function from a history to its figures, or to everything in it that breaks a promise.

mod judge;
mod violation;

use core::fmt;
use core::ops::AddAssign;

pub use self::violation::Violation;
use crate::history::History;

/// How many attempts one engine may have under way: the default of its limits.
pub const MAX_IN_FLIGHT: u64 = 256;

/// The figures of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Gateways that were killed.
    pub kills: u64,
    /// Requests that were acknowledged.
    pub acknowledged: u64,
    /// Those of them that published an event through the API.
    pub published: u64,
    /// Requests that were sent again, since nobody had acknowledged them.
    pub repeated: u64,
    /// Requests that were refused for good.
    pub refused: u64,
    /// Answers of 503.
    pub held_up: u64,
    /// Events that had to arrive somewhere.
    pub wanted: u64,
    /// Requests that the application got.
    pub arrivals: u64,
    /// Those that it did not take.
    pub failed: u64,
    /// Those of what it had taken before, because of a kill.
    pub duplicates: u64,
}

/// Judges a history:
///
/// - Every event of every acknowledged request, be it a platform's or one that publishes through the API, was taken by everybody who wants it, and counts as delivered in the log.
/// - Nothing else arrived: no event of a forged request, none that a destination does not want, none without its signature, none
///   from another source; and a forged request is never acknowledged.
/// - An event arrives under one `webhook-id`, always with the same body; only where a platform's repeat cannot be told from another
///   request, under as many as it was sent times.
/// - What was taken arrives again only if the gateway was killed in between, and no more of it than one may have under way.
/// - The log agrees: it has every delivery that arrived, counts every request, and has no success that the application did not
///   give. In the end nothing waits.
/// - Whoever is told to come later is told when; and no other error of the gateway's is seen.
///
/// # Errors
/// Every violation.
pub fn check(history: &History) -> Result<Totals, Vec<Violation>> {
    judge::Judge::new(history).judge()
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.kills += more.kills;
        self.acknowledged += more.acknowledged;
        self.published += more.published;
        self.repeated += more.repeated;
        self.refused += more.refused;
        self.held_up += more.held_up;
        self.wanted += more.wanted;
        self.arrivals += more.arrivals;
        self.failed += more.failed;
        self.duplicates += more.duplicates;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kills,
            acknowledged,
            published,
            repeated,
            refused,
            held_up,
            wanted,
            arrivals,
            failed,
            duplicates,
        } = self;
        write!(
            f,
            "{kills} kills; {acknowledged} requests acknowledged, {published} of them by the API, {repeated} repeated, {refused} refused, {held_up} held up; \
             {wanted} events wanted, 0 lost; {arrivals} arrivals, {failed} not taken, {duplicates} duplicates"
        )
    }
}
