//! The judge: it reads a history once, in order, and collects what violates the guarantees.

use std::collections::{BTreeMap, BTreeSet};

use gymhook_crash_tests::character::Character;
use gymhook_crash_tests::check::order::{self, Placed};
use gymhook_crash_tests::check::{Expected, Mismatch, Seen};
use gymhook_crash_tests::rows::Row;
use gymhook_engine::store::{AttemptOutcome, State, StoreError};
use gymhook_retry::Fault;

use super::{Told, Violation};
use crate::backend::Inspected;
use crate::history::History;
use crate::ledger::{Asked, Event, Request};
use crate::total::Totals;

/// All that is known of one delivery.
struct Case<'h> {
    asked: Asked,
    asked_at: usize,
    acknowledged: Option<usize>,
    cancel_asked: bool,
    redeliveries_asked: u32,
    redelivery_taken: bool,
    requests: Vec<(usize, &'h Request)>,
}

impl Case<'_> {
    const fn expected(&self) -> Expected {
        let Asked { delivery, endpoint, digest, .. } = self.asked;
        Expected { delivery, endpoint, digest }
    }

    fn seen(&self) -> Vec<Seen> {
        self.requests.iter().map(|(_, request)| request.seen()).collect()
    }
}

pub(super) struct Judge<'h> {
    history: &'h History,
    cases: BTreeMap<u128, Case<'h>>,
    rows: BTreeMap<u128, &'h Row>,
    purged: bool,
    deleted: BTreeSet<u32>,
    died: Vec<usize>,
    violations: Vec<Violation>,
    totals: Totals,
}

