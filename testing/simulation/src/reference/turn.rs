//! Whether an attempt may begin, whether it is this one's turn, and whether the machine may rest.

use gymhook_delivery::{
    Attempt, AttemptRef, DeliveryId, DeliveryRecord, DeliveryState, EndpointId, HeldBack, Record, Then,
};

use super::Reference;
use super::endpoint::{Endpoint, Turns};
use crate::at::At;
use crate::violation::{Promise, Violation};
use crate::words;

impl Reference {
    /// The machine recorded that an attempt begins.
    pub(super) fn begin(&mut self, found: DeliveryRecord) -> Result<(), Violation> {
        let Some(held) = self.deliveries.get(&found.id).copied() else {
            return Promise::SameIdentity
                .broken(|| format!("not held is {}", words::delivery_record(&found)));
        };
        let Some(endpoint) = self.endpoints.get(&held.endpoint) else {
            return Promise::SameIdentity
                .broken(|| format!("no endpoint for {}", words::delivery_record(&found)));
        };
        self.may_begin(&held, endpoint)?;
        self.is_its_turn(&held, endpoint)?;
        self.is_fair(&held, endpoint)?;
        self.take_turn(&held);
        self.apply_begin(held, found)
    }

    fn may_begin(&self, held: &DeliveryRecord, endpoint: &Endpoint) -> Result<(), Violation> {
        let now = self.now.reached();
        let due = match held.state {
            DeliveryState::Waiting { due } => At::of(due),
            DeliveryState::InFlight { .. } => {
                return Promise::InFlightLimit
                    .broken(|| format!("two attempts at once: {}", words::delivery_record(held)));
            }
            DeliveryState::Finished { .. } => {
                return Promise::OneTerminalRecord
                    .broken(|| format!("an attempt after the end: {}", words::delivery_record(held)));
            }
        };
        Promise::NothingToDisabled
            .require(endpoint.is_enabled() || held.test, || words::endpoint_record(&endpoint.record))?;
        Promise::AsDocumented.require(!self.draining, || {
            format!("an attempt begins while draining: {}", words::delivery_record(held))
        })?;
        Promise::InFlightLimit.require(self.has_slots(), || {
            format!("{} attempts are under way, {} may be", self.flights.len(), self.bounds.slots)
        })?;
        let share = self.bounds.share();
        let room = if held.test { endpoint.room_for_test(share) } else { endpoint.room(share) };
        Promise::InFlightLimit.require(endpoint.in_flight.len() < room, || {
            format!(
                "{} attempts are under way to {}, {room} may be",
                endpoint.in_flight.len(),
                words::endpoint(endpoint.id())
            )
        })?;
        Promise::NeverEarly.require(due <= now, || {
            format!("at {now} begins what is due at {due}: {}", words::delivery_record(held))
        })?;
        let lets_through =
            if held.test { Some(endpoint.token_from().unwrap_or(due)) } else { endpoint.lets_through_from() };
        match lets_through {
            None => Promise::InFlightLimit
                .broken(|| format!("a probe is under way to {}", words::endpoint(endpoint.id()))),
            Some(from) => Promise::NeverEarly.require(from <= now, || {
                format!("at {now} begins what may at {from}: {}", words::endpoint_record(&endpoint.record))
            }),
        }
    }

    fn is_its_turn(&self, held: &DeliveryRecord, endpoint: &Endpoint) -> Result<(), Violation> {
        let is_retry = held.attempt.is_retry();
        if held.test {
            let first = endpoint.tests.first().map(|(_, _, first)| *first);
            return Promise::Order.require(first == Some(held.id), || {
                format!("{} overtakes {:?}", words::delivery(held.id), first.map(words::delivery))
            });
        }
        if is_retry {
            Promise::RetryBudget
                .require(self.allows_retry(), || format!("the budget has no retry: {:?}", self.budget))?;
        }
        if endpoint.settings.ordered {
            let oldest = endpoint.by_age.first().map(|(_, id)| *id);
            return Promise::Order.require(oldest == Some(held.id), || {
                format!("{} overtakes {:?}", words::delivery(held.id), oldest.map(words::delivery))
            });
        }
        let lane = if is_retry { &endpoint.retries } else { &endpoint.first_attempts };
        Promise::Order.require(lane.first().is_some_and(|(_, _, first)| *first == held.id), || {
            let first = lane.first().map(|(_, _, first)| words::delivery(*first));
            format!("{} overtakes {first:?}", words::delivery(held.id))
        })?;
        let now = self.now.reached();
        let (first, retry) = endpoint.heads(|_| None);
        let is_due = |due: Option<At>| due.is_some_and(|due| due <= now);
        // A retry that would be its turn may have to leave the budget's last one to another endpoint.
        let is_alone = is_retry || self.budget.is_none();
        let both = is_due(first) && is_due(retry) && is_alone;
        Promise::Fairness.require(!both || endpoint.last_was_retry != Some(is_retry), || {
            format!("first attempts and retries do not alternate at {}", words::endpoint(endpoint.id()))
        })
    }

