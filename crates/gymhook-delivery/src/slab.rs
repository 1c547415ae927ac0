//! `Slab`, dense storage: an item keeps its slot for as long as it lives, and a slot's index has four bytes.

use crate::due_heap::Places;

/// Slots are held in chunks of this many, so that growing copies nothing and wastes at most one chunk.
const CHUNK: usize = 1024;

/// Items by slot; freed slots are used again, the latest first.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Option<T>>>,
    /// The place in a heap of each item. Stored apart from the items, because a heap writes many of them in each step, and
    /// packed they stay in the cache.
    places: Vec<u32>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new(), places: Vec::new(), free: Vec::new(), len: 0 }
    }

    /// Puts `thing` into a free slot and returns the slot; `None` if all four billion are taken.
    pub(crate) fn insert(&mut self, thing: T) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            *self.cell(slot)? = Some(thing);
            self.len += 1;
            return Some(slot);
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            let room = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let chunk = self.chunks.len() - 1;
        let last = self.chunks.last_mut()?;
        let slot = u32::try_from(chunk * CHUNK + last.len()).ok().filter(|slot| *slot < u32::MAX)?;
        last.push(Some(thing));
        self.places.push(0);
        self.len += 1;
        Some(slot)
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let thing = self.cell(slot)?.take()?;
        self.free.push(slot);
        self.len -= 1;
        Some(thing)
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.cell(slot)?.as_mut()
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        self.chunks.get(slot / CHUNK)?.get(slot % CHUNK)?.as_ref()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The place in a heap of the item in this slot.
    pub(crate) fn place(&self, slot: u32) -> u32 {
        self.places.get(slot as usize).copied().unwrap_or(u32::MAX)
    }

    fn cell(&mut self, slot: u32) -> Option<&mut Option<T>> {
        let slot = slot as usize;
        self.chunks.get_mut(slot / CHUNK)?.get_mut(slot % CHUNK)
    }
}

impl<T> Places for Slab<T> {
    fn set_place(&mut self, slot: u32, place: u32) {
        if let Some(held) = self.places.get_mut(slot as usize) {
            *held = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_stay_and_are_used_again() {
        let mut slab = Slab::new();
        let slots: Vec<u32> = (0..3_000).map(|n| slab.insert(n).unwrap()).collect();
        assert_eq!(slots, (0..3_000).collect::<Vec<u32>>());
        assert_eq!(slab.remove(1_500), Some(1_500));
        assert_eq!(slab.remove(1_500), None);
        assert_eq!((slab.get(1_500), slab.get(1_501), slab.len()), (None, Some(&1_501), 2_999));
        assert_eq!(slab.insert(7), Some(1_500));
        assert_eq!((slab.get(1_500), slab.len()), (Some(&7), 3_000));
        assert_eq!(slab.get(9_999), None);
    }
}
