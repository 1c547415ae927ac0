//! The judge: it reads a history once, in order, and collects what violates the guarantees.

use std::collections::{BTreeMap, BTreeSet};

use gymhook_engine::store::State;

use super::{MAX_IN_FLIGHT, Totals, Violation};
use crate::history::{Arrival, Event, History, Row, Sent};
use crate::orders::Recipient;
use crate::platforms::API;

/// An arrival and its place in the history.
type Placed<'h> = (usize, &'h Arrival);
/// An event at a destination: the request's number, the vendor's type, the destination.
type Place<'h> = (u64, &'h str, Recipient);

/// What was seen of an event at a destination.
#[derive(Default)]
struct Seen<'h> {
    /// The deliveries that arrived with it.
    ids: BTreeSet<&'h str>,
    /// Whether one of them was taken.
    is_taken: bool,
}

pub(super) struct Judge<'h> {
    history: &'h History,
    sent: BTreeMap<u64, &'h Sent>,
    rows: BTreeMap<&'h str, &'h Row>,
    /// How often each request was sent.
    asked: BTreeMap<u64, usize>,
    acknowledged: BTreeSet<u64>,
    kills: Vec<usize>,
    /// By delivery.
    arrivals: BTreeMap<&'h str, Vec<Placed<'h>>>,
    places: BTreeMap<Place<'h>, Seen<'h>>,
    violations: Vec<Violation>,
    totals: Totals,
}

