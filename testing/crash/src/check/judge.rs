//! The judge: it reads a history once, in order, and collects what violates the guarantees.

use std::collections::{BTreeMap, BTreeSet};

use gymhook_engine::store::{AttemptOutcome, State};
use gymhook_retry::Fault;

use super::order::{self, Placed};
use super::{Expected, Mismatch, Rules, Seen, Violation};
use crate::character::Character;
use crate::enqueued::Enqueued;
use crate::history::History;
use crate::rows::Row;
use crate::total::Totals;
use crate::wire::{Event, Request};

/// A request and its place on the wire.
type OnWire<'h> = (usize, &'h Request);

pub(super) struct Judge<'h> {
    rules: &'h Rules,
    enqueued: BTreeMap<u128, &'h Enqueued>,
    rows: BTreeMap<u128, &'h Row>,
    requests: BTreeMap<u128, Vec<OnWire<'h>>>,
    killed: BTreeSet<u32>,
    /// Which process was paused, and where on the wire.
    paused: Vec<(u32, usize)>,
    /// Where on the wire each process is heard of last.
    last_of: BTreeMap<u32, usize>,
    outages: Vec<(usize, usize)>,
    violations: Vec<Violation>,
    totals: Totals,
}

impl<'h> Judge<'h> {
    pub(super) fn new(history: &'h History, rules: &'h Rules) -> Self {
        let mut judge = Self {
            rules,
            enqueued: history.enqueued.iter().map(|enqueued| (enqueued.delivery, enqueued)).collect(),
            rows: history.rows.iter().map(|row| (row.delivery, row)).collect(),
            requests: BTreeMap::new(),
            killed: BTreeSet::new(),
            paused: Vec::new(),
            last_of: BTreeMap::new(),
            outages: Vec::new(),
            violations: Vec::new(),
            totals: Totals::default(),
        };
        let mut outage_began = 0;
        for (at, event) in history.wire.iter().enumerate() {
            match event {
                Event::Request(request) => {
                    judge.requests.entry(request.delivery).or_default().push((at, request));
                    judge.last_of.insert(request.pid, at);
                    judge.totals.requests += 1;
                }
                Event::Killed { pid } => {
                    judge.killed.insert(*pid);
                    judge.totals.kills += 1;
                }
                Event::Paused { pid } => judge.paused.push((*pid, at)),
                Event::OutageBegan => outage_began = at,
                Event::OutageEnded => judge.outages.push((outage_began, at)),
            }
        }
        judge.totals.outages = judge.outages.len() as u64;
        judge
    }

    pub(super) fn judge(mut self) -> Result<Totals, Vec<Violation>> {
        self.set_aside_what_a_pause_delayed();
        let enqueued: Vec<&Enqueued> = self.enqueued.values().copied().collect();
        for enqueued in enqueued.iter().filter(|enqueued| enqueued.acknowledged.is_some()) {
            self.acknowledged(enqueued);
        }
        let rows: Vec<&Row> = self.rows.values().copied().collect();
        for row in rows {
            self.row(row);
        }
        let requests = self.requests.clone();
        for (delivery, requests) in &requests {
            self.delivery_on_the_wire(*delivery, requests);
        }
        let ordered = enqueued.iter().filter(|enqueued| Character::of(enqueued.endpoint).is_ordered());
        let ordered: Vec<Placed> = ordered.map(|enqueued| self.placed(enqueued)).collect();
        self.found(order::out_of_order(ordered.into_iter()));
        self.under_way_at_kills();
        if self.violations.is_empty() { Ok(self.totals) } else { Err(self.violations) }
    }

    /// A process may be stopped between its last look at the clock and the write itself, once in each of its threads. Such a
    /// request comes after those of whoever took over, and nothing on this side of the wire can prevent it.
    fn set_aside_what_a_pause_delayed(&mut self) {
        let mut delayed_by: BTreeMap<u32, u64> = BTreeMap::new();
        for (delivery, requests) in &mut self.requests {
            let mut highest = 0;
            requests.retain(|(at, request)| {
                let Request { pid, send, .. } = **request;
                let is_overtaken = send < highest;
                highest = highest.max(send);
                let is_after_pause = self.paused.iter().any(|(paused, when)| *paused == pid && when < at);
                let logged = self.rows.get(delivery).and_then(|row| row.logged(send));
                let is_lost = logged.is_some_and(|logged| logged.outcome == AttemptOutcome::Lost);
                let is_delayed = is_overtaken && is_after_pause && is_lost;
                if is_delayed {
                    *delayed_by.entry(pid).or_default() += 1;
                }
                !is_delayed
            });
        }
        for (pid, delayed) in delayed_by {
            self.totals.delayed += delayed;
            let pauses = self.paused.iter().filter(|(paused, _)| *paused == pid).count() as u64;
            let allowed = u64::from(self.rules.threads) * pauses;
            if delayed > allowed {
                self.violations.push(Violation::TooManyAfterPause { pid, delayed, allowed });
            }
        }
    }

    fn acknowledged(&mut self, enqueued: &Enqueued) {
        self.totals.acknowledged += 1;
        match self.rows.get(&enqueued.delivery).map(|row| row.state) {
            None => self.violations.push(Violation::Lost { delivery: enqueued.delivery }),
            Some(State::Delivered) => self.totals.delivered += 1,
            Some(State::Undeliverable) => self.totals.undeliverable += 1,
            Some(State::Waiting | State::InFlight) => self.totals.waiting += 1,
            // Judged with its row.
            Some(State::Cancelled | State::Quarantined | State::Unreadable) => {}
        }
    }

