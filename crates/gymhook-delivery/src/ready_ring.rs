//! `ReadyRing`: the endpoints that can send, in the order of their turns, as a linked ring.

use crate::endpoint_slot::EndpointSlot;
use crate::slab::Slab;

/// The neighbours of an endpoint in the ring.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Links {
    before: Option<u32>,
    after: Option<u32>,
}

/// Endpoints in the order of their turns. Adding to the end, and removing the first or any other, take constant time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadyRing {
    first: Option<u32>,
    last: Option<u32>,
}

impl ReadyRing {
    pub(crate) fn push(&mut self, slot: u32, endpoints: &mut Slab<EndpointSlot>) {
        let before = self.last.replace(slot);
        self.link_after(before, Some(slot), endpoints);
        if let Some(entry) = endpoints.get_mut(slot) {
            entry.links = Links { before, after: None };
        }
    }

    pub(crate) fn remove(&mut self, slot: u32, endpoints: &mut Slab<EndpointSlot>) {
        let Some(entry) = endpoints.get_mut(slot) else { return };
        let Links { before, after } = core::mem::take(&mut entry.links);
        self.link_after(before, after, endpoints);
        match after.and_then(|after| endpoints.get_mut(after)) {
            Some(next) => next.links.before = before,
            None => self.last = before,
        }
    }

    fn link_after(&mut self, before: Option<u32>, slot: Option<u32>, endpoints: &mut Slab<EndpointSlot>) {
        match before.and_then(|before| endpoints.get_mut(before)) {
            Some(previous) => previous.links.after = slot,
            None => self.first = slot,
        }
    }

    pub(crate) const fn first(self) -> Option<u32> {
        self.first
    }

    pub(crate) fn iter(self, endpoints: &Slab<EndpointSlot>) -> impl Iterator<Item = u32> {
        core::iter::successors(self.first, |slot| endpoints.get(*slot)?.links.after)
    }
}

#[cfg(test)]
mod tests {
    use gymhook_retry::{RetryPolicy, RetrySchedule};

    use super::*;
    use crate::endpoint::Endpoint;
    use crate::{EndpointId, EndpointPolicy, LeaseEpoch};

    #[test]
    fn a_ring_keeps_its_order_whoever_leaves() {
        let mut endpoints = Slab::new();
        let mut ring = ReadyRing::default();
        for n in 0..5 {
            let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::never()));
            let endpoint = Endpoint::new(EndpointId::from_u128(n), policy, LeaseEpoch::default());
            let slot = endpoints.insert(EndpointSlot::new(endpoint, 0)).unwrap();
            ring.push(slot, &mut endpoints);
        }
        let order =
            |ring: ReadyRing, endpoints: &Slab<EndpointSlot>| ring.iter(endpoints).collect::<Vec<_>>();
        ring.remove(2, &mut endpoints);
        assert_eq!(order(ring, &endpoints), [0, 1, 3, 4]);
        ring.remove(0, &mut endpoints);
        ring.remove(4, &mut endpoints);
        ring.push(0, &mut endpoints);
        assert_eq!(order(ring, &endpoints), [1, 3, 0]);
        for slot in [3, 1, 0] {
            ring.remove(slot, &mut endpoints);
        }
        assert_eq!(ring.first(), None);
        ring.push(4, &mut endpoints);
        assert_eq!(order(ring, &endpoints), [4]);
    }
}
