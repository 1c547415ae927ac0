//! `Endpoint`: one endpoint's health, and whether, and how much, may be sent to it now: breaker, allowance, rate,
//! warnings and auto-disable.

use time::UtcDateTime;

use crate::breaker::Breaker;
use crate::clock::Now;
use crate::endpoint_signal::{AttemptEnd, EndpointSignal};
use crate::gate::Gate;
use crate::timestamp::Timestamp;
use crate::{
    BreakerState, DisableReason, EndpointChange, EndpointId, EndpointPolicy, EndpointRecord, EndpointStatus,
};
use crate::{LeaseEpoch, Limits};

/// One endpoint: its policy, its health, and its attempts in flight.
///
/// ```text
///                    disable, gone, auto-disable
///    ┌─────────┐ ────────────────────────────────▶ ┌──────────┐
///    │ enabled │                                   │ disabled │  nothing is sent, everything is kept
///    └─────────┘ ◀──────────────────────────────── └──────────┘
///         │           enable: through a probe
///         │           if there is a breaker
///         │  while enabled:
///         ▼             n failed attempts in a row
///     ┌────────┐ ──────────────────────────────────▶ ┌──────┐ ◀──────┐
///     │ closed │                                     │ open │        │ the probe failed: twice as long;
///     └────────┘ ◀────────── the probe was answered  └──────┘        │ nobody knows, or our fault: as long
///                                        │              │ time is up │
///                                  ┌───────────┐        │            │
///                                  │ half open │ ◀──────┘            │
///                                  │ one probe │ ────────────────────┘
///                                  └───────────┘
/// ```
///
/// | breaker × attempt's end | succeeded | refused by an answer | gone | asked to wait | failed | fault of ours, lost |
/// |---|---|---|---|---|---|---|
/// | closed | failures in a row: 0 | failures in a row: 0 | – | – | one more in a row, open at the limit | – |
/// | open, attempt from before | – | – | – | – | – | – |
/// | half open, attempt from before | – | – | – | – | – | – |
/// | half open, the probe | closed | closed | closed | closed | open, twice as long | open, as long as before |
/// | allowance, whatever the breaker | one more | – | – | halved | halved | – |
///
/// The allowance is the number of attempts that may be in flight: it begins with one and stays between one and the
/// policy's limit; for a healthy endpoint it doubles with each round trip. It is reset when the breaker closes, when the
/// endpoint is enabled and when another owner takes it over. A new owner has no probe in flight: it treats a half-open
/// breaker as open, with its time elapsed. A policy without a breaker closes it.
///
/// A `Retry-After` on a 429 or 503 holds back everything until then, whatever the breaker says.
///
/// Test events ignore all of this: they are sent while the endpoint is disabled, held back or its breaker open, so that it
/// can be tested before it is enabled, and their outcome changes nothing here. Only the policy's limits on attempts in flight
/// and on their rate apply to them as well.
#[derive(Clone, Debug)]
pub struct Endpoint {
    id: EndpointId,
    policy: EndpointPolicy,
    lease: LeaseEpoch,
    status: EndpointStatus,
    breaker: Breaker,
    allowance: u32,
    in_flight: u32,
    held_until: Timestamp,
    /// When the token bucket would be full again if nothing more were sent.
    bucket_full_at: Timestamp,
    failed_in_a_row: u32,
    failing_since: Option<Timestamp>,
    warnings: u8,
}

impl Endpoint {
    pub(crate) fn new(id: EndpointId, policy: EndpointPolicy, lease: LeaseEpoch) -> Self {
        Self {
            id,
            policy,
            lease,
            status: EndpointStatus::Enabled,
            breaker: Breaker::closed(),
            allowance: 1,
            in_flight: 0,
            held_until: Timestamp::START,
            bucket_full_at: Timestamp::START,
            failed_in_a_row: 0,
            failing_since: None,
            warnings: 0,
        }
    }

    pub(crate) fn from_record(record: &EndpointRecord, policy: EndpointPolicy, lease: LeaseEpoch) -> Self {
        Self {
            status: record.status,
            breaker: Breaker::from_state(record.breaker),
            allowance: record.allowance,
            held_until: record.held_until.map_or(Timestamp::START, Timestamp::ceil),
            bucket_full_at: record.bucket_full_at.map_or(Timestamp::START, Timestamp::ceil),
            failed_in_a_row: record.failed_in_a_row,
            failing_since: record.failing_since.map(Timestamp::floor),
            warnings: record.warnings,
            ..Self::new(record.id, policy, lease)
        }
    }

    /// Restored from a record for a new owner, which does not know the endpoint's capacity and begins with an allowance of one,
    /// and which has no probe in flight.
    pub(crate) fn taken_over(record: &EndpointRecord, policy: EndpointPolicy, lease: LeaseEpoch) -> Self {
        let mut endpoint = Self::from_record(record, policy, lease);
        endpoint.allowance = 1;
        endpoint.breaker.forget_probe();
        endpoint
    }