impl<'h> Judge<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        Self {
            history,
            sent: history.sent.iter().map(|sent| (sent.number, sent)).collect(),
            rows: history.rows.iter().map(|row| (row.id.as_str(), row)).collect(),
            asked: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            kills: Vec::new(),
            arrivals: BTreeMap::new(),
            places: BTreeMap::new(),
            violations: Vec::new(),
            totals: Totals::default(),
        }
    }

    pub(super) fn judge(mut self) -> Result<Totals, Vec<Violation>> {
        for (at, event) in self.history.events.iter().enumerate() {
            self.event(at, event);
        }
        for number in self.acknowledged.clone() {
            self.acknowledged(number);
        }
        self.doubled();
        for (id, arrivals) in self.arrivals.clone() {
            self.delivery(id, &arrivals);
        }
        self.duplicates();
        for row in &self.history.rows {
            self.row(row);
        }
        let repeats = self.asked.values().map(|times| (*times as u64).saturating_sub(1));
        self.totals.repeated = repeats.sum();
        self.totals.kills = self.kills.len() as u64;
        self.totals.acknowledged = self.acknowledged.len() as u64;
        if self.violations.is_empty() { Ok(self.totals) } else { Err(self.violations) }
    }

    fn event(&mut self, at: usize, event: &'h Event) {
        match event {
            Event::Asked { number } => *self.asked.entry(*number).or_default() += 1,
            Event::Killed => self.kills.push(at),
            Event::Answered { number, status: Some(status), says_when } => {
                self.answered(*number, *status, *says_when);
            }
            Event::Answered { status: None, .. } => {}
            Event::Arrived(arrival) => {
                self.totals.arrivals += 1;
                self.totals.failed += u64::from(!arrival.is_taken());
                self.arrivals.entry(&arrival.id).or_default().push((at, arrival));
                self.arrived(arrival);
            }
        }
    }

    fn answered(&mut self, number: u64, status: u16, says_when: bool) {
        let is_forged = self.sent.get(&number).is_some_and(|sent| sent.is_forged);
        match status {
            200..=299 if is_forged => self.violations.push(Violation::ForgedAcknowledged { number }),
            200..=299 => {
                self.acknowledged.insert(number);
            }
            400..=499 if is_forged => self.totals.refused += 1,
            503 => {
                self.totals.held_up += 1;
                if !says_when {
                    self.violations.push(Violation::SaysNotWhen { number });
                }
            }
            _ => self.violations.push(Violation::StrangeAnswer { number, status }),
        }
    }

    /// What arrives is what was sent, at a place that wants it.
    fn arrived(&mut self, arrival: &'h Arrival) {
        let Arrival { destination, ref id, .. } = *arrival;
        if !arrival.is_signed {
            self.violations.push(Violation::NotSigned { id: id.clone(), destination });
        }
        let Some(sent) = arrival.number.and_then(|number| self.sent.get(&number)).copied() else {
            self.violations.push(Violation::Invented { id: id.clone() });
            return;
        };
        if sent.is_forged {
            self.violations.push(Violation::ForgedPassedOn { id: id.clone(), number: sent.number });
        }
        let event = sent.events.iter().find(|event| event.name == arrival.event_type);
        if !event.is_some_and(|event| destination.wants(sent.studio, *event)) {
            self.violations.push(Violation::NotWanted { id: id.clone(), destination });
        }
        let expected = source_of(sent);
        if arrival.source != expected {
            let source_name = arrival.source.clone();
            self.violations.push(Violation::WrongSource { id: id.clone(), source_name, expected });
        }
        let place = (sent.number, arrival.event_type.as_str(), destination);
        let seen = self.places.entry(place).or_default();
        seen.ids.insert(id);
        seen.is_taken |= arrival.is_taken();
    }

    fn acknowledged(&mut self, number: u64) {
        let Some(sent) = self.sent.get(&number).copied() else { return };
        let is_of_it = |row: &&Row| row.number == Some(number) && row.destination.is_none();
        // What is published goes to its subscribers at once.
        let is_published = sent.platform == API;
        self.totals.published += u64::from(is_published);
        if !is_published && !self.history.rows.iter().any(|row| is_of_it(&row)) {
            self.violations.push(Violation::NotLogged { number });
        }
        for event in sent.events {
            for destination in Recipient::ALL.into_iter().filter(|to| to.wants(sent.studio, *event)) {
                self.totals.wanted += 1;
                let seen = self.places.get(&(number, event.name, destination));
                if !seen.is_some_and(|seen| seen.is_taken) {
                    self.violations.push(Violation::Lost { number, event: event.name, destination });
                }
            }
        }
    }

    fn doubled(&mut self) {
        for ((number, event, destination), Seen { ids, .. }) in &self.places {
            let told = self.sent.get(number).is_none_or(|sent| sent.tells_repeats);
            let allowed = if told { 1 } else { self.asked.get(number).copied().unwrap_or(0) };
            if ids.len() > allowed {
                let (number, event, destination, ids) =
                    (*number, (*event).to_owned(), *destination, ids.len());
                self.violations.push(Violation::Doubled { number, event, destination, ids, allowed });
            }
        }
    }

    /// All arrivals of one delivery are equal, and in the log.
    fn delivery(&mut self, id: &str, arrivals: &[Placed<'_>]) {
        let same = |one: &Arrival, other: &Arrival| {
            (one.destination, one.digest, one.number) == (other.destination, other.digest, other.number)
        };
        if arrivals.windows(2).any(|pair| matches!(pair, [(_, one), (_, other)] if !same(one, other))) {
            self.violations.push(Violation::Changed { id: id.to_owned() });
        }
        let Some(row) = self.rows.get(id) else {
            self.violations.push(Violation::ArrivedUnlogged { id: id.to_owned() });
            return;
        };
        let taken = arrivals.iter().filter(|(_, arrival)| arrival.is_taken()).count();
        let Row { sends, taken: logged, lost, .. } = **row;
        // An answer that its process did not live to hear is logged as lost.
        if arrivals.len() > sends as usize || logged > taken || taken > logged + lost {
            let (id, arrivals) = (id.to_owned(), arrivals.len());
            self.violations.push(Violation::LogWrong { id, arrivals, taken, sends, logged });
        }
    }

    /// What came again after it was taken, by the kill before it.
    fn duplicates(&mut self) {
        let mut by_kill: BTreeMap<usize, u64> = BTreeMap::new();
        for (id, arrivals) in &self.arrivals {
            for pair in arrivals.windows(2) {
                let [(taken_at, taken), (next_at, _)] = pair else { continue };
                if !taken.is_taken() {
                    continue;
                }
                match self.kills.iter().find(|kill| *taken_at < **kill && **kill < *next_at) {
                    Some(kill) => *by_kill.entry(*kill).or_default() += 1,
                    None => self.violations.push(Violation::DuplicateWithoutCause { id: (*id).to_owned() }),
                }
            }
        }
        for duplicates in by_kill.into_values() {
            self.totals.duplicates += duplicates;
            if duplicates > MAX_IN_FLIGHT {
                self.violations.push(Violation::TooManyDuplicates { duplicates, allowed: MAX_IN_FLIGHT });
            }
        }
    }

    /// Nothing waits in the end, nothing was given up, and nothing is in the log that nobody sent.
    fn row(&mut self, row: &Row) {
        if row.state != State::Delivered {
            self.violations.push(Violation::NotDelivered { id: row.id.clone(), state: row.state });
        }
        match row.number.and_then(|number| self.sent.get(&number)) {
            None => self.violations.push(Violation::Invented { id: row.id.clone() }),
            Some(sent) if sent.is_forged => {
                let number = sent.number;
                self.violations.push(Violation::ForgedPassedOn { id: row.id.clone(), number });
            }
            Some(_) => {}
        }
        if row.destination.is_some() && row.state == State::Delivered && !self.arrivals.contains_key(&*row.id)
        {
            let (id, sends, logged) = (row.id.clone(), row.sends, row.taken);
            self.violations.push(Violation::LogWrong { id, arrivals: 0, taken: 0, sends, logged });
        }
    }
}

/// The `source` of what this studio's requests become.
fn source_of(sent: &Sent) -> String {
    if sent.platform == API {
        return String::new();
    }
    let studio = if sent.studio == "köln süd" { "k%C3%B6ln%20s%C3%BCd" } else { sent.studio };
    format!("/gymhook/{}/{studio}", sent.platform)
}
