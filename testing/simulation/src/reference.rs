//! What has to happen, by the documents: an independent account of one machine.
//!
//! It is told everything the machine is told, says what the machine has to reply and to record, and judges whatever the
//! machine does of its own accord. It looks through everything each time, which the machine must not: that makes it slow
//! and easy to believe.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use gymhook_delivery::{
    Attempt, AttemptRef, DeliveryChange, DeliveryId, DeliveryRecord, DeliveryState, DisableReason, End,
    EndpointChange, EndpointId, EndpointRecord, LateAnswer, LateReason, LeaseEpoch, NewDelivery, Record,
    Then,
};
use gymhook_retry::AttemptNumber;

use crate::at::At;
use crate::command::{Command, Reply};
use crate::settings::Settings;
use budget::Budget;
pub(crate) use budget::BudgetRule;
use endpoint::Endpoint;

mod budget;
mod endpoint;
mod fate;
mod observe;
mod retry_delays;
mod turn;

/// What all endpoints of one machine together may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) slots: u32,
    pub(crate) share_percent: u8,
    pub(crate) grace: Duration,
    pub(crate) budget: Option<BudgetRule>,
}

/// An independent account of one machine.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    bounds: Bounds,
    budget: Option<Budget>,
    now: At,
    draining: bool,
    next_sequence: u64,
    endpoints: BTreeMap<EndpointId, Endpoint>,
    deliveries: BTreeMap<DeliveryId, DeliveryRecord>,
    /// The attempts under way, by when they count as lost.
    flights: BTreeSet<(At, DeliveryId)>,
    /// What has to be recorded before the next attempt and before the machine may rest.
    expected: Vec<Record>,
    /// A token was recorded as taken, and this is what its endpoint's record said.
    token: Option<EndpointRecord>,
    /// An attempt was recorded as begun, and has to come next.
    begun: Option<Attempt>,
    turn: u64,
}

impl Bounds {
    /// How many slots one endpoint may hold.
    fn share(&self) -> u32 {
        let slots = u64::from(self.slots) * u64::from(self.share_percent) / 100;
        u32::try_from(slots).unwrap_or(u32::MAX).max(1)
    }
}

impl Reference {
    pub(crate) fn new(bounds: Bounds, now: At) -> Self {
        Self {
            bounds,
            budget: bounds.budget.map(|rule| Budget::new(rule, now)),
            now,
            draining: false,
            next_sequence: 0,
            endpoints: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            flights: BTreeSet::new(),
            expected: Vec::new(),
            token: None,
            begun: None,
            turn: 0,
        }
    }

    /// The machine is asked `command` at `now`; returns what it has to reply.
    pub(crate) fn expect(&mut self, command: &Command, now: At) -> Reply {
        if !matches!(command, Command::Drain | Command::Resume | Command::Forget(_)) {
            self.advance(now);
        }
        match command {
            Command::AddEndpoint(id, settings) => self.add_endpoint(*id, settings),
            Command::RestoreEndpoint(record, settings, lease) => {
                self.restore_endpoint(record, settings, *lease)
            }
            Command::Release(id) => self.release(*id),
            Command::Retune(id, settings) => match self.endpoints.get_mut(id) {
                Some(endpoint) => {
                    endpoint.retune(settings.clone());
                    Reply::Done
                }
                None => Reply::Unknown,
            },
            Command::Disable(id) => {
                self.change_endpoint(*id, |endpoint, now| endpoint.disable(DisableReason::ByHand, now))
            }
            Command::Enable(id) => self.change_endpoint(*id, Endpoint::enable),
            Command::Enqueue(new) => self.enqueue(*new, false),
            Command::SendTest(new) => self.enqueue(*new, true),
            Command::Cancel(id) => self.cancel(*id),
            Command::Redeliver(id) => self.redeliver(*id),
            Command::Forget(id) => self.forget(*id),
            Command::RestoreDelivery(record) => self.restore_delivery(*record),
            Command::Answer(attempt, answer) => {
                match self.why_late(attempt) {
                    None => self.ended(attempt.delivery, Some((*answer, now))),
                    Some(reason) => {
                        self.expected.push(Record::LateAnswer(LateAnswer { attempt: *attempt, reason }));
                    }
                }
                Reply::Done
            }
            Command::Timeout => Reply::Done,
            Command::LoseAttempts => {
                for id in self.flying() {
                    self.ended(id, None);
                }
                Reply::Done
            }
            Command::Drain | Command::Resume => {
                self.draining = matches!(command, Command::Drain);
                Reply::Done
            }
        }
    }