impl<'h> Judge<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut judge = Self {
            history,
            cases: BTreeMap::new(),
            rows: history.rows.iter().map(|row| (row.delivery, row)).collect(),
            purged: false,
            deleted: BTreeSet::new(),
            died: Vec::new(),
            violations: Vec::new(),
            totals: Totals::default(),
        };
        for (at, event) in history.events.iter().enumerate() {
            judge.read(at, event);
        }
        judge
    }

    fn read(&mut self, at: usize, event: &'h Event) {
        let mut of =
            |delivery: &u128, change: &mut dyn FnMut(&mut Case<'h>)| match self.cases.get_mut(delivery) {
                Some(case) => change(case),
                None => self.violations.push(Violation::Invented { delivery: *delivery }),
            };
        match event {
            Event::Asked(asked) => {
                self.cases.entry(asked.delivery).or_insert(Case {
                    asked: *asked,
                    asked_at: at,
                    acknowledged: None,
                    cancel_asked: false,
                    redeliveries_asked: 0,
                    redelivery_taken: false,
                    requests: Vec::new(),
                });
            }
            Event::Acknowledged { delivery } => of(delivery, &mut |case| case.acknowledged = Some(at)),
            Event::CancelAsked { delivery } => of(delivery, &mut |case| case.cancel_asked = true),
            // It has to end then, which is judged with its row.
            Event::CancelTaken { .. } => {}
            Event::RedeliveryAsked { delivery } => of(delivery, &mut |case| case.redeliveries_asked += 1),
            Event::RedeliveryTaken { delivery } => of(delivery, &mut |case| case.redelivery_taken = true),
            Event::PurgeAsked => self.purged = true,
            Event::DeletionAsked { endpoint } => {
                self.deleted.insert(*endpoint);
            }
            Event::Request(request) => {
                self.totals.requests += 1;
                of(&request.delivery, &mut |case| case.requests.push((at, request)));
            }
            Event::Died => self.died.push(at),
        }
    }

    pub(super) fn judge(mut self, told: Told) -> (Totals, Vec<Violation>) {
        let cases = core::mem::take(&mut self.cases);
        for case in cases.values() {
            self.acknowledged(case);
            self.on_the_wire(case);
        }
        for row in &self.history.rows {
            match cases.get(&row.delivery) {
                Some(case) => self.row(case, row),
                None => self.violations.push(Violation::Invented { delivery: row.delivery }),
            }
        }
        self.found(order::out_of_order(cases.values().filter_map(placed)));
        if self.history.inspected != Inspected::default() {
            self.violations.push(Violation::Tables(self.history.inspected.clone()));
        }
        let wrong = |error: &&StoreError| !told.allows(error);
        let wrong = self.history.complaints.iter().filter(wrong).cloned();
        self.violations.extend(wrong.map(Violation::WrongError));
        self.totals.refusals = self.history.complaints.len() as u64;
        self.totals.broken = self.violations.len() as u64;
        (self.totals, self.violations)
    }

    fn found(&mut self, mismatches: Vec<Mismatch>) {
        self.violations.extend(mismatches.into_iter().map(Violation::from));
    }

    fn acknowledged(&mut self, case: &Case<'_>) {
        if case.acknowledged.is_none() {
            return;
        }
        self.totals.acknowledged += 1;
        let delivery = case.asked.delivery;
        match self.rows.get(&delivery).map(|row| (row.state, row.digest)) {
            None if case.asked.is_old && self.purged => self.totals.purged += 1,
            None => {
                self.totals.lost += 1;
                self.violations.push(Violation::Lost { delivery });
            }
            // What that breaks is judged with its row.
            Some((State::Quarantined, _)) => self.totals.quarantined += 1,
            Some((_, digest)) if digest != Some(case.asked.digest) => self.totals.lost += 1,
            Some((State::Delivered, _)) => self.totals.delivered += 1,
            Some((
                State::Undeliverable
                | State::Cancelled
                | State::Unreadable
                | State::Waiting
                | State::InFlight,
                _,
            )) => self.totals.others += 1,
        }
    }

    fn row(&mut self, case: &Case<'_>, row: &Row) {
        let (delivery, state) = (row.delivery, row.state);
        self.found(case.expected().row(row));
        if state == State::Quarantined {
            self.violations.push(Violation::Quarantined { delivery });
            return;
        }
        if self.deleted.contains(&row.endpoint) {
            // It stays as it was, with whatever was under way.
            return;
        }
        self.log(row);
        self.rounds(case, row);
        match state {
            State::Delivered => self.found(case.expected().delivered(row, &case.seen())),
            State::Undeliverable => {
                let last = row.attempts.last().map_or(0, |logged| logged.round);
                let charged = row
                    .attempts
                    .iter()
                    .filter(|logged| logged.round == last && logged.outcome != AttemptOutcome::Internal);
                let (charged, allowed) = (charged.count(), Character::of(row.endpoint).attempts());
                if charged != allowed as usize {
                    self.violations.push(Violation::GivenUpTooEarly { delivery, charged, allowed });
                }
            }
            State::Cancelled if case.cancel_asked => {}
            State::Waiting if case.asked.is_held && !case.cancel_asked => {}
            State::Cancelled | State::Quarantined | State::Unreadable => {
                self.violations.push(Violation::StrangeState { delivery, state })
            }
            State::Waiting | State::InFlight => {
                self.violations.push(Violation::NotDrained { delivery, state })
            }
        }
    }

    /// The log has every request that the row counts, and ends as it does.
    fn log(&mut self, row: &Row) {
        let logged: Vec<u32> = row.attempts.iter().map(|logged| logged.send).collect();
        let is_whole = logged.iter().copied().eq(1..=row.sends);
        let last = row.attempts.last();
        let agrees = match row.state {
            State::Delivered => last.is_some_and(|last| last.is_accepted()),
            State::Undeliverable => last.is_some_and(|last| !last.is_accepted()),
            State::Waiting | State::InFlight | State::Cancelled | State::Quarantined | State::Unreadable => {
                true
            }
        };
        if !is_whole || !agrees {
            self.violations.push(Violation::HalfApplied { delivery: row.delivery, sends: row.sends, logged });
        }
    }

    fn rounds(&mut self, case: &Case<'_>, row: &Row) {
        let (delivery, asked) = (row.delivery, case.redeliveries_asked);
        let rounds = row.attempts.iter().map(|logged| logged.round).max().unwrap_or(1);
        if rounds > asked + 1 {
            self.violations.push(Violation::TooManyRounds { delivery, rounds, asked });
        }
        if case.redelivery_taken && rounds < 2 {
            self.violations.push(Violation::NotRedelivered { delivery });
        }
    }

    fn on_the_wire(&mut self, case: &Case<'_>) {
        let Asked { delivery, endpoint, is_held, .. } = case.asked;
        if is_held && !case.requests.is_empty() {
            self.violations.push(Violation::SentTooEarly { delivery });
        }
        self.found(case.expected().requests(&case.seen()));
        let is_gone = case.asked.is_old && self.purged || self.deleted.contains(&endpoint);
        match self.rows.get(&delivery).copied() {
            Some(row) => self.compare(case, row),
            None if !is_gone && !case.requests.is_empty() => {
                self.violations.push(Violation::SentWithoutRow { delivery });
            }
            None => {}
        }
    }

    fn compare(&mut self, case: &Case<'_>, row: &Row) {
        let delivery = row.delivery;
        self.found(case.expected().log(row, &case.seen()));
        for pair in case.requests.windows(2) {
            let [(taken_at, taken), (next_at, next)] = pair else { continue };
            if !taken.is_accepted() || next.round != taken.round {
                continue;
            }
            let died = self.died.iter().any(|died| taken_at < died && died < next_at);
            match row.logged(taken.send).map(|logged| logged.outcome) {
                Some(AttemptOutcome::Lost) if died => self.totals.duplicates += 1,
                // The answer came after the attempt's time.
                Some(AttemptOutcome::Fault(Fault::Timeout)) => {}
                _ => {
                    let (send, accepted) = (next.send, taken.send);
                    self.violations.push(Violation::SentAgain { delivery, send, accepted });
                }
            }
        }
    }
}

/// Where it is in the order of its endpoint, if that has one and it was sent only because it was enqueued.
fn placed(case: &Case<'_>) -> Option<Placed> {
    let Asked { delivery, endpoint, .. } = case.asked;
    if !Character::of(endpoint).is_ordered() || case.redeliveries_asked > 0 {
        return None;
    }
    let sent = case.requests.first().zip(case.requests.last()).map(|((first, _), (last, _))| (*first, *last));
    Some(Placed { delivery, endpoint, asked: case.asked_at, acknowledged: case.acknowledged, sent })
}
