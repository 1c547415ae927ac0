//! On an ordered endpoint, all requests of one delivery come before all of the next.

use std::collections::BTreeMap;

use super::Violation;

/// A delivery on an ordered endpoint, with places in the ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) delivery: u128,
    pub(super) endpoint: u32,
    pub(super) asked: usize,
    pub(super) acknowledged: Option<usize>,
    /// Its first and its last request, if there were any.
    pub(super) sent: Option<(usize, usize)>,
}

/// What was acknowledged before another was asked for comes before that.
pub(super) fn check(deliveries: impl Iterator<Item = Placed>) -> Vec<Violation> {
    let mut by_endpoint: BTreeMap<u32, Vec<Placed>> = BTreeMap::new();
    for placed in deliveries {
        by_endpoint.entry(placed.endpoint).or_default().push(placed);
    }
    let mut violations = Vec::new();
    for (endpoint, all) in by_endpoint {
        for first in &all {
            let Some((_, last)) = first.sent else { continue };
            let overtakes = |later: &&Placed| {
                first.acknowledged.is_some_and(|at| at < later.asked)
                    && later.sent.is_some_and(|(began, _)| began < last)
            };
            if let Some(later) = all.iter().find(overtakes) {
                let (delivery, later) = (first.delivery, later.delivery);
                violations.push(Violation::OutOfOrder { endpoint, delivery, later });
            }
        }
    }
    violations
}