    /// No endpoint has many turns while another one waits for a single one; nor many retries out of the budget.
    fn is_fair(&self, held: &DeliveryRecord, endpoint: &Endpoint) -> Result<(), Violation> {
        let patience = 2 + self.endpoints.len().checked_ilog2().unwrap_or(0) as usize;
        let of_budget = self.budget.is_some() && held.attempt.is_retry();
        let passed_over = |other: &&Endpoint| {
            if other.id() == endpoint.id() {
                return false;
            }
            let is_passed = |mine: &Turns, theirs: &Turns| {
                mine.before_last(patience).is_some_and(|long_ago| theirs.has_queued_since(long_ago))
            };
            let all = is_passed(&endpoint.turns, &other.turns) && self.is_ready_for_any(other);
            let retries = is_passed(&endpoint.retry_turns, &other.retry_turns) && self.wants_retry(other);
            all || of_budget && retries
        };
        match self.endpoints.values().find(passed_over) {
            None => Ok(()),
            Some(other) => Promise::Fairness.broken(|| {
                let (mine, other) = (words::endpoint(endpoint.id()), words::endpoint(other.id()));
                format!("{mine} takes turn after turn while {other} has something to send")
            }),
        }
    }

    fn take_turn(&mut self, held: &DeliveryRecord) {
        let turn = self.turn;
        self.turn += 1;
        let of_budget = self.budget.is_some() && held.attempt.is_retry();
        let queues: Vec<(EndpointId, bool, bool)> = self
            .endpoints
            .values()
            .map(|endpoint| (endpoint.id(), self.is_ready_for_any(endpoint), self.wants_retry(endpoint)))
            .collect();
        for (id, is_ready, wants_retry) in queues {
            let Some(endpoint) = self.endpoints.get_mut(&id) else { continue };
            let is_mine = id == held.endpoint;
            endpoint.turns.pass(turn, is_ready, is_mine);
            endpoint.retry_turns.pass(turn, wants_retry, is_mine && of_budget);
        }
    }

    fn apply_begin(&mut self, held: DeliveryRecord, found: DeliveryRecord) -> Result<(), Violation> {
        let now = self.now;
        let token = self.token.take();
        let Some(endpoint) = self.endpoints.get_mut(&held.endpoint) else { return Ok(()) };
        let mut record = held;
        record.probe = endpoint.begin(held.test, now);
        record.sends = record.sends.saturating_add(1);
        if !held.test {
            endpoint.last_was_retry = Some(held.attempt.is_retry());
        }
        let deadline = now.reached().after(endpoint.settings.attempt_timeout).not_before();
        let lost_at = deadline.after(self.bounds.grace).not_before();
        record.state = DeliveryState::InFlight { lost_at: lost_at.utc(), then: Then::Decide };
        let right_token = endpoint.settings.rate.map(|_| endpoint.record);
        Promise::AsDocumented.require(token == right_token, || {
            format!("the token recorded was\n  {token:?}\n  and has to be\n  {right_token:?}")
        })?;
        self.begun = Some(Attempt {
            attempt: AttemptRef {
                delivery: record.id,
                endpoint: record.endpoint,
                send: record.sends,
                lease: endpoint.lease,
            },
            sequence: record.sequence,
            number: record.attempt,
            round: record.round,
            deadline: deadline.utc(),
            test: record.test,
            probe: record.probe,
        });
        self.hold(record);
        if let Some(budget) = &mut self.budget {
            if held.attempt.is_retry() { budget.retry() } else { budget.first_attempt() }
        }
        let is_counted =
            (found.attempt, found.sends, found.round) == (record.attempt, record.sends, record.round);
        let promise = if is_counted { Promise::SameIdentity } else { Promise::BoundedAttempts };
        promise.require(found == record, || {
            let (found, right) = (words::delivery_record(&found), words::delivery_record(&record));
            format!("recorded was\n  {found}\n  and has to be\n  {right}")
        })
    }

    /// The machine says that there is nothing to do until then.
    pub(super) fn rest(&self, until: Option<At>) -> Result<(), Violation> {
        if let Some(missing) = self.expected.first() {
            let promise = match missing {
                Record::LateAnswer(_) => Promise::OnlyTheAttemptUnderWay,
                Record::Delivery { .. } | Record::Endpoint { .. } => Promise::AsDocumented,
            };
            return promise.broken(|| format!("never recorded was {}", words::record(missing)));
        }
        Promise::RecordsFirst.require(self.begun.is_none() && self.token.is_none(), || {
            format!("recorded and never put out was {:?} {:?}", self.begun, self.token)
        })?;
        let now = self.now.reached();
        let next = self.next_event();
        Promise::NoLostWakeUp.require(next.is_none_or(|next| next > now), || {
            format!("the machine rests at {now}, and there is something to do:\n  {}", self.what_is_to_do())
        })?;
        let wakes_in_time = next.is_none_or(|next| until.is_some_and(|until| until <= next));
        Promise::NoLostWakeUp.require(wakes_in_time, || {
            let until = until.map_or_else(|| "something happens".to_owned(), |at| at.to_string());
            let next = next.map_or_else(|| "never".to_owned(), |at| at.to_string());
            format!("the machine rests until {until}, and has something to do at {next}")
        })?;
        Promise::NoLostWakeUp.require(until.is_none_or(|until| until > now), || {
            format!("the machine rests at {now} until {}: it never comes to rest", until.unwrap_or(now))
        })
    }

