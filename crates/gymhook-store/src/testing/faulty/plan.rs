//! `Plan`: which calls of a store fail or hang, and who is told of them.

use core::num::NonZeroU32;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Operation, When};
use crate::StoreError;

pub(super) type Point = (Operation, When);
pub(super) type Watcher = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
pub(super) struct Plan {
    next: BTreeMap<Point, VecDeque<StoreError>>,
    every: BTreeMap<Point, Every>,
    random: Option<Random>,
    hanging: BTreeSet<Point>,
    watchers: BTreeMap<Point, Watcher>,
    reached: BTreeMap<Point, u64>,
}

struct Every {
    nth: NonZeroU32,
    passed: u32,
    error: StoreError,
}

struct Random {
    state: u64,
    one_in: NonZeroU32,
}

impl Plan {
    pub(super) fn fail_next(&mut self, point: Point, error: StoreError) {
        self.next.entry(point).or_default().push_back(error);
    }

    pub(super) fn fail_every(&mut self, point: Point, nth: NonZeroU32, error: StoreError) {
        self.every.insert(point, Every { nth, passed: 0, error });
    }

    pub(super) fn fail_at_random(&mut self, seed: u64, one_in: NonZeroU32) {
        self.random = Some(Random { state: seed, one_in });
    }

    pub(super) fn hang(&mut self, point: Point) {
        self.hanging.insert(point);
    }

    pub(super) fn hangs(&self, point: Point) -> bool {
        self.hanging.contains(&point)
    }

    pub(super) fn heal(&mut self) {
        self.hanging.clear();
        self.next.clear();
        self.every.clear();
        self.random = None;
    }

    pub(super) fn watch(&mut self, point: Point, watcher: Watcher) {
        self.watchers.insert(point, watcher);
    }

    /// Counts that a point was reached, and returns who is to know.
    pub(super) fn arrive(&mut self, point: Point) -> Option<Watcher> {
        *self.reached.entry(point).or_default() += 1;
        self.watchers.get(&point).cloned()
    }

    pub(super) fn reached(&self, point: Point) -> u64 {
        self.reached.get(&point).copied().unwrap_or_default()
    }

    /// What a call that is at this point fails with. Every kind of fault counts the call, whichever of them it meets.
    pub(super) fn fault(&mut self, point: Point) -> Option<StoreError> {
        let next = self.next.get_mut(&point).and_then(VecDeque::pop_front);
        let every = self.every.get_mut(&point).and_then(Every::fault);
        let random = self.random.as_mut().and_then(|random| random.fault(point));
        next.or(every).or(random)
    }
}

impl Every {
    fn fault(&mut self) -> Option<StoreError> {
        self.passed += 1;
        if self.passed < self.nth.get() {
            return None;
        }
        self.passed = 0;
        Some(self.error.clone())
    }
}

impl Random {
    fn fault(&mut self, (operation, when): Point) -> Option<StoreError> {
        if !self.draw().is_multiple_of(u64::from(self.one_in.get())) {
            return None;
        }
        let problem = format!("a fault at random, {} {}", when.as_str(), operation.as_str());
        Some(StoreError::Unavailable { problem })
    }

    /// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
