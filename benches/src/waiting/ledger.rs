//! What the deliveries' course needs besides their order, from the standard library: a second, less bare floor.

use core::hint::black_box;
use core::mem;
use std::collections::{BTreeMap, BTreeSet};

use gymhook::delivery::{BodyDigest, DeliveryId};

use super::{Draws, Load, Waiting, nanos};
use crate::Outcome;

const TIME_FOR_AN_ATTEMPT: u64 = 30_000_000_000;

/// Deliveries by name, so that a duplicate is noticed; their order; and the deadlines of the attempts under way.
///
/// It knows of no endpoint, records nothing, and has no fairness, no rate, no breaker and no fence.
#[derive(Debug)]
pub struct Ledger {
    entries: BTreeMap<DeliveryId, Entry>,
    order: BTreeSet<(u64, DeliveryId)>,
    deadlines: BTreeSet<(u64, DeliveryId)>,
    delivered: Vec<DeliveryId>,
    draws: Draws,
}

#[derive(Debug)]
struct Entry {
    body: BodyDigest,
    attempts: u32,
}

impl Ledger {
    /// Filled with this load.
    ///
    /// # Errors
    /// If a name comes twice.
    pub fn new(load: &Load) -> Outcome<Self> {
        let mut ledger = Self {
            entries: BTreeMap::new(),
            order: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            delivered: Vec::new(),
            draws: Draws::new(load),
        };
        for number in 0..load.waiting {
            ledger.enqueue(0, u32::from(!number.is_multiple_of(2)))?;
        }
        Ok(ledger)
    }

    fn enqueue(&mut self, now: u64, attempts: u32) -> Outcome<()> {
        let due = now + nanos(&mut self.draws);
        let name = self.draws.name();
        let body = BodyDigest::new([0; 32]);
        if let Some(held) = self.entries.insert(name, Entry { body, attempts }) {
            return Err(format!("{name} came twice, {}", held.body == body).into());
        }
        self.order.insert((due, name));
        Ok(())
    }
}

impl Waiting for Ledger {
    fn attempt(&mut self, attempts: u64) -> Outcome<u64> {
        for _ in 0..attempts {
            let (now, name) = self.order.pop_first().ok_or("nothing waits")?;
            let entry = self.entries.get_mut(&name).ok_or("a delivery that is not held")?;
            entry.attempts += 1;
            let deadline = (now + TIME_FOR_AN_ATTEMPT, name);
            self.deadlines.insert(black_box(deadline));
            if !self.deadlines.remove(black_box(&deadline)) {
                return Err("an attempt without a deadline".into());
            }
            if entry.attempts == 1 {
                self.order.insert((now + nanos(&mut self.draws), name));
            } else {
                self.delivered.push(name);
                self.enqueue(now, 0)?;
            }
        }
        Ok(attempts)
    }

    fn forget(&mut self) {
        for name in mem::take(&mut self.delivered) {
            self.entries.remove(&name);
        }
    }
}
