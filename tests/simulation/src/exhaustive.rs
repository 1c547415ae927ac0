//! The smallest configuration in which everything can go wrong, in all ways in which it can.
//!
//! Two owners, two endpoints, three deliveries with three attempts each. Every answer may be a success or a failure and
//! may come in any order, or too late; an owner may die after any output, commit or request; a lease may expire while
//! its holder knows nothing of it. Each state is reached once: two states are one when the snapshots of both machines,
//! the store, the wire and the clock are equal.

use core::hash::{Hash as _, Hasher as _};
use core::time::Duration;
use std::collections::BTreeSet;
use std::hash::DefaultHasher;

use gymhook_delivery::{Attempt, BodyDigest, DeliveryId, NewDelivery};

use crate::answer::Answer;
use crate::at::At;
use crate::command::Command;
use crate::names::{delivery_id, endpoint_id};
use crate::reference::Bounds;
use crate::settings::Settings;
use crate::site::{Saves, Site};
use crate::violation::Violation;
use crate::words;

/// How much may go wrong along one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhaustive {
    attempts: u32,
    crashes: u32,
    expiries: u32,
}

/// So many answers that are too late, doubled by a crash or foreign are looked at along one path; the others are lost.
const LATE_ANSWERS: u32 = 1;

/// What there was to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// States that differ.
    pub states: u64,
    /// Steps between them, those to states seen before included.
    pub steps: u64,
    /// States in which nothing is left to happen, and every delivery has ended.
    pub ends: u64,
}

#[derive(Clone, Debug)]
struct State {
    site: Site,
    clock: At,
    wire: Vec<(usize, Attempt)>,
    crashes_left: u32,
    expiries_left: u32,
    late_left: u32,
    path: Vec<Action>,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Answer {
        at: usize,
        succeeds: bool,
    },
    /// Time goes on until an owner wakes up.
    Wait,
    LeaseExpires(usize),
    /// An owner notices what it owns no longer.
    CheckLeases,
}

/// So many outputs, commits and requests at the most follow one action; a crash may come before each of them.
const CRASH_POINTS: u64 = 9;

const FAILED: Answer = Answer::Status(503, None);

impl Exhaustive {
    /// All paths with so many attempts of each delivery and at most so many crashes and expired leases.
    #[must_use]
    pub const fn new(attempts: u32, crashes: u32, expiries: u32) -> Self {
        Self { attempts, crashes, expiries }
    }

    /// Visits every state.
    ///
    /// # Errors
    ///
    /// The promise that was not kept, and the path that led there.
    pub fn search(self) -> Result<Seen, String> {
        let first = self.first_state().map_err(|violation| violation.to_string())?;
        let (mut seen, mut known, mut open) =
            (Seen::default(), BTreeSet::from([first.digest()]), vec![first]);
        while let Some(mut state) = open.pop() {
            seen.states += 1;
            state.renew().map_err(|violation| state.told(&violation))?;
            let actions = state.actions();
            if actions.is_empty() {
                seen.ends += 1;
                state.everything_ended().map_err(|violation| state.told(&violation))?;
            }
            for action in actions {
                let crash_points = if state.crashes_left > 0 { CRASH_POINTS } else { 0 };
                for crash in core::iter::once(None).chain((0..crash_points).map(Some)) {
                    seen.steps += 1;
                    let mut next = state.clone();
                    next.path.push(action);
                    next.step(action, crash).map_err(|violation| next.told(&violation))?;
                    if known.insert(next.digest()) {
                        open.push(next);
                    }
                }
            }
        }
        Ok(seen)
    }

    fn first_state(self) -> Result<State, Violation> {
        let bounds = Bounds { slots: 2, share_percent: 100, grace: Duration::ZERO, budget: None };
        let mut site = Site::new(2, bounds, Saves::RowsOneByOne, false);
        for endpoint in 0..2 {
            site.add_endpoint(
                endpoint_id(endpoint),
                Settings::plain(self.attempts.saturating_sub(1)),
                endpoint,
            )?;
        }
        let (crashes_left, expiries_left) = (self.crashes, self.expiries);
        let mut state = State {
            site,
            clock: At::START,
            wire: Vec::new(),
            crashes_left,
            expiries_left,
            late_left: LATE_ANSWERS,
            path: Vec::new(),
        };
        for (delivery, endpoint) in [(0, 0), (1, 0), (2, 1)] {
            let id = the_delivery(delivery);
            let new = NewDelivery {
                id,
                endpoint: endpoint_id(endpoint),
                body: BodyDigest::new([0; 32]),
                not_before: None,
            };
            state.site.tell(endpoint, &Command::Enqueue(new), At::START)?;
        }
        state.settle_all()?;
        Ok(state)
    }
}

