//! An endpoint with its queue and its turn.

use crate::endpoint::Endpoint;
use crate::queue::Queue;
use crate::slab::Slab;
use crate::spending::BudgetClaim;
use crate::tick::Tick;

/// An endpoint with its queue, and where it stands among the endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) endpoint: Endpoint,
    pub(crate) queue: Queue,
    /// The how-many-eth endpoint it is: breaks ties between equal times.
    pub(crate) order: u64,
    /// Which lane goes first when both have something to send.
    pub(crate) retries_next: bool,
    pub(crate) turn: Turn,
    pub(crate) claim: BudgetClaim,
    /// When to look at it again without anything having happened to it.
    pub(crate) wake: Option<Tick>,
    links: Links,
}

/// For what an endpoint queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// For nothing: nothing can be sent to it now.
    Idle,
    /// For its next attempt.
    Ring,
}

#[derive(Clone, Copy, Debug, Default)]
struct Links {
    before: Option<u32>,
    after: Option<u32>,
}

/// Endpoints in the order of their turns. Anything is put at the end, taken from the front or taken out in one step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Circle {
    first: Option<u32>,
    last: Option<u32>,
}

impl Line {
    pub(crate) fn new(endpoint: Endpoint, order: u64) -> Self {
        let queue = Queue::new(endpoint.policy().is_ordered());
        Self {
            endpoint,
            queue,
            order,
            retries_next: false,
            turn: Turn::Idle,
            claim: BudgetClaim::Nothing,
            wake: None,
            links: Links::default(),
        }
    }
}

impl Circle {
    pub(crate) fn push(&mut self, slot: u32, lines: &mut Slab<Line>) {
        let before = self.last.replace(slot);
        self.link_after(before, Some(slot), lines);
        if let Some(line) = lines.get_mut(slot) {
            line.links = Links { before, after: None };
        }
    }

    pub(crate) fn remove(&mut self, slot: u32, lines: &mut Slab<Line>) {
        let Some(line) = lines.get_mut(slot) else { return };
        let Links { before, after } = core::mem::take(&mut line.links);
        self.link_after(before, after, lines);
        match after.and_then(|after| lines.get_mut(after)) {
            Some(next) => next.links.before = before,
            None => self.last = before,
        }
    }

    fn link_after(&mut self, before: Option<u32>, slot: Option<u32>, lines: &mut Slab<Line>) {
        match before.and_then(|before| lines.get_mut(before)) {
            Some(previous) => previous.links.after = slot,
            None => self.first = slot,
        }
    }

    pub(crate) const fn first(self) -> Option<u32> {
        self.first
    }

    pub(crate) fn iter(self, lines: &Slab<Line>) -> impl Iterator<Item = u32> {
        core::iter::successors(self.first, |slot| lines.get(*slot)?.links.after)
    }
}

#[cfg(test)]
mod tests {
    use gymhook_retry::{RetryPolicy, RetrySchedule};

    use super::*;
    use crate::{EndpointId, EndpointPolicy, LeaseEpoch};

    #[test]
    fn a_circle_keeps_its_order_whoever_leaves() {
        let mut lines = Slab::new();
        let mut circle = Circle::default();
        for n in 0..5 {
            let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::never()));
            let endpoint = Endpoint::new(EndpointId::from_u128(n), policy, LeaseEpoch::default());
            let slot = lines.insert(Line::new(endpoint, 0)).unwrap();
            circle.push(slot, &mut lines);
        }
        let order = |circle: Circle, lines: &Slab<Line>| circle.iter(lines).collect::<Vec<_>>();
        circle.remove(2, &mut lines);
        assert_eq!(order(circle, &lines), [0, 1, 3, 4]);
        circle.remove(0, &mut lines);
        circle.remove(4, &mut lines);
        circle.push(0, &mut lines);
        assert_eq!(order(circle, &lines), [1, 3, 0]);
        for slot in [3, 1, 0] {
            circle.remove(slot, &mut lines);
        }
        assert_eq!(circle.first(), None);
        circle.push(4, &mut lines);
        assert_eq!(order(circle, &lines), [4]);
    }
}
