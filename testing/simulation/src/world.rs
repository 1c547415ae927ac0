//! A script, played: time, the wire, and everybody's next move.

use core::time::Duration;
use std::collections::BTreeMap;

use gymhook_delivery::{Attempt, BodyDigest, DeliveryId, NewDelivery};

use crate::answer::Answer;
use crate::at::At;
use crate::character::Character;
use crate::command::{Command, Reply};
use crate::names::{delivery_hash, delivery_id, endpoint_id, endpoint_number};
use crate::random::hash_of;
use crate::script::{Event, Faults, Script, Step};
use crate::settings::Settings;
use crate::site::Site;
use crate::trace::Totals;
use crate::violation::{Promise, Violation};
use crate::wire::{Answered, Patience, ToCome, Wire};

/// A script, played.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    site: Site,
    clock: At,
    characters: Vec<Character>,
    wire: Wire,
    /// What was ever asked to be delivered, whether it is taken over yet or not.
    wanted: BTreeMap<u64, Wanted>,
    /// Which owners have been told something since they last put out.
    unsettled: Vec<bool>,
    copies: bool,
    /// For how long a process that dies stays down.
    down_ms: u64,
    patience: u64,
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    new: NewDelivery,
    test: bool,
    endpoint: usize,
}

impl World {
    /// The world at its beginning; `keeps_lines` if every step is to be told in words.
    pub(crate) fn new(script: &Script, keeps_lines: bool) -> Result<Self, Violation> {
        let mut site = Site::new(script.owners, script.bounds, script.saves, keeps_lines);
        for (number, (_, settings)) in script.endpoints.iter().enumerate() {
            site.add_endpoint(endpoint_id(number), settings.clone(), number % script.owners)?;
        }
        Ok(Self {
            seed: script.seed,
            site,
            clock: At::START,
            characters: script.endpoints.iter().map(|(character, _)| *character).collect(),
            wire: Wire::new(script.seed, script.owners, script.faults),
            wanted: BTreeMap::new(),
            unsettled: vec![true; script.owners],
            copies: script.copies,
            down_ms: 0,
            patience: 50_000 + 500 * script.steps.len() as u64,
        })
    }

    /// Plays one step.
    pub(crate) fn play(&mut self, step: &Step) -> Result<(), Violation> {
        self.pass_time(Some(step.at))?;
        self.site.trace.note(|| format!("{} ── {:?}", step.at, step.event));
        self.happen(&step.event)?;
        if step.settles { self.settle_all() } else { Ok(()) }
    }

    /// Lets everything become well, and everything that was ever wanted come to its end.
    pub(crate) fn finish(&mut self) -> Result<(), Violation> {
        self.characters.fill(Character::Healthy);
        self.wire.faults = Faults::default();
        for owner in &mut self.site.owners {
            (owner.dies_after, owner.copied_after) = (None, None);
        }
        for _ in 0..20 {
            for owner in 0..self.site.owners.len() {
                self.start(owner)?;
                self.tell(owner, &Command::Resume)?;
            }
            self.site.check_leases(self.clock)?;
            for number in 0..self.characters.len() {
                self.tell_holder(number, &Command::Enable(endpoint_id(number)))?;
            }
            self.ask_again(None)?;
            self.pass_time(None)?;
            if self.site.everything_ended(self.ids()).is_ok() {
                break;
            }
        }
        self.site.everything_ended(self.ids())
    }

    fn ids(&self) -> impl Iterator<Item = DeliveryId> {
        self.wanted.values().filter(|wanted| !wanted.test).map(|wanted| wanted.new.id)
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = self.site.trace.totals;
        totals.rounds = self.site.store.rounds_ended() as u64;
        totals.deliveries = self.wanted.len() as u64;
        totals.virtual_millis = self.clock.as_millis().unsigned_abs();
        totals
    }

    /// What happened, in words, if that was wanted.
    pub(crate) fn lines(&self) -> &[String] {
        self.site.trace.lines()
    }

    /// Goes from event to event until that moment, or until nothing is to come.
    fn pass_time(&mut self, until: Option<At>) -> Result<(), Violation> {
        loop {
            let wake = self.site.next_wake().map(|(at, _)| at);
            let event = self.wire.next_at();
            let next = [wake, event].into_iter().flatten().min();
            if next.is_none_or(|next| next > self.clock) && self.unsettled.contains(&true) {
                self.settle_all()?;
                continue;
            }
            let Some(next) = next.filter(|next| until.is_none_or(|until| *next <= until)) else { break };
            Promise::NoLostWakeUp
                .require(self.patience > 0, || format!("there is no end of it at {}", self.clock))?;
            self.patience -= 1;
            self.clock = self.clock.max(next);
            self.next_events()?;
        }
        self.clock = self.clock.max(until.unwrap_or(self.clock));
        Ok(())
    }