    /// A clock that steps back counts as stopped.
    fn advance(&mut self, now: At) {
        self.now = self.now.max(now);
        if let Some(budget) = &mut self.budget {
            budget.advance(self.now);
        }
    }

    fn add_endpoint(&mut self, id: EndpointId, settings: &Settings) -> Reply {
        if self.endpoints.contains_key(&id) {
            return Reply::AlreadyHere;
        }
        let endpoint = Endpoint::new(EndpointRecord::new(id), settings.clone(), LeaseEpoch::default());
        self.expect_endpoint(EndpointChange::Added, endpoint.record);
        self.endpoints.insert(id, endpoint);
        Reply::Done
    }

    fn restore_endpoint(&mut self, record: &EndpointRecord, settings: &Settings, lease: LeaseEpoch) -> Reply {
        if self.endpoints.contains_key(&record.id) {
            return Reply::AlreadyHere;
        }
        self.endpoints.insert(record.id, Endpoint::taken_over(*record, settings.clone(), lease));
        Reply::Done
    }

    fn release(&mut self, id: EndpointId) -> Reply {
        let Some(endpoint) = self.endpoints.remove(&id) else { return Reply::Unknown };
        self.flights.retain(|(_, delivery)| !endpoint.in_flight.contains(delivery));
        self.deliveries.retain(|_, delivery| delivery.endpoint != id);
        Reply::Released(endpoint.record)
    }

    fn change_endpoint(
        &mut self,
        id: EndpointId,
        change: impl FnOnce(&mut Endpoint, At) -> Option<EndpointChange>,
    ) -> Reply {
        let now = self.now;
        let Some(endpoint) = self.endpoints.get_mut(&id) else { return Reply::Unknown };
        endpoint.queues_anew();
        if let Some(change) = change(endpoint, now) {
            let record = endpoint.record;
            self.expect_endpoint(change, record);
        }
        Reply::Done
    }

    fn enqueue(&mut self, new: NewDelivery, test: bool) -> Reply {
        if !self.endpoints.contains_key(&new.endpoint) {
            return Reply::Unknown;
        }
        if let Some(held) = self.deliveries.get(&new.id) {
            let same = held.body == new.body && held.endpoint == new.endpoint && held.test == test;
            return if same { Reply::Duplicate } else { Reply::Conflict };
        }
        let now = self.now.reached();
        let due = new.not_before.map_or(now, |at| At::of(at).not_before().max(now));
        let mut record = DeliveryRecord::new(new.id, new.endpoint, new.body, self.next_sequence, due.utc());
        record.test = test;
        self.hold(record);
        self.expect_delivery(DeliveryChange::Enqueued, new.id);
        Reply::New
    }

    fn cancel(&mut self, id: DeliveryId) -> Reply {
        let Some(mut record) = self.deliveries.get(&id).copied() else { return Reply::Unknown };
        let (change, reply) = match &mut record.state {
            DeliveryState::Finished { .. } => return Reply::Finished,
            DeliveryState::InFlight { then, .. } => {
                *then = Then::Cancel;
                (DeliveryChange::CancelNoted, Reply::AfterAttempt)
            }
            state @ DeliveryState::Waiting { .. } => {
                *state = DeliveryState::Finished { at: self.now.reached().utc(), end: End::Cancelled };
                (DeliveryChange::Ended(End::Cancelled), Reply::Done)
            }
        };
        self.hold(record);
        self.expect_delivery(change, id);
        reply
    }

    fn redeliver(&mut self, id: DeliveryId) -> Reply {
        let Some(mut record) = self.deliveries.get(&id).copied() else { return Reply::Unknown };
        if let DeliveryState::InFlight { then, .. } = &mut record.state {
            *then = Then::Redeliver;
            self.hold(record);
            self.expect_delivery(DeliveryChange::RedeliveryNoted, id);
            return Reply::AfterAttempt;
        }
        if matches!(record.state, DeliveryState::Waiting { .. }) {
            record.state = DeliveryState::Finished { at: self.now.reached().utc(), end: End::Superseded };
            self.hold(record);
            self.expect_delivery(DeliveryChange::Ended(End::Superseded), id);
        }
        self.open_round(id);
        Reply::Done
    }

