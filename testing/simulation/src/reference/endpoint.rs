//! One endpoint by the documents: what may be sent to it, and what each attempt's end means for it.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use gymhook_delivery::{
    BreakerState, DeliveryId, DeliveryRecord, DeliveryState, DisableReason, EndpointChange, EndpointId,
    EndpointRecord, EndpointStatus, LeaseEpoch,
};
use time::UtcDateTime;

use crate::at::At;
use crate::settings::{BreakerRule, RateLimit, Settings};

/// What waits, by when it is due and then by age.
pub(super) type Lane = BTreeSet<(At, u64, DeliveryId)>;

#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) settings: Settings,
    pub(super) lease: LeaseEpoch,
    pub(super) record: EndpointRecord,
    pub(super) in_flight: BTreeSet<DeliveryId>,
    pub(super) first_attempts: Lane,
    pub(super) retries: Lane,
    /// Test events, for which neither its health nor its order counts.
    pub(super) tests: Lane,
    pub(super) by_age: BTreeSet<(u64, DeliveryId)>,
    pub(super) last_was_retry: Option<bool>,
    /// Its place among those that have something to send.
    pub(super) turns: Turns,
    /// Its place among those that have a retry to send, where there is a retry budget.
    pub(super) retry_turns: Turns,
}

/// How an endpoint fares in a queue, in numbers of turns.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    /// Since when it has queued all the time.
    since: Option<u64>,
    /// When its latest turns were, the latest last.
    had: VecDeque<u64>,
}

/// What an attempt's end says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Success,
    Refusal,
    Failure,
    AskedToWait(At),
    Gone,
    Nothing,
}

impl Endpoint {
    pub(super) fn new(record: EndpointRecord, settings: Settings, lease: LeaseEpoch) -> Self {
        Self {
            settings,
            lease,
            record,
            in_flight: BTreeSet::new(),
            first_attempts: BTreeSet::new(),
            retries: BTreeSet::new(),
            tests: BTreeSet::new(),
            by_age: BTreeSet::new(),
            last_was_retry: None,
            turns: Turns::default(),
            retry_turns: Turns::default(),
        }
    }

    /// Under a new owner: no probe of its own is under way, and its capacity is to be felt out again.
    pub(super) fn taken_over(mut record: EndpointRecord, settings: Settings, lease: LeaseEpoch) -> Self {
        record.allowance = 1;
        if let BreakerState::HalfOpen { probes_failed } = record.breaker {
            record.breaker = BreakerState::Open { until: UtcDateTime::MIN, probes_failed };
        }
        Self::new(record, settings, lease)
    }

    pub(super) const fn id(&self) -> EndpointId {
        self.record.id
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.record.status == EndpointStatus::Enabled
    }

    fn most_in_flight(&self) -> u32 {
        if self.settings.ordered { 1 } else { self.settings.max_in_flight.get() }
    }

    /// How many attempts may be under way now.
    pub(super) fn room(&self, share: u32) -> usize {
        self.record.allowance.min(self.most_in_flight()).min(share).try_into().unwrap_or(usize::MAX)
    }

    /// From when its breaker, its wish and its rate let an attempt through; `None` while a probe is under way.
    pub(super) fn lets_through_from(&self) -> Option<At> {
        let breaker = match self.record.breaker {
            BreakerState::Closed { .. } => At::nanos(i64::MIN),
            BreakerState::Open { until, .. } => At::of(until),
            BreakerState::HalfOpen { .. } => return None,
        };
        let held = self.record.held_until.map(At::of);
        Some(held.into_iter().chain(self.token_from()).fold(breaker, At::max))
    }

    /// From when an attempt may begin, if nothing else happens.
    pub(super) fn open_from(&self, share: u32) -> Option<At> {
        if !self.is_enabled() || self.in_flight.len() >= self.room(share) {
            return None;
        }
        self.lets_through_from()
    }