    fn next_events(&mut self) -> Result<(), Violation> {
        while let Some(due) = self.wire.take_due(self.clock) {
            match due {
                ToCome::Start(owner) => self.start(owner)?,
                ToCome::Answer(answered) => self.answer(answered)?,
            }
        }
        while let Some((_, owner)) = self.site.next_wake().filter(|(at, _)| *at <= self.clock) {
            self.tell(owner, &Command::Timeout)?;
            if let Some(owner) = self.site.owners.get_mut(owner) {
                owner.wakes_at = None;
            }
        }
        Ok(())
    }

    fn settle_all(&mut self) -> Result<(), Violation> {
        for owner in 0..self.site.owners.len() {
            if self.unsettled.get_mut(owner).is_some_and(core::mem::take) {
                self.copy_sometime(owner);
                let done = self.site.settle(owner, self.clock)?;
                for attempt in done.sent {
                    self.send(owner, attempt);
                }
                if done.died {
                    self.wire.come(self.clock, self.down_ms, ToCome::Start(owner));
                }
            }
        }
        Ok(())
    }

    /// The owner's machine is written down and read back among its next outputs.
    fn copy_sometime(&mut self, owner: usize) {
        let outputs = self.site.trace.totals.outputs;
        if let Some(owner) = self.site.owners.get_mut(owner).filter(|owner| self.copies && owner.is_up()) {
            owner.copied_after = Some(hash_of(&[self.seed, outputs]) % 6);
        }
    }

    /// A request is on the wire.
    fn send(&mut self, owner: usize, attempt: Attempt) {
        let number = endpoint_number(attempt.attempt.endpoint);
        let Some(character) = self.characters.get(number).copied() else { return };
        let Some(row) = self.site.store.endpoints.get(&attempt.attempt.endpoint) else { return };
        let delivery = hash_of(&[delivery_hash(attempt.attempt.delivery)]);
        let dice = hash_of(&[self.seed, delivery, attempt.attempt.send.into(), attempt.attempt.lease.get()]);
        let plan = character.plan(dice, delivery, self.clock, &row.settings);
        let patience = Patience {
            timeout_ms: millis(row.settings.attempt_timeout),
            grace_ms: millis(self.site.bounds().grace),
        };
        if plan.answer.is_accepted() {
            self.site.store.accepts(&attempt);
        }
        if plan.kills {
            self.site.kill(owner);
            return self.wire.come(self.clock, 1_000, ToCome::Start(owner));
        }
        self.wire.carry(owner, attempt, plan, patience, self.clock);
    }

    fn answer(&mut self, answered: Answered) -> Result<(), Violation> {
        let Answered { owner, attempt, answer } = answered;
        if answer == Answer::OwnFault && self.site.awaits(owner, &attempt) {
            self.site.store.gives_back(&attempt);
        }
        self.tell(owner, &Command::Answer(attempt.attempt, answer)).map(drop)
    }

    fn happen(&mut self, event: &Event) -> Result<(), Violation> {
        match event {
            Event::Enqueue { delivery, endpoint, wait, test } => {
                let body = BodyDigest::new([u8::try_from(*delivery % 256).unwrap_or(0); 32]);
                let new = NewDelivery::new(delivery_id(self.seed, *delivery), endpoint_id(*endpoint), body)
                    .with_not_before(wait.map(|wait| self.clock.after(wait).utc()));
                let wanted = Wanted { new, test: *test, endpoint: *endpoint };
                self.wanted.insert(*delivery, wanted);
                self.enqueue(wanted)
            }
            Event::EnqueueAgain { delivery, other_body } => {
                let Some(mut wanted) = self.wanted.get(delivery).copied() else { return Ok(()) };
                if *other_body {
                    wanted.new.body = BodyDigest::new([255; 32]);
                }
                if *other_body && !self.is_held(&wanted) { Ok(()) } else { self.enqueue(wanted) }
            }
            Event::Cancel(delivery) => self.tell_about(*delivery, Command::Cancel),
            Event::Redeliver(delivery) => self.redeliver(*delivery),
            Event::Forget(delivery) => self.tell_about(*delivery, Command::Forget),
            Event::Disable(endpoint) => {
                self.tell_holder(*endpoint, &Command::Disable(endpoint_id(*endpoint)))
            }
            Event::Enable(endpoint) => self.tell_holder(*endpoint, &Command::Enable(endpoint_id(*endpoint))),
            Event::Retune(endpoint, settings) => self.retune(*endpoint, settings),
            Event::Behave(endpoint, character) => {
                if let Some(behaves) = self.characters.get_mut(*endpoint) {
                    *behaves = *character;
                }
                Ok(())
            }
            Event::Crash { owner, after, down_for } => {
                if let Some(owner) = self.site.owners.get_mut(*owner).filter(|owner| owner.is_up()) {
                    owner.dies_after = Some(*after);
                }
                self.down_ms = millis(*down_for);
                self.unsettle(*owner);
                Ok(())
            }
            Event::Copy { owner, after } => {
                if let Some(owner) = self.site.owners.get_mut(*owner).filter(|owner| owner.is_up()) {
                    owner.copied_after = Some(*after);
                }
                Ok(())
            }
            Event::ClockStep { owner, by } => {
                self.site.trace.totals.clock_steps += 1;
                if let Some(owner) = self.site.owners.get_mut(*owner) {
                    owner.clock_offset = owner.clock_offset.saturating_add(*by);
                }
                self.tell(*owner, &Command::Timeout).map(drop)
            }
            Event::LeaseExpires(endpoint) => self.move_lease(*endpoint),
            Event::CheckLeases => {
                self.unsettled.fill(true);
                self.site.check_leases(self.clock)
            }
            Event::Drain(owner) => self.tell(*owner, &Command::Drain).map(drop),
            Event::Resume(owner) => self.tell(*owner, &Command::Resume).map(drop),
            Event::Forge { number, kind } => match self.wire.forge(*number, *kind) {
                Some((owner, attempt)) => {
                    self.tell(owner, &Command::Answer(attempt, Answer::Status(503, None))).map(drop)
                }
                None => Ok(()),
            },
            Event::Echo(number) => match self.wire.echo(*number) {
                Some(answered) => self.answer(answered),
                None => Ok(()),
            },
        }
    }

