//! The floor: the due order alone, with the pushes and pops that the deliveries' course needs and nothing else.

use core::hint::black_box;
use std::collections::BTreeSet;

use gymhook::delivery::DeliveryId;

use super::{Draws, Load, Waiting, nanos};
use crate::Outcome;

/// A `BTreeSet` of due times, in nanoseconds, and names.
///
/// It looks nothing up by name, notices no duplicate, counts no attempts, knows of no endpoint and records nothing.
#[derive(Debug)]
pub struct Floor {
    order: BTreeSet<(u64, DeliveryId)>,
    draws: Draws,
}

impl Floor {
    /// Filled with this load.
    #[must_use]
    pub fn new(load: &Load) -> Self {
        let (mut order, mut draws) = (BTreeSet::new(), Draws::new(load));
        for _ in 0..load.waiting {
            order.insert((nanos(&mut draws), draws.name()));
        }
        Self { order, draws }
    }
}

impl Waiting for Floor {
    fn attempt(&mut self, attempts: u64) -> Outcome<u64> {
        for count in 0..attempts {
            let (now, failed) = self.order.pop_first().ok_or("nothing waits")?;
            // A failure puts the same delivery back, a success another one.
            let next = if count.is_multiple_of(2) { failed } else { self.draws.name() };
            self.order.insert(black_box((now + nanos(&mut self.draws), next)));
        }
        Ok(attempts)
    }
}
