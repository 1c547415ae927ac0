//! Owners around one store: what they do between two events of the world.

use gymhook_delivery::{Attempt, DeliveryId, DeliveryRecord, EndpointId, LeaseEpoch, Record};

use crate::at::At;
use crate::command::{Command, Reply};
use crate::owner::{Owner, Step, ran_out};
use crate::reference::{Bounds, Reference};
use crate::settings::Settings;
use crate::store::{Row, Store};
use crate::trace::Trace;
use crate::violation::{Promise, Violation};
use crate::words;

/// Owners around one store.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) owners: Vec<Owner>,
    pub(crate) store: Store,
    pub(crate) trace: Trace,
    bounds: Bounds,
    saves: Saves,
    /// The last snapshot of each owner, where whole machines are saved.
    snapshots: Vec<Option<(Vec<u8>, Reference)>>,
}

/// How a site outlives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saves {
    /// The latest record of each thing; one commit for all that was put out until the machine rests.
    RowsTogether,
    /// The latest record of each thing; a commit before each attempt.
    RowsOneByOne,
    /// The whole machine, whenever it rests.
    Machine,
}

/// What an owner did until it rested or died.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// What went on the wire.
    pub(crate) sent: Vec<Attempt>,
    pub(crate) died: bool,
}

impl Site {
    pub(crate) fn new(owners: usize, bounds: Bounds, saves: Saves, keeps_lines: bool) -> Self {
        Self {
            owners: (0..owners).map(|index| Owner::new(index, bounds, At::START)).collect(),
            store: Store::default(),
            trace: Trace::new(keeps_lines),
            bounds,
            saves,
            snapshots: vec![None; owners],
        }
    }

    /// An endpoint that nobody knew before.
    pub(crate) fn add_endpoint(
        &mut self,
        id: EndpointId,
        settings: Settings,
        owner: usize,
    ) -> Result<(), Violation> {
        let record = gymhook_delivery::EndpointRecord::new(id);
        let lease = LeaseEpoch::default();
        self.tell(owner, &Command::AddEndpoint(id, settings.clone()), At::START)?;
        self.store.endpoints.insert(id, Row { record, settings, lease, owner });
        if let Some(owner) = self.owners.get_mut(owner) {
            owner.leases.insert(id, lease);
        }
        Ok(())
    }

    pub(crate) fn tell(
        &mut self,
        owner: usize,
        command: &Command,
        now: At,
    ) -> Result<Option<Reply>, Violation> {
        match self.owners.get_mut(owner) {
            Some(owner) => owner.tell(command, now, &mut self.trace),
            None => Ok(None),
        }
    }

    /// Lets an owner put out until it rests, save, and send.
    pub(crate) fn settle(&mut self, index: usize, now: At) -> Result<Done, Violation> {
        let mut done = Done::default();
        loop {
            let Some(owner) = self.owners.get_mut(index).filter(|owner| owner.is_up()) else {
                return Ok(done);
            };
            let step = owner.put_out(now, &mut self.trace)?;
            let saves = match step {
                Step::Died => return Ok(self.died(index, done)),
                Step::Rests => true,
                Step::Attempt => self.saves == Saves::RowsOneByOne,
                Step::Record => false,
            };
            if saves && !self.save_and_send(index, &mut done.sent, now)? {
                return Ok(self.died(index, done));
            }
            if step == Step::Rests {
                return Ok(done);
            }
        }
    }

    /// Saves first, then sends; `false` if the owner dies in between.
    fn save_and_send(&mut self, index: usize, sent: &mut Vec<Attempt>, now: At) -> Result<bool, Violation> {
        let Some(owner) = self.owners.get_mut(index) else { return Ok(false) };
        if ran_out(&mut owner.dies_after) {
            return Ok(false);
        }
        for record in owner.unsaved.drain(..) {
            let endpoint = match &record {
                Record::Delivery { delivery, .. } => delivery.endpoint,
                Record::Endpoint { endpoint, .. } => endpoint.id,
                Record::LateAnswer(_) => continue,
            };
            if self.store.is_owned(endpoint, owner.leases.get(&endpoint).copied()) {
                self.store.write(&record)?;
            }
        }
        if self.saves == Saves::Machine
            && let Some(snapshot) = self.snapshots.get_mut(index)
        {
            *snapshot = owner.saved();
        }
        for attempt in core::mem::take(&mut owner.unsent) {
            if ran_out(&mut owner.dies_after) {
                return Ok(false);
            }
            let endpoint = attempt.attempt.endpoint;
            if self.store.is_owned(endpoint, owner.leases.get(&endpoint).copied()) {
                self.store.sends(&attempt)?;
                self.trace.totals.attempts += 1;
                self.trace.note(|| format!("{now} owner {index} sends {}", words::attempt(&attempt.attempt)));
                sent.push(attempt);
            }
        }
        Ok(true)
    }

    fn died(&mut self, index: usize, mut done: Done) -> Done {
        self.kill(index);
        done.died = true;
        done
    }

    pub(crate) fn kill(&mut self, index: usize) {
        if let Some(owner) = self.owners.get_mut(index).filter(|owner| owner.is_up()) {
            owner.die();
            self.trace.totals.crashes += 1;
            self.trace.note(|| format!("owner {index} dies"));
        }
    }