    fn enqueue(&mut self, wanted: Wanted) -> Result<(), Violation> {
        let command = if wanted.test { Command::SendTest(wanted.new) } else { Command::Enqueue(wanted.new) };
        // A store that has the row knows the delivery, even if its machine was allowed to forget it.
        if self.site.store.deliveries.contains_key(&wanted.new.id) && !self.is_held(&wanted) {
            return Ok(());
        }
        self.tell_holder(wanted.endpoint, &command)
    }

    fn is_held(&self, wanted: &Wanted) -> bool {
        let owner = self
            .site
            .store
            .endpoints
            .get(&wanted.new.endpoint)
            .and_then(|row| self.site.owners.get(row.owner));
        owner.and_then(|owner| owner.reference()).is_some_and(|held| held.delivery(wanted.new.id).is_some())
    }

    /// A forgotten delivery has to be read from the store first.
    fn redeliver(&mut self, delivery: u64) -> Result<(), Violation> {
        let Some(wanted) = self.wanted.get(&delivery).copied() else { return Ok(()) };
        if !self.is_held(&wanted) {
            let Some(row) = self.site.store.deliveries.get(&wanted.new.id).copied() else { return Ok(()) };
            self.tell_holder(wanted.endpoint, &Command::RestoreDelivery(row))?;
        }
        self.tell_holder(wanted.endpoint, &Command::Redeliver(wanted.new.id))
    }

    fn retune(&mut self, endpoint: usize, settings: &Settings) -> Result<(), Violation> {
        let id = endpoint_id(endpoint);
        if let Some(row) = self.site.store.endpoints.get_mut(&id) {
            row.settings = settings.clone();
        }
        self.tell_holder(endpoint, &Command::Retune(id, settings.clone()))
    }

    fn move_lease(&mut self, endpoint: usize) -> Result<(), Violation> {
        let id = endpoint_id(endpoint);
        let Some(owner) = self.site.store.endpoints.get(&id).map(|row| row.owner) else { return Ok(()) };
        let heir = (owner + 1) % self.site.owners.len();
        self.site.trace.totals.leases_moved += 1;
        self.unsettle(heir);
        self.site.take_lease(id, heir, self.clock)
    }

    fn start(&mut self, owner: usize) -> Result<(), Violation> {
        let is_down = self.site.owners.get(owner).is_some_and(|owner| !owner.is_up());
        self.site.start(owner, self.clock)?;
        self.unsettle(owner);
        if is_down { self.ask_again(Some(owner)) } else { Ok(()) }
    }

    /// Whoever got no word that a delivery was taken over asks again.
    fn ask_again(&mut self, owner: Option<usize>) -> Result<(), Violation> {
        let store = &self.site.store;
        let is_concerned = |wanted: &&Wanted| {
            let row = store.endpoints.get(&wanted.new.endpoint);
            !store.deliveries.contains_key(&wanted.new.id)
                && row.is_some_and(|row| owner.is_none_or(|o| o == row.owner))
        };
        let missing: Vec<Wanted> = self.wanted.values().filter(is_concerned).copied().collect();
        missing.into_iter().try_for_each(|wanted| self.enqueue(wanted))
    }

    fn tell_about(
        &mut self,
        delivery: u64,
        command: impl FnOnce(DeliveryId) -> Command,
    ) -> Result<(), Violation> {
        let Some(wanted) = self.wanted.get(&delivery).copied() else { return Ok(()) };
        self.tell_holder(wanted.endpoint, &command(wanted.new.id))
    }

    fn tell_holder(&mut self, endpoint: usize, command: &Command) -> Result<(), Violation> {
        let Some(owner) = self.site.store.endpoints.get(&endpoint_id(endpoint)).map(|row| row.owner) else {
            return Ok(());
        };
        self.tell(owner, command).map(drop)
    }

    fn tell(&mut self, owner: usize, command: &Command) -> Result<Option<Reply>, Violation> {
        self.unsettle(owner);
        self.site.tell(owner, command, self.clock)
    }

    fn unsettle(&mut self, owner: usize) {
        if let Some(unsettled) = self.unsettled.get_mut(owner) {
            *unsettled = true;
        }
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
