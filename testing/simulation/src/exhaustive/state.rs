//! A state of the smallest configuration, and what can happen next.

use core::time::Duration;
use std::rc::Rc;

use gymhook_delivery::{Attempt, BodyDigest, DeliveryId, NewDelivery};

use crate::answer::Answer;
use crate::at::At;
use crate::command::Command;
use crate::names::{delivery_id, endpoint_id};
use crate::owner::Owner;
use crate::reference::Bounds;
use crate::settings::Settings;
use crate::site::{Saves, Site};
use crate::violation::Violation;
use crate::words;

/// Owners, store, wire and clock between two events.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) site: Site,
    pub(super) clock: At,
    pub(super) wire: Vec<(usize, Attempt)>,
    pub(super) crashes_left: u32,
    pub(super) expiries_left: u32,
    pub(super) late_left: u32,
    path: Option<Rc<Step>>,
}

/// What may happen next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Answer {
        at: usize,
        succeeds: bool,
    },
    /// Time goes on until an owner wakes up.
    Wait,
    LeaseExpires(usize),
    /// An owner notices what it owns no longer.
    CheckLeases(usize),
    /// An owner dies while it rests.
    Dies(usize),
}

/// An owner dies before the `after`-th output, commit or request that follows an action, counted from 0.
#[derive(Clone, Copy, Debug)]
struct Crash {
    owner: usize,
    after: u64,
}

#[derive(Debug)]
struct Step {
    action: Action,
    crash: Option<Crash>,
    before: Option<Rc<Self>>,
}

/// The maximum number of late, duplicate or foreign answers that are explored along one path; the others are lost.
const LATE_ANSWERS: u32 = 1;

const FAILED: Answer = Answer::Status(503, None);

/// The deliveries by number, and to which endpoint each goes.
const DELIVERIES: [(u64, usize); 3] = [(0, 0), (1, 0), (2, 1)];

impl Action {
    /// Whether the world may go on for ever without it.
    pub(super) const fn is_a_mishap(self) -> bool {
        matches!(self, Self::LeaseExpires(_) | Self::Dies(_))
    }
}

impl State {
    pub(super) fn first(attempts: u32, crashes: u32, expiries: u32) -> Result<Self, Violation> {
        let bounds = Bounds { slots: 2, share_percent: 100, grace: Duration::ZERO, budget: None };
        let mut site = Site::new(2, bounds, Saves::RowsOneByOne, false);
        for endpoint in 0..2 {
            let settings = Settings::plain(attempts.saturating_sub(1));
            site.add_endpoint(endpoint_id(endpoint), settings, endpoint)?;
        }
        for (delivery, endpoint) in DELIVERIES {
            let new =
                NewDelivery::new(the_delivery(delivery), endpoint_id(endpoint), BodyDigest::new([0; 32]));
            site.tell(endpoint, &Command::Enqueue(new), At::START)?;
        }
        let mut state = Self {
            site,
            clock: At::START,
            wire: Vec::new(),
            crashes_left: crashes,
            expiries_left: expiries,
            late_left: LATE_ANSWERS,
            path: None,
        };
        state.settle_all()?;
        Ok(state)
    }

    pub(super) fn actions(&self) -> Vec<Action> {
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
        for owner in self.owners_up() {
            if self.site.has_stale_leases(owner) {
                actions.push(Action::CheckLeases(owner));
            }
            if self.crashes_left > 0 {
                actions.push(Action::Dies(owner));
            }
        }
        actions
    }

    /// The states to which an action leads, with a crash at each point in turn as long as one may still come.
    pub(super) fn after(&self, action: Action) -> Result<Vec<Self>, String> {
        let mut next = vec![self.stepped(action, None)?];
        if self.crashes_left == 0 || matches!(action, Action::Dies(_)) {
            return Ok(next);
        }
        for owner in self.concerned_by(action) {
            for after in 0.. {
                let crashed = self.stepped(action, Some(Crash { owner, after }))?;
                if crashed.crashes_left == self.crashes_left {
                    break;
                }
                next.push(crashed);
            }
        }
        Ok(next)
    }

    fn concerned_by(&self, action: Action) -> Vec<usize> {
        match action {
            Action::Answer { at, .. } => self.wire.get(at).map(|(owner, _)| *owner).into_iter().collect(),
            Action::Wait => self.owners_up().collect(),
            Action::LeaseExpires(endpoint) => vec![1 - self.site.holder(endpoint_id(endpoint))],
            Action::CheckLeases(owner) | Action::Dies(owner) => vec![owner],
        }
    }