    /// The earliest moment at which the machine has something to do by itself.
    fn next_event(&self) -> Option<At> {
        let lost = self.flights.first().map(|(at, _)| *at);
        if self.draining || !self.has_slots() {
            return lost;
        }
        self.endpoints.values().filter_map(|endpoint| self.next_attempt(endpoint)).chain(lost).min()
    }

    fn next_attempt(&self, endpoint: &Endpoint) -> Option<At> {
        let test = endpoint.test_from(self.bounds.share());
        self.next_delivery(endpoint).into_iter().chain(test).min()
    }

    /// The same without test events.
    fn next_delivery(&self, endpoint: &Endpoint) -> Option<At> {
        let now = self.now.reached();
        let open_from = endpoint.open_from(self.bounds.share())?;
        let (first, retry) = endpoint.heads(|id| self.oldest(id));
        let first = first.map(|due| due.max(open_from));
        let retry = match retry.map(|due| due.max(open_from)) {
            Some(due) if due <= now && !self.allows_retry() => self.budget_allows_from(),
            retry => retry,
        };
        [first, retry].into_iter().flatten().min()
    }

    fn oldest(&self, id: DeliveryId) -> Option<(bool, At)> {
        let record = self.deliveries.get(&id)?;
        let DeliveryState::Waiting { due } = record.state else { return None };
        Some((record.attempt.is_retry(), At::of(due)))
    }

    fn is_ready(&self, endpoint: &Endpoint) -> bool {
        self.next_attempt(endpoint).is_some_and(|at| at <= self.now.reached())
    }

    /// Whether it has something to send for which it needs nothing but a turn.
    fn is_ready_for_any(&self, endpoint: &Endpoint) -> bool {
        let (first, retry) = self.due_now(endpoint);
        let test = endpoint.test_from(self.bounds.share()).is_some_and(|at| at <= self.now.reached());
        test || first || retry && self.budget.is_none()
    }

    fn wants_retry(&self, endpoint: &Endpoint) -> bool {
        self.due_now(endpoint).1
    }

    /// Whether a first attempt and a retry could go out now, if the retry budget is left aside.
    fn due_now(&self, endpoint: &Endpoint) -> (bool, bool) {
        let now = self.now.reached();
        if endpoint.open_from(self.bounds.share()).is_none_or(|from| from > now) {
            return (false, false);
        }
        let (first, retry) = endpoint.heads(|id| self.oldest(id));
        (first.is_some_and(|due| due <= now), retry.is_some_and(|due| due <= now))
    }

    fn has_slots(&self) -> bool {
        self.flights.len() < self.bounds.slots.try_into().unwrap_or(usize::MAX)
    }

    fn allows_retry(&self) -> bool {
        self.budget.as_ref().is_none_or(super::Budget::allows_retry)
    }

    fn budget_allows_from(&self) -> Option<At> {
        self.budget.as_ref().and_then(super::Budget::allows_from).map(At::not_before)
    }

    fn what_is_to_do(&self) -> String {
        let overdue = self.flights.first().filter(|(at, _)| *at <= self.now.reached());
        match self.endpoints.values().find(|endpoint| self.is_ready(endpoint)) {
            Some(endpoint) if overdue.is_none() => words::endpoint_record(&endpoint.record),
            _ => format!("the attempt of {overdue:?} is lost"),
        }
    }

    /// Whether `said` is what an endpoint's deliveries wait for, as far as the documents name one thing only.
    pub(crate) fn names_what_blocks(&self, id: EndpointId, said: Option<HeldBack>) -> Result<(), Violation> {
        let Some(endpoint) = self.endpoints.get(&id).filter(|endpoint| !endpoint.by_age.is_empty()) else {
            return Promise::Order
                .require(said.is_none(), || format!("nothing waits at {id}, blocked by {said:?}"));
        };
        let now = self.now.reached();
        let is_disabled = matches!(said, Some(HeldBack::Disabled { .. }));
        Promise::Order.require(is_disabled != endpoint.is_enabled(), || {
            format!("{:?} is said to be held back by {said:?}", endpoint.record)
        })?;
        let is_healthy = endpoint.lets_through_from().is_some_and(|from| from <= now);
        if !endpoint.settings.ordered || is_disabled || !is_healthy {
            return Ok(());
        }
        let oldest = endpoint
            .by_age
            .first()
            .map(|(_, id)| *id)
            .filter(|id| self.oldest(*id).is_some_and(|(_, due)| due > now));
        let blocker = endpoint.in_flight.first().copied().or(oldest);
        let named = match said {
            Some(HeldBack::Behind { delivery, .. }) => Some(delivery),
            _ => None,
        };
        let right = blocker == named || endpoint.in_flight.len() > 1 && named.is_some();
        Promise::Order.require(right, || format!("{blocker:?} blocks {id}, named was {said:?}"))
    }
}