    /// How many attempts may be under way when a test event's begins.
    pub(super) fn room_for_test(&self, share: u32) -> usize {
        self.most_in_flight().min(share).try_into().unwrap_or(usize::MAX)
    }

    /// From when a test event may go out, if nothing else happens.
    pub(super) fn test_from(&self, share: u32) -> Option<At> {
        let due = self.tests.first().map(|(due, ..)| *due)?;
        (self.in_flight.len() < self.room_for_test(share))
            .then(|| self.token_from().map_or(due, |at| due.max(at)))
    }

    /// When its rate has a token, if it has a rate.
    pub(super) fn token_from(&self) -> Option<At> {
        self.settings.rate.and_then(|rate| Some(rate.allows_from(At::of(self.record.bucket_full_at?))))
    }

    /// When the next first attempt and the next retry are due; of an ordered endpoint only the oldest counts, of which
    /// `oldest` tells whether it is a retry and when it is due.
    pub(super) fn heads(
        &self,
        oldest: impl Fn(DeliveryId) -> Option<(bool, At)>,
    ) -> (Option<At>, Option<At>) {
        if !self.settings.ordered {
            let due = |lane: &Lane| lane.first().map(|(due, ..)| *due);
            return (due(&self.first_attempts), due(&self.retries));
        }
        match self.by_age.first().and_then(|(_, id)| oldest(*id)) {
            Some((true, due)) => (None, Some(due)),
            Some((false, due)) => (Some(due), None),
            None => (None, None),
        }
    }

    /// Files a delivery where its state puts it.
    pub(super) fn file(&mut self, record: &DeliveryRecord) {
        match record.state {
            DeliveryState::Waiting { due } => {
                self.lane(record).insert((At::of(due), record.sequence, record.id));
                if !record.test {
                    self.by_age.insert((record.sequence, record.id));
                }
            }
            DeliveryState::InFlight { .. } => {
                self.in_flight.insert(record.id);
            }
            DeliveryState::Finished { .. } => {}
        }
    }

    /// Takes a delivery out of where its state had put it.
    pub(super) fn unfile(&mut self, record: &DeliveryRecord) {
        match record.state {
            DeliveryState::Waiting { due } => {
                self.lane(record).remove(&(At::of(due), record.sequence, record.id));
                self.by_age.remove(&(record.sequence, record.id));
            }
            DeliveryState::InFlight { .. } => {
                self.in_flight.remove(&record.id);
            }
            DeliveryState::Finished { .. } => {}
        }
    }

    const fn lane(&mut self, record: &DeliveryRecord) -> &mut Lane {
        match (record.test, record.attempt.is_retry()) {
            (true, _) => &mut self.tests,
            (false, true) => &mut self.retries,
            (false, false) => &mut self.first_attempts,
        }
    }

    /// An attempt begins; returns whether it is the breaker's probe.
    pub(super) fn begin(&mut self, test: bool, now: At) -> bool {
        if let Some(rate) = self.settings.rate {
            let full = self.record.bucket_full_at.map_or(At::nanos(i64::MIN), At::of);
            self.record.bucket_full_at = Some(full.max(now.not_before()).after(rate.interval()).utc());
        }
        let BreakerState::Open { probes_failed, .. } = self.record.breaker else { return false };
        if test {
            return false;
        }
        self.record.breaker = BreakerState::HalfOpen { probes_failed };
        true
    }