    fn open_round(&mut self, id: DeliveryId) {
        let Some(mut record) = self.deliveries.get(&id).copied() else { return };
        record.state = DeliveryState::Waiting { due: self.now.reached().utc() };
        record.round = record.round.saturating_add(1);
        record.attempt = AttemptNumber::FIRST;
        record.first_failure = None;
        self.hold(record);
        self.expect_delivery(DeliveryChange::RoundOpened, id);
    }

    fn forget(&mut self, id: DeliveryId) -> Reply {
        match self.deliveries.get(&id).map(|record| record.state) {
            None => Reply::Unknown,
            Some(DeliveryState::Finished { .. }) => {
                self.deliveries.remove(&id);
                Reply::Done
            }
            Some(DeliveryState::Waiting { .. } | DeliveryState::InFlight { .. }) => Reply::Unfinished,
        }
    }

    fn restore_delivery(&mut self, record: DeliveryRecord) -> Reply {
        if !self.endpoints.contains_key(&record.endpoint) {
            return Reply::Unknown;
        }
        if self.deliveries.contains_key(&record.id) {
            return Reply::AlreadyHere;
        }
        self.hold(record);
        if let DeliveryState::InFlight { .. } = record.state {
            self.ended(record.id, None);
            return Reply::AttemptLost;
        }
        Reply::Recorded
    }

    /// Why an answer does not count; `None` if it answers the attempt under way.
    fn why_late(&self, attempt: &AttemptRef) -> Option<LateReason> {
        let here = self.deliveries.get(&attempt.delivery).filter(|held| held.endpoint == attempt.endpoint);
        let endpoint = self.endpoints.get(&attempt.endpoint);
        let (Some(delivery), Some(endpoint)) = (here, endpoint) else {
            return Some(LateReason::UnknownDelivery);
        };
        if endpoint.lease != attempt.lease {
            return Some(LateReason::OtherLease { current: endpoint.lease });
        }
        if !matches!(delivery.state, DeliveryState::InFlight { .. }) {
            return Some(LateReason::NotInFlight);
        }
        (delivery.sends != attempt.send).then_some(LateReason::OtherAttempt { current: delivery.sends })
    }

    /// Takes note of a delivery's present record.
    fn hold(&mut self, record: DeliveryRecord) {
        let before = self.deliveries.insert(record.id, record);
        self.next_sequence = self.next_sequence.max(record.sequence.saturating_add(1));
        let Some(endpoint) = self.endpoints.get_mut(&record.endpoint) else { return };
        if let Some(before) = before {
            endpoint.unfile(&before);
            if let DeliveryState::InFlight { lost_at, .. } = before.state {
                self.flights.remove(&(At::of(lost_at), before.id));
            }
        }
        endpoint.file(&record);
        if let DeliveryState::InFlight { lost_at, .. } = record.state {
            self.flights.insert((At::of(lost_at), record.id));
        }
    }

    fn flying(&self) -> Vec<DeliveryId> {
        self.flights.iter().map(|(_, id)| *id).collect()
    }

    fn expect_delivery(&mut self, change: DeliveryChange, id: DeliveryId) {
        if let Some(delivery) = self.deliveries.get(&id).copied() {
            self.expected.push(Record::Delivery { change, delivery });
        }
    }

    fn expect_endpoint(&mut self, change: EndpointChange, endpoint: EndpointRecord) {
        self.expected.push(Record::Endpoint { change, endpoint });
    }

    /// Whether an answer to this attempt would count.
    pub(crate) fn awaits(&self, attempt: &AttemptRef) -> bool {
        self.why_late(attempt).is_none()
    }

    /// The endpoint that this number falls on, if there is any.
    pub(crate) fn some_endpoint(&self, number: u64) -> Option<EndpointId> {
        let count = u64::try_from(self.endpoints.len()).ok()?;
        let index = usize::try_from(number.checked_rem(count)?).ok()?;
        self.endpoints.keys().nth(index).copied()
    }

    pub(crate) fn delivery(&self, id: DeliveryId) -> Option<&DeliveryRecord> {
        self.deliveries.get(&id)
    }
}

const fn is_flying(record: &DeliveryRecord) -> bool {
    matches!(record.state, DeliveryState::InFlight { .. })
}
