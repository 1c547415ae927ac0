//! `BodyMemory`: a limit on the memory of all bodies that are being read.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// Memory for what is longer than [`ALWAYS`], shared by all requests of a source.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    free: AtomicUsize,
}

/// The part of each body that is not counted: 16 KiB. Honest requests are shorter, so connections that hold long bodies open
/// block nobody.
pub(crate) const ALWAYS: usize = 16 * 1024;

impl BodyMemory {
    pub(crate) const fn new(bytes: usize) -> Self {
        Self { free: AtomicUsize::new(bytes) }
    }

    fn take(&self, bytes: usize) -> bool {
        self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(bytes)).is_ok()
    }
}

/// The memory of one body; released when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<BodyMemory>,
    taken: usize,
}

impl Share {
    pub(crate) const fn of(memory: Arc<BodyMemory>) -> Self {
        Self { memory, taken: 0 }
    }

    /// Grows to this total capacity. `false` if there is not enough left: then nothing changes.
    pub(crate) fn grow_to(&mut self, capacity: usize) -> bool {
        let needed = capacity.saturating_sub(ALWAYS);
        let more = needed.saturating_sub(self.taken);
        if more > 0 && !self.memory.take(more) {
            return false;
        }
        self.taken = self.taken.max(needed);
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.free.fetch_add(self.taken, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_bodies_ask_nobody_and_long_ones_give_back_what_they_took() {
        let memory = Arc::new(BodyMemory::new(10));
        let share = || Share::of(Arc::clone(&memory));
        let (mut one, mut other) = (share(), share());
        assert!(one.grow_to(ALWAYS + 4) && one.grow_to(ALWAYS + 7));
        assert!(!other.grow_to(ALWAYS + 4), "only three are left");
        assert!(other.grow_to(ALWAYS) && other.grow_to(ALWAYS + 3));
        drop(one);
        assert!(other.grow_to(ALWAYS + 10));
        drop(other);
        assert_eq!(memory.free.load(Ordering::Acquire), 10);
    }
}