    /// Brings a process back that had died.
    pub(crate) fn start(&mut self, index: usize, now: At) -> Result<(), Violation> {
        let Some(owner) = self.owners.get_mut(index).filter(|owner| !owner.is_up()) else { return Ok(()) };
        self.trace.totals.restores += 1;
        self.trace.note(|| format!("owner {index} comes back"));
        if self.saves == Saves::Machine {
            if let Some((snapshot, reference)) = self.snapshots.get(index).cloned().flatten() {
                owner.start_from(&snapshot, reference)?;
            } else {
                owner.start_empty(now);
            }
            for (id, row) in &self.store.endpoints {
                owner.leases.insert(*id, row.lease);
            }
            return self.tell(index, &Command::LoseAttempts, now).map(drop);
        }
        owner.start_empty(now);
        let rows = &self.store.endpoints;
        let mine: Vec<EndpointId> =
            rows.iter().filter(|(_, row)| row.owner == index).map(|(id, _)| *id).collect();
        for endpoint in mine {
            self.take_lease(endpoint, index, now)?;
        }
        Ok(())
    }

    /// The lease on an endpoint goes to this owner, who reads its state from the store.
    pub(crate) fn take_lease(
        &mut self,
        endpoint: EndpointId,
        index: usize,
        now: At,
    ) -> Result<(), Violation> {
        let Some(owner) = self.owners.get_mut(index).filter(|owner| owner.is_up()) else { return Ok(()) };
        let Some(row) = self.store.endpoints.get_mut(&endpoint) else { return Ok(()) };
        if owner.leases.remove(&endpoint).is_some() {
            owner.tell(&Command::Release(endpoint), now, &mut self.trace)?;
        }
        row.lease = LeaseEpoch::new(row.lease.get() + 1);
        row.owner = index;
        owner.leases.insert(endpoint, row.lease);
        owner.tell(
            &Command::RestoreEndpoint(row.record, row.settings.clone(), row.lease),
            now,
            &mut self.trace,
        )?;
        let mut waiting: Vec<DeliveryRecord> = self
            .store
            .deliveries
            .values()
            .filter(|delivery| delivery.endpoint == endpoint)
            .copied()
            .collect();
        waiting.sort_unstable_by_key(|delivery| delivery.sequence);
        for record in waiting {
            owner.tell(&Command::RestoreDelivery(record), now, &mut self.trace)?;
        }
        Ok(())
    }

    /// Every owner releases the endpoints whose lease it has lost.
    pub(crate) fn check_leases(&mut self, now: At) -> Result<(), Violation> {
        (0..self.owners.len()).try_for_each(|index| self.check_leases_of(index, now))
    }

    pub(crate) fn check_leases_of(&mut self, index: usize, now: At) -> Result<(), Violation> {
        let stale = self.stale_leases(index);
        let Some(owner) = self.owners.get_mut(index) else { return Ok(()) };
        for endpoint in stale {
            owner.leases.remove(&endpoint);
            owner.tell(&Command::Release(endpoint), now, &mut self.trace)?;
        }
        Ok(())
    }

    fn stale_leases(&self, index: usize) -> Vec<EndpointId> {
        let leases = self.owners.get(index).into_iter().flat_map(|owner| &owner.leases);
        let stale = leases.filter(|(id, lease)| !self.store.is_owned(**id, Some(**lease)));
        stale.map(|(id, _)| *id).collect()
    }

    /// Whether this owner waits for the answer to this attempt.
    pub(crate) fn awaits(&self, owner: usize, attempt: &Attempt) -> bool {
        let reference = self.owners.get(owner).and_then(Owner::reference);
        reference.is_some_and(|reference| reference.awaits(&attempt.attempt))
    }

    /// Whose lease on this endpoint counts.
    pub(crate) fn holder(&self, endpoint: EndpointId) -> usize {
        self.store.endpoints.get(&endpoint).map_or(0, |row| row.owner)
    }

    pub(crate) fn has_stale_leases(&self, index: usize) -> bool {
        !self.stale_leases(index).is_empty()
    }

    /// What remains when everybody but this owner is looked at elsewhere.
    pub(crate) fn leave_only(&mut self, index: usize) {
        for (other, owner) in self.owners.iter_mut().enumerate() {
            if other != index {
                owner.die();
            }
        }
        self.store.leave_only(index);
    }

    /// When the next owner wakes up by itself.
    pub(crate) fn next_wake(&self) -> Option<(At, usize)> {
        let wakes = self.owners.iter().enumerate().filter_map(|(index, owner)| {
            owner.is_up().then_some(())?;
            Some((owner.wakes_at?.shifted(-owner.clock_offset), index))
        });
        wakes.min()
    }

    /// Whether every delivery has ended, in the store and in the machine that holds it.
    pub(crate) fn everything_ended(&self, wanted: impl Iterator<Item = DeliveryId>) -> Result<(), Violation> {
        use gymhook_delivery::DeliveryState;
        for id in wanted {
            let Some(saved) = self.store.deliveries.get(&id) else {
                return Promise::AtLeastOnce.broken(|| format!("{} is nowhere", words::delivery(id)));
            };
            Promise::AtLeastOnce.require(matches!(saved.state, DeliveryState::Finished { .. }), || {
                format!("nothing goes on any more, and it never ended: {}", words::delivery_record(saved))
            })?;
            let owner = self.store.endpoints.get(&saved.endpoint).and_then(|row| self.owners.get(row.owner));
            let held = owner.and_then(Owner::machine).and_then(|machine| machine.delivery(id));
            Promise::AtLeastOnce.require(held.is_none_or(|held| held.state() == saved.state), || {
                format!("the machine holds {held:?}\n  and the store {saved:?}")
            })?;
        }
        Ok(())
    }

    pub(crate) const fn bounds(&self) -> Bounds {
        self.bounds
    }
}