    fn stepped(&self, action: Action, crash: Option<Crash>) -> Result<Self, String> {
        let mut next = self.clone();
        next.path = Some(Rc::new(Step { action, crash, before: self.path.clone() }));
        match next.step(action, crash) {
            Ok(()) => Ok(next),
            Err(violation) => Err(next.told(&violation)),
        }
    }

    fn step(&mut self, action: Action, crash: Option<Crash>) -> Result<(), Violation> {
        if let Some(Crash { owner, after }) = crash {
            self.dies_after(owner, Some(after));
        }
        match action {
            Action::Answer { at, succeeds } => self.answer(at, succeeds)?,
            Action::Wait => {
                self.clock = self.site.next_wake().map_or(self.clock, |(at, _)| at.max(self.clock));
                for owner in 0..self.site.owners.len() {
                    self.site.tell(owner, &Command::Timeout, self.clock)?;
                }
            }
            Action::LeaseExpires(endpoint) => {
                self.expiries_left -= 1;
                let endpoint = endpoint_id(endpoint);
                self.site.take_lease(endpoint, 1 - self.site.holder(endpoint), self.clock)?;
            }
            Action::CheckLeases(owner) => self.site.check_leases_of(owner, self.clock)?,
            Action::Dies(owner) => self.dies_after(owner, Some(0)),
        }
        self.settle_all()?;
        for owner in 0..self.site.owners.len() {
            self.dies_after(owner, None);
        }
        if self.late_left == 0 {
            let site = &self.site;
            self.wire.retain(|(owner, attempt)| site.awaits(*owner, attempt));
        }
        Ok(())
    }

    fn answer(&mut self, at: usize, succeeds: bool) -> Result<(), Violation> {
        let (owner, attempt) = self.wire.remove(at);
        self.late_left -= u32::from(!self.site.awaits(owner, &attempt));
        if succeeds {
            self.site.store.accepts(&attempt);
        }
        let answer = if succeeds { Answer::ACCEPTED } else { FAILED };
        self.site.tell(owner, &Command::Answer(attempt.attempt, answer), self.clock).map(drop)
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

    fn dies_after(&mut self, owner: usize, after: Option<u64>) {
        if let Some(owner) = self.site.owners.get_mut(owner) {
            owner.dies_after = after;
        }
    }

    /// Each owner by itself, once they cannot meet any more.
    pub(super) fn parted(self) -> Vec<Self> {
        if self.expiries_left > 0 || self.owners_up().count() < 2 {
            return vec![self];
        }
        self.owners_up().map(|owner| self.alone(owner)).collect()
    }

    /// This owner, with what it holds.
    fn alone(&self, owner: usize) -> Self {
        let mut alone = self.clone();
        alone.site.leave_only(owner);
        alone.wire.retain(|(of, _)| *of == owner);
        alone
    }

    /// This owner, whatever may still go wrong; an answer that is too late changes nothing.
    #[cfg(test)]
    pub(super) fn of_one(&self, owner: usize) -> Self {
        let mut alone = self.alone(owner);
        (alone.crashes_left, alone.late_left) = (0, 0);
        let site = &alone.site;
        alone.wire.retain(|(owner, attempt)| site.awaits(*owner, attempt));
        alone
    }

    pub(super) fn owners_up(&self) -> impl Iterator<Item = usize> {
        self.site.owners.iter().enumerate().filter(|(_, owner)| owner.is_up()).map(|(index, _)| index)
    }

    /// Every machine goes on as one that was written down and read back.
    pub(super) fn renew(&mut self) -> Result<(), Violation> {
        self.site.owners.iter_mut().try_for_each(Owner::renew)
    }

    /// Every delivery has ended whose endpoint somebody here holds.
    pub(super) fn everything_ended(&self) -> Result<(), Violation> {
        let held = |endpoint| self.site.store.endpoints.contains_key(&endpoint_id(endpoint));
        let wanted = DELIVERIES.into_iter().filter(|(_, endpoint)| held(*endpoint));
        self.site.everything_ended(wanted.map(|(delivery, _)| the_delivery(delivery)))
    }

    pub(super) fn told(&self, violation: &Violation) -> String {
        let wire: Vec<String> =
            self.wire.iter().map(|(_, attempt)| words::attempt(&attempt.attempt)).collect();
        let steps = core::iter::successors(self.path.as_deref(), |step| step.before.as_deref());
        let mut path: Vec<String> = steps.map(|step| format!("{:?} {:?}", step.action, step.crash)).collect();
        path.reverse();
        format!("{violation}\n  after\n    {}\n  on the wire {wire:?}", path.join("\n    "))
    }
}

fn the_delivery(number: u64) -> DeliveryId {
    delivery_id(0, number)
}