    /// An attempt begins. Returns whether it is the breaker's probe.
    pub(crate) fn attempt_begins(&mut self, test: bool, now: Now) -> bool {
        self.in_flight = self.in_flight.saturating_add(1);
        if let Some(rate) = self.policy.rate() {
            self.bucket_full_at = self.bucket_full_at.max(now.waits_from).plus_micros(rate.interval_micros());
        }
        !test && self.breaker.attempt_begins()
    }

    /// An attempt was in flight when this endpoint's state was recorded, and is again.
    pub(crate) const fn attempt_resumes(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// An attempt ended. The resulting changes of the endpoint are pushed to `changes`.
    pub(crate) fn attempt_ended(&mut self, end: AttemptEnd<'_>, now: Now, changes: &mut Vec<EndpointChange>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if end.test {
            return;
        }
        let signal = EndpointSignal::of(&end);
        self.adapt_allowance(signal);
        self.move_breaker(signal, end.probe, now, changes);
        if let EndpointSignal::AskedToWait(until) = signal
            && until > self.held_until
        {
            self.held_until = until;
            changes.push(EndpointChange::HeldBack { until: until.to_utc() });
        }
        if signal == EndpointSignal::Gone {
            self.disable(DisableReason::Gone, now, changes);
        }
        self.count(signal, end.gave_up, now, changes);
    }

    fn adapt_allowance(&mut self, signal: EndpointSignal) {
        match signal {
            EndpointSignal::Success => {
                let limit = self.policy.max_in_flight().get();
                self.allowance = self.allowance.saturating_add(1).min(limit);
            }
            EndpointSignal::Failure | EndpointSignal::AskedToWait(_) => {
                self.allowance = (self.allowance / 2).max(1)
            }
            EndpointSignal::Refusal | EndpointSignal::Gone | EndpointSignal::Nothing => {}
        }
    }

    fn move_breaker(
        &mut self,
        signal: EndpointSignal,
        probe: bool,
        now: Now,
        changes: &mut Vec<EndpointChange>,
    ) {
        let Some(policy) = self.policy.breaker() else {
            self.breaker = Breaker::closed();
            return;
        };
        let change = match signal {
            EndpointSignal::Success | EndpointSignal::Refusal => self.breaker.answered(probe),
            EndpointSignal::AskedToWait(_) | EndpointSignal::Gone if probe => self.breaker.answered(probe),
            EndpointSignal::AskedToWait(_) | EndpointSignal::Gone => None,
            EndpointSignal::Failure => self.breaker.failed(probe, policy, now),
            EndpointSignal::Nothing => self.breaker.learned_nothing(probe, policy, now),
        };
        if change == Some(EndpointChange::BreakerClosed) {
            self.allowance = 1;
        }
        changes.extend(change);
    }

    fn count(&mut self, signal: EndpointSignal, gave_up: bool, now: Now, changes: &mut Vec<EndpointChange>) {
        if signal == EndpointSignal::Success {
            if self.failing_since.is_some() || self.failed_in_a_row > 0 {
                self.forget_failures();
                changes.push(EndpointChange::Recovered);
            }
        } else if signal.is_failure() {
            if self.failing_since.is_none() {
                self.failing_since = Some(now.reached);
                changes.push(EndpointChange::StartedFailing);
            }
            if gave_up {
                self.failed_in_a_row = self.failed_in_a_row.saturating_add(1);
                changes.push(EndpointChange::DeliveryFailed { in_a_row: self.failed_in_a_row });
            }
            self.warn_or_disable(now, changes);
        }
    }

    fn warn_or_disable(&mut self, now: Now, changes: &mut Vec<EndpointChange>) {
        if self.status != EndpointStatus::Enabled {
            return;
        }
        let failing_for =
            self.failing_since.map_or(core::time::Duration::ZERO, |since| now.reached.since(since));
        let judgement = self.policy.auto_disable().judge(self.failed_in_a_row, failing_for);
        if judgement.by_count >= 100 {
            let deliveries = self.failed_in_a_row;
            return self.disable(DisableReason::FailedInARow { deliveries }, now, changes);
        }
        if judgement.by_span >= 100 {
            return self.disable(DisableReason::FailingFor { span: failing_for }, now, changes);
        }
        let reached = judgement.by_count.max(judgement.by_span);
        let stages = self.policy.auto_disable().warnings();
        let due =
            stages.iter().skip(self.warnings.into()).take_while(|percent| u64::from(**percent) <= reached);
        for percent in due {
            self.warnings = self.warnings.saturating_add(1);
            changes.push(EndpointChange::Warned { percent: *percent });
        }
    }