    fn row(&mut self, row: &Row) {
        let delivery = row.delivery;
        let Some(enqueued) = self.enqueued.get(&delivery) else {
            self.violations.push(Violation::Invented { delivery });
            return;
        };
        let (expected, is_held) = (expected(enqueued), enqueued.is_held);
        let seen = self.requests.get(&delivery).map_or_else(Vec::new, |requests| seen(requests));
        self.found(expected.row(row));
        match row.state {
            State::Delivered => self.found(expected.delivered(row, &seen)),
            State::Undeliverable => {
                let charged =
                    row.attempts.iter().filter(|logged| logged.outcome != AttemptOutcome::Internal).count();
                let allowed = Character::of(row.endpoint).attempts();
                let reason = row.reason;
                if reason.is_none() || charged != allowed as usize {
                    self.violations.push(Violation::GivenUpTooEarly { delivery, reason, charged, allowed });
                }
            }
            State::Cancelled | State::Quarantined | State::Unreadable => {
                self.violations.push(Violation::StrangeState { delivery, state: row.state });
            }
            State::Waiting if is_held => {}
            State::Waiting | State::InFlight => {
                if self.rules.is_drained {
                    self.violations.push(Violation::NotDrained { delivery, state: row.state });
                }
            }
        }
    }

    fn delivery_on_the_wire(&mut self, delivery: u128, requests: &[OnWire<'_>]) {
        let Some(enqueued) = self.enqueued.get(&delivery).copied() else {
            self.violations.push(Violation::Invented { delivery });
            return;
        };
        if enqueued.is_held {
            self.violations.push(Violation::SentTooEarly { delivery });
        }
        let Some(row) = self.rows.get(&delivery).copied() else {
            self.violations.push(Violation::SentWithoutRow { delivery });
            return;
        };
        let seen = seen(requests);
        self.found(expected(enqueued).requests(&seen));
        self.found(expected(enqueued).log(row, &seen));
        for send in seen.iter().map(|request| request.send).filter(|send| row.logged(*send).is_none()) {
            if row.has_ended() {
                self.violations.push(Violation::NotLogged { delivery, send });
            }
        }
        let accepted = requests.iter().enumerate().filter(|(_, (_, request))| request.is_accepted());
        for (number, accepted) in accepted {
            if let Some(next) = requests.get(number + 1) {
                self.sent_again(row, accepted, next);
            }
        }
    }

    fn found(&mut self, mismatches: Vec<Mismatch>) {
        self.violations.extend(mismatches.into_iter().map(Violation::from));
    }

    /// A request follows one that the endpoint had taken.
    fn sent_again(&mut self, row: &Row, accepted: &OnWire<'_>, next: &OnWire<'_>) {
        let ((taken_at, taken), (next_at, next)) = (accepted, next);
        let (delivery, send, accepted) = (row.delivery, next.send, taken.send);
        match row.logged(accepted) {
            Some(logged) if logged.outcome == AttemptOutcome::Lost => {
                let last = self.last_of.get(&taken.pid).copied().unwrap_or(0);
                let died = self.killed.contains(&taken.pid) && last < *next_at;
                let outage = self.outages.iter().any(|(began, ended)| taken_at < ended && began < next_at);
                let paused =
                    self.paused.iter().any(|(pid, at)| *pid == taken.pid && taken_at < at && at < next_at);
                if died || outage || paused {
                    self.totals.duplicates += 1;
                } else {
                    let pid = taken.pid;
                    self.violations.push(Violation::DuplicateWithoutCause { delivery, send, accepted, pid });
                }
            }
            Some(logged) if logged.outcome == AttemptOutcome::Fault(Fault::Timeout) => self.totals.late += 1,
            Some(_) => self.violations.push(Violation::SentAfterSuccess { delivery, send, accepted }),
            None => self.violations.push(Violation::NotLogged { delivery, send: accepted }),
        }
    }

    fn placed(&self, enqueued: &Enqueued) -> Placed {
        let Enqueued { delivery, endpoint, asked, acknowledged, .. } = *enqueued;
        let requests = self.requests.get(&delivery).map_or(&[][..], Vec::as_slice);
        let sent = requests.first().zip(requests.last()).map(|((first, _), (last, _))| (*first, *last));
        Placed { delivery, endpoint, asked, acknowledged, sent }
    }

    /// What was under way when a process died, and not more than it may have been.
    fn under_way_at_kills(&mut self) {
        let mut lost_by: BTreeMap<u32, u64> = BTreeMap::new();
        for (delivery, requests) in &self.requests {
            let Some(row) = self.rows.get(delivery) else { continue };
            for (_, request) in requests {
                if row.logged(request.send).is_some_and(|logged| logged.outcome == AttemptOutcome::Lost) {
                    *lost_by.entry(request.pid).or_default() += 1;
                    self.totals.allowance += 1;
                }
            }
        }
        for (pid, lost) in lost_by {
            let paused = self.paused.iter().filter(|(paused, _)| *paused == pid).count() as u64;
            let died = u64::from(self.killed.contains(&pid)) + paused;
            let allowed = u64::from(self.rules.max_in_flight) * (died + self.totals.outages);
            if lost > allowed {
                self.violations.push(Violation::TooManyLost { pid, lost, allowed });
            }
        }
    }
}

const fn expected(enqueued: &Enqueued) -> Expected {
    let Enqueued { delivery, endpoint, digest, .. } = *enqueued;
    Expected { delivery, endpoint, digest }
}

fn seen(requests: &[OnWire<'_>]) -> Vec<Seen> {
    requests.iter().map(|(_, request)| request.seen()).collect()
}