    /// An attempt ended; returns what changed. `gave_up` says whether its delivery was given up for it.
    pub(super) fn ended(
        &mut self,
        sign: Sign,
        probe: bool,
        gave_up: bool,
        test: bool,
        now: At,
    ) -> Vec<EndpointChange> {
        let mut changes = Vec::new();
        if test {
            return changes;
        }
        match sign {
            Sign::Success => self.record.allowance = (self.record.allowance + 1).min(self.most_in_flight()),
            Sign::Failure | Sign::AskedToWait(_) => {
                self.record.allowance = (self.record.allowance / 2).max(1)
            }
            Sign::Refusal | Sign::Gone | Sign::Nothing => {}
        }
        changes.extend(self.move_breaker(sign, probe, now));
        if let Sign::AskedToWait(until) = sign
            && self.record.held_until.is_none_or(|held| At::of(held) < until)
        {
            self.record.held_until = Some(until.utc());
            changes.push(EndpointChange::HeldBack { until: until.utc() });
        }
        if sign == Sign::Gone {
            changes.extend(self.disable(DisableReason::Gone, now));
        }
        self.count(sign, gave_up, now, &mut changes);
        changes
    }

    fn move_breaker(&mut self, sign: Sign, probe: bool, now: At) -> Option<EndpointChange> {
        let Some(rule) = self.settings.breaker else {
            self.record.breaker = BreakerState::Closed { failed: 0 };
            return None;
        };
        let there = matches!(sign, Sign::Success | Sign::Refusal);
        match self.record.breaker {
            BreakerState::Closed { .. } if there => self.record.breaker = BreakerState::Closed { failed: 0 },
            BreakerState::Closed { failed } if sign == Sign::Failure => {
                if failed + 1 >= rule.trips_after.get() {
                    return Some(self.open_breaker(rule, 0, now));
                }
                self.record.breaker = BreakerState::Closed { failed: failed + 1 };
            }
            BreakerState::HalfOpen { probes_failed } if probe => match sign {
                Sign::Failure => return Some(self.open_breaker(rule, probes_failed + 1, now)),
                Sign::Nothing => return Some(self.open_breaker(rule, probes_failed, now)),
                Sign::Success | Sign::Refusal | Sign::AskedToWait(_) | Sign::Gone => {
                    self.record.breaker = BreakerState::Closed { failed: 0 };
                    self.record.allowance = 1;
                    return Some(EndpointChange::BreakerClosed);
                }
            },
            BreakerState::Closed { .. } | BreakerState::Open { .. } | BreakerState::HalfOpen { .. } => {}
        }
        None
    }

    fn open_breaker(&mut self, rule: BreakerRule, probes_failed: u32, now: At) -> EndpointChange {
        let until = now.not_before().after(rule.pause(probes_failed)).utc();
        self.record.breaker = BreakerState::Open { until, probes_failed };
        EndpointChange::BreakerOpened { until }
    }

    fn count(&mut self, sign: Sign, gave_up: bool, now: At, changes: &mut Vec<EndpointChange>) {
        match sign {
            Sign::Nothing => {}
            Sign::Success => {
                if self.record.failing_since.is_some() || self.record.failed_in_a_row > 0 {
                    self.forget_failures();
                    changes.push(EndpointChange::Recovered);
                }
            }
            Sign::Refusal | Sign::Failure | Sign::AskedToWait(_) | Sign::Gone => {
                if self.record.failing_since.is_none() {
                    self.record.failing_since = Some(now.reached().utc());
                    changes.push(EndpointChange::StartedFailing);
                }
                if gave_up {
                    self.record.failed_in_a_row += 1;
                    changes.push(EndpointChange::DeliveryFailed { in_a_row: self.record.failed_in_a_row });
                }
                if self.is_enabled() {
                    self.warn_or_disable(now, changes);
                }
            }
        }
    }