impl State {
    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (at, (owner, attempt)) in self.wire.iter().enumerate() {
            // Of a late answer nobody reads what it says.
            if self.site.awaits(*owner, attempt) {
                actions.push(Action::Answer { at, succeeds: true });
            }
            actions.push(Action::Answer { at, succeeds: false });
        }
        if self.site.next_wake().is_some() {
            actions.push(Action::Wait);
        }
        if self.expiries_left > 0 {
            actions.extend([0, 1].map(Action::LeaseExpires));
        }
        if self.site.has_stale_leases() {
            actions.push(Action::CheckLeases);
        }
        actions
    }

    fn step(&mut self, action: Action, crash: Option<u64>) -> Result<(), Violation> {
        let concerned = match action {
            Action::Answer { at, .. } => self.wire.get(at).map_or(0, |(owner, _)| *owner),
            Action::Wait => self.site.next_wake().map_or(0, |(_, owner)| owner),
            Action::LeaseExpires(endpoint) => 1 - self.site.holder(endpoint_id(endpoint)),
            Action::CheckLeases => 0,
        };
        if let Some(owner) = self.site.owners.get_mut(concerned) {
            owner.dies_after = crash;
        }
        match action {
            Action::Answer { at, succeeds } => {
                let (owner, attempt) = self.wire.remove(at);
                self.late_left -= u32::from(!self.site.awaits(owner, &attempt));
                if succeeds {
                    self.site.store.accepts(&attempt);
                }
                let answer = if succeeds { Answer::ACCEPTED } else { FAILED };
                self.site.tell(owner, &Command::Answer(attempt.attempt, answer), self.clock)?;
            }
            Action::Wait => {
                self.clock = self.site.next_wake().map_or(self.clock, |(at, _)| at.max(self.clock));
                for owner in 0..self.site.owners.len() {
                    self.site.tell(owner, &Command::Timeout, self.clock)?;
                }
            }
            Action::LeaseExpires(endpoint) => {
                self.expiries_left -= 1;
                self.site.take_lease(endpoint_id(endpoint), concerned, self.clock)?;
            }
            Action::CheckLeases => self.site.check_leases(self.clock)?,
        }
        self.settle_all()?;
        for owner in &mut self.site.owners {
            owner.dies_after = None;
        }
        if self.late_left == 0 {
            let site = &self.site;
            self.wire.retain(|(owner, attempt)| site.awaits(*owner, attempt));
        }
        Ok(())
    }

    /// Everybody puts out until all rest; who dies comes back at once.
    fn settle_all(&mut self) -> Result<(), Violation> {
        for owner in 0..self.site.owners.len() {
            let mut done = self.site.settle(owner, self.clock)?;
            if done.died {
                self.crashes_left -= 1;
                self.site.start(owner, self.clock)?;
                let more = self.site.settle(owner, self.clock)?;
                done.sent.extend(more.sent);
            }
            self.wire.extend(done.sent.into_iter().map(|attempt| (owner, attempt)));
        }
        Ok(())
    }

    /// Every machine goes on as one that was written down and read back.
    fn renew(&mut self) -> Result<(), Violation> {
        self.site.owners.iter_mut().try_for_each(crate::owner::Owner::renew)
    }

    fn everything_ended(&self) -> Result<(), Violation> {
        self.site.everything_ended((0..3).map(the_delivery))
    }

    /// What makes this state differ from others.
    fn digest(&self) -> u128 {
        let mut wire: Vec<_> = self.wire.iter().map(|(owner, attempt)| (*owner, attempt.attempt)).collect();
        wire.sort_unstable();
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (salt, self.clock, &wire, self.crashes_left, self.expiries_left, self.late_left)
                .hash(&mut hasher);
            self.site.hash_essence(&mut hasher);
            u128::from(hasher.finish())
        };
        half(1) << 64 | half(2)
    }

    fn told(&self, violation: &Violation) -> String {
        let wire: Vec<String> =
            self.wire.iter().map(|(_, attempt)| words::attempt(&attempt.attempt)).collect();
        format!("{violation}\n  after {:?}\n  on the wire {wire:?}", self.path)
    }
}

fn the_delivery(number: u64) -> DeliveryId {
    delivery_id(0, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_with_a_crash_or_an_expired_lease_ends_well() {
        for (attempts, crashes, expiries) in [(3, 0, 0), (2, 1, 0), (1, 0, 1)] {
            let seen =
                Exhaustive::new(attempts, crashes, expiries).search().unwrap_or_else(|told| panic!("{told}"));
            assert!(seen.ends > 0 && seen.states > 100, "{seen:?}");
        }
    }
}