    /// Nothing is sent from now on. Does nothing if the endpoint is already disabled.
    pub(crate) fn disable(&mut self, reason: DisableReason, now: Now, changes: &mut Vec<EndpointChange>) {
        if self.status == EndpointStatus::Enabled {
            self.status = EndpointStatus::Disabled { reason, since: now.reached.to_utc() };
            changes.push(EndpointChange::Disabled { reason });
        }
    }

    /// Sending begins again, with one probe if there is a breaker. Does nothing if the endpoint is enabled.
    pub(crate) fn enable(&mut self, now: Now, changes: &mut Vec<EndpointChange>) {
        if self.status == EndpointStatus::Enabled {
            return;
        }
        self.status = EndpointStatus::Enabled;
        self.forget_failures();
        self.allowance = 1;
        if self.policy.breaker().is_some() {
            self.breaker.ask_for_probe(now.reached);
        }
        changes.push(EndpointChange::Enabled);
    }

    pub(crate) fn set_policy(&mut self, policy: EndpointPolicy) {
        self.policy = policy;
        if self.policy.breaker().is_none() {
            self.breaker = Breaker::closed();
        }
    }

    const fn forget_failures(&mut self) {
        self.failed_in_a_row = 0;
        self.failing_since = None;
        self.warnings = 0;
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> EndpointId {
        self.id
    }

    /// Its policy.
    #[must_use]
    pub const fn policy(&self) -> &EndpointPolicy {
        &self.policy
    }

    /// The lease that it is held under.
    #[must_use]
    pub const fn lease(&self) -> LeaseEpoch {
        self.lease
    }

    /// Whether it is enabled, and if not, since when and why.
    #[must_use]
    pub const fn status(&self) -> EndpointStatus {
        self.status
    }

    /// The state of its breaker.
    #[must_use]
    pub fn breaker(&self) -> BreakerState {
        self.breaker.state()
    }

    /// How many attempts to it are in flight.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many may be in flight now: the allowance, within its policy.
    #[must_use]
    pub fn allowance(&self) -> u32 {
        self.allowance.min(self.policy.max_in_flight().get())
    }

    /// Until when it asked for nothing to be sent, if it did.
    #[must_use]
    pub fn held_until(&self) -> Option<UtcDateTime> {
        (self.held_until != Timestamp::START).then(|| self.held_until.to_utc())
    }

    /// How many deliveries in a row were given up.
    #[must_use]
    pub const fn failed_in_a_row(&self) -> u32 {
        self.failed_in_a_row
    }

    /// Since when attempts fail and none succeeds, if that is so.
    #[must_use]
    pub fn failing_since(&self) -> Option<UtcDateTime> {
        self.failing_since.map(Timestamp::to_utc)
    }

    /// Everything about it that must outlive the process, as a record.
    #[must_use]
    pub fn record(&self) -> EndpointRecord {
        EndpointRecord {
            id: self.id,
            status: self.status,
            breaker: self.breaker.state(),
            allowance: self.allowance,
            held_until: self.held_until(),
            bucket_full_at: (self.bucket_full_at != Timestamp::START).then(|| self.bucket_full_at.to_utc()),
            failed_in_a_row: self.failed_in_a_row,
            failing_since: self.failing_since(),
            warnings: self.warnings,
        }
    }

    /// When an attempt may begin.
    pub(crate) fn gate(&self, limits: &Limits) -> Gate {
        if self.status != EndpointStatus::Enabled || self.is_at_capacity(limits) {
            return Gate::Shut;
        }
        match self.breaker.gate() {
            Gate::Shut => Gate::Shut,
            Gate::From(breaker) => Gate::From(breaker.max(self.held_until).max(self.next_token())),
        }
    }

    /// When the attempt of a test event may begin: whatever the endpoint's health, within the policy's limits.
    pub(crate) fn test_gate(&self, limits: &Limits) -> Gate {
        if self.in_flight >= self.policy.max_in_flight().min(limits.share()).get() {
            return Gate::Shut;
        }
        Gate::From(self.next_token())
    }

    /// Whether only the limit on attempts in flight keeps it from sending.
    pub(crate) fn is_only_busy(&self, limits: &Limits) -> bool {
        self.status == EndpointStatus::Enabled
            && self.is_at_capacity(limits)
            && self.breaker.gate() != Gate::Shut
    }

    /// Whether the maximum number of attempts is in flight.
    pub(crate) fn is_at_capacity(&self, limits: &Limits) -> bool {
        self.in_flight >= self.allowance().min(limits.share().get())
    }

    /// When the rate limit next allows an attempt.
    pub(crate) fn next_token(&self) -> Timestamp {
        self.policy
            .rate()
            .map_or(Timestamp::START, |rate| self.bucket_full_at.minus_micros(rate.tolerance_micros()))
    }

    pub(crate) const fn held_until_timestamp(&self) -> Timestamp {
        self.held_until
    }

    pub(crate) const fn breaker_gate(&self) -> Gate {
        self.breaker.gate()
    }
}