    fn warn_or_disable(&mut self, now: At, changes: &mut Vec<EndpointChange>) {
        let failing_for =
            self.record.failing_since.map_or(0, |since| now.reached().since(At::of(since)).max(0));
        let failed = self.record.failed_in_a_row;
        if self.settings.disable_after.is_some_and(|limit| failed >= limit.get()) {
            changes.extend(self.disable(DisableReason::FailedInARow { deliveries: failed }, now));
            return;
        }
        let span = Duration::from_nanos(failing_for.unsigned_abs());
        if self.settings.disable_failing_for.is_some_and(|limit| span >= limit) {
            changes.extend(self.disable(DisableReason::FailingFor { span }, now));
            return;
        }
        let percent = |part: u128, whole: u128| (part * 100).checked_div(whole).unwrap_or(100);
        let by_count =
            self.settings.disable_after.map_or(0, |limit| percent(failed.into(), limit.get().into()));
        let by_span =
            self.settings.disable_failing_for.map_or(0, |limit| percent(span.as_nanos(), limit.as_nanos()));
        let reached = by_count.max(by_span);
        for stage in self.settings.warn_at_percent.iter().skip(self.record.warnings.into()) {
            if u128::from(*stage) > reached {
                break;
            }
            self.record.warnings += 1;
            changes.push(EndpointChange::Warned { percent: *stage });
        }
    }

    pub(super) fn disable(&mut self, reason: DisableReason, now: At) -> Option<EndpointChange> {
        if !self.is_enabled() {
            return None;
        }
        self.record.status = EndpointStatus::Disabled { reason, since: now.reached().utc() };
        Some(EndpointChange::Disabled { reason })
    }

    pub(super) fn enable(&mut self, now: At) -> Option<EndpointChange> {
        if self.is_enabled() {
            return None;
        }
        self.record.status = EndpointStatus::Enabled;
        self.record.allowance = 1;
        self.forget_failures();
        if self.settings.breaker.is_some() && !matches!(self.record.breaker, BreakerState::HalfOpen { .. }) {
            self.record.breaker = BreakerState::Open { until: now.reached().utc(), probes_failed: 0 };
        }
        Some(EndpointChange::Enabled)
    }

    pub(super) fn retune(&mut self, settings: Settings) {
        self.settings = settings;
        self.queues_anew();
        if self.settings.breaker.is_none() {
            self.record.breaker = BreakerState::Closed { failed: 0 };
        }
    }

    /// Whatever is done to an endpoint may cost it its place.
    pub(super) const fn queues_anew(&mut self) {
        self.turns.since = None;
        self.retry_turns.since = None;
    }

    const fn forget_failures(&mut self) {
        self.record.failed_in_a_row = 0;
        self.record.failing_since = None;
        self.record.warnings = 0;
    }
}

impl Turns {
    /// The number of turns that are remembered.
    const MEMORY: usize = 16;

    /// When the turn before its last `count` ones was.
    pub(super) fn before_last(&self, count: usize) -> Option<u64> {
        self.had.len().checked_sub(count).and_then(|at| self.had.get(at)).copied()
    }

    pub(super) fn has_queued_since(&self, turn: u64) -> bool {
        self.since.is_some_and(|since| since <= turn)
    }

    /// It is somebody's turn: its own, or that of another while it queues or does not.
    pub(super) fn pass(&mut self, turn: u64, queues: bool, is_mine: bool) {
        self.since = queues.then(|| self.since.unwrap_or(turn)).filter(|_| !is_mine);
        if is_mine {
            self.had.push_back(turn);
        }
        if self.had.len() > Self::MEMORY {
            self.had.pop_front();
        }
    }
}

impl RateLimit {
    /// How far apart attempts are: whole microseconds, rounded up.
    fn interval(self) -> Duration {
        let nanos = self.per.as_nanos().div_ceil(self.attempts.get().into());
        Duration::from_micros(u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX))
    }

    /// When the bucket has a token again, given when it would be full.
    fn allows_from(self, full_at: At) -> At {
        let ahead = self.interval().saturating_mul(self.burst.get() - 1);
        full_at.shifted(-i64::try_from(ahead.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl BreakerRule {
    fn pause(self, probes_failed: u32) -> Duration {
        let doubled = (0..probes_failed.min(40)).fold(self.open_for, |pause, _| pause.saturating_mul(2));
        doubled.min(self.open_for_max.max(self.open_for))
    }
}
