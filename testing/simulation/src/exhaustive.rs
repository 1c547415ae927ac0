//! The smallest configuration in which everything can go wrong, in all ways in which it can.
//!
//! Two owners, two endpoints, three deliveries with three attempts each. Every answer may be a success or a failure and
//! may come in any order, or too late; an owner may die at rest and before any output, commit or request; a lease may
//! expire while its holder knows nothing of it.
//!
//! # What is one state
//!
//! Each state is reached once. Two are one when nothing that either of them can still do, or be found guilty of, tells
//! them apart (see `key`):
//!
//! - Both machines are compared by all that their snapshots say, the store and the wire by all that is in them.
//! - *Times count from now.* The machine is told the time and asks for none; it knows no calendar, and no length that
//!   matters here depends on the date. So the same things at another time are the same.
//! - *Leases count back from the one that holds.* They are compared, and never anything else.
//! - *What is over is over.* Of a delivery that has ended neither the time nor the way matters any more, but whether it
//!   has ended in the store as in the machine that holds it. How often an attempt was sent is kept for the number that
//!   may be sent next; a lower one is refused whatever the count says.
//!
//! One thing is not compared: which turns the reference saw. It judges fairness by those of the path that came first.
//!
//! # When owners part
//!
//! Two owners share nothing but the clock, the leases and the store, in which each writes only about the endpoints that
//! it holds. Once no lease can expire any more, neither notices anything that the other one does: whatever happens at
//! both is what happens at one, mingled with what happens at the other. So from then on each goes on alone, and the
//! states of both add up instead of multiplying. For the clock that holds because all lengths here are one second: whoever
//! has something to wait for wakes each second, whether or not the other one does. A crash that may still come may come
//! at either, so that each one alone is shown to survive it. Who is alone needs no number either.
//!
//! The tests compare: apart, owners reach exactly the states which they reach side by side.

use std::collections::BTreeSet;

use state::State;

mod key;
mod state;

/// How much may go wrong along one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhaustive {
    attempts: u32,
    crashes: u32,
    expiries: u32,
}

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

/// Whether owners go on apart once they cannot meet any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owners {
    Part,
    #[cfg(test)]
    StayTogether,
}

impl Exhaustive {
    /// All paths with this many attempts of each delivery and at most this many crashes and expired leases.
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
        self.visit(Owners::Part, |_| {})
    }

    fn visit(self, owners: Owners, mut look: impl FnMut(&State)) -> Result<Seen, String> {
        let first = State::first(self.attempts, self.crashes, self.expiries)
            .map_err(|violation| violation.to_string())?;
        let (mut seen, mut known, mut open) = (Seen::default(), BTreeSet::new(), Vec::new());
        let mut reached = |state: State, open: &mut Vec<State>| {
            let parts = if owners == Owners::Part { state.parted() } else { vec![state] };
            open.extend(parts.into_iter().filter(|part| known.insert(part.digest())));
        };
        reached(first, &mut open);
        while let Some(mut state) = open.pop() {
            seen.states += 1;
            look(&state);
            state.renew().map_err(|violation| state.told(&violation))?;
            let mut is_end = true;
            for action in state.actions() {
                is_end &= action.is_a_mishap();
                for next in state.after(action)? {
                    seen.steps += 1;
                    reached(next, &mut open);
                }
            }
            if is_end {
                seen.ends += 1;
                state.everything_ended().map_err(|violation| state.told(&violation))?;
            }
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_with_a_crash_and_an_expired_lease_ends_well() {
        for (attempts, crashes, expiries) in [(3, 0, 0), (3, 1, 0), (2, 0, 1), (1, 1, 1)] {
            let seen =
                Exhaustive::new(attempts, crashes, expiries).search().unwrap_or_else(|told| panic!("{told}"));
            assert!(seen.ends > 0 && seen.states > 300, "{seen:?}");
        }
    }

    #[test]
    fn owners_apart_reach_the_states_that_they_reach_side_by_side() {
        for (attempts, crashes, expiries) in [(2, 1, 0), (1, 1, 1)] {
            let whole = Exhaustive::new(attempts, crashes, expiries);
            let reached = |owners| {
                let mut parts = BTreeSet::new();
                let look = |state: &State| {
                    if state.expiries_left == 0 {
                        parts.extend(state.owners_up().map(|owner| state.of_one(owner).digest()));
                    }
                };
                let seen = whole.visit(owners, look).unwrap_or_else(|told| panic!("{told}"));
                (parts, seen.states)
            };
            let (apart, few) = reached(Owners::Part);
            let (side_by_side, many) = reached(Owners::StayTogether);
            assert!(apart == side_by_side, "{whole:?}");
            assert!(many > 2 * few, "{few} states apart, {many} side by side");
        }
    }
}
