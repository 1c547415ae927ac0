//! `RetryPolicy`: schedule, jitter, anchor, time limits, and `decide`, which makes a `Decision` of an outcome.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use time::UtcDateTime;

use crate::jitter::Spread;
use crate::time_math::{elapsed, later};
use crate::{AttemptNumber, Classify, Decision, GiveUp, Jitter, Outcome, Preview, RetrySchedule, Verdict};

/// When a delivery is attempted again, and when it is given up.
///
/// A value without a clock, a random source or state: [`RetryPolicy::decide`] is a function of its arguments, so it
/// gives the same answer after a restart and on another machine. Presets exist for each platform, see
/// [`RetryPolicy::gympoint`] and the others.
///
/// ```
/// use core::time::Duration;
/// use gymhook_retry::{AttemptNumber, Decision, Fault, Outcome, RetryPolicy, RetrySchedule, draw};
/// use time::macros::utc_datetime;
///
/// let policy = RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(600), 3));
/// let now = utc_datetime!(2026-01-01 12:00);
/// let outcome = Outcome::Failure(Fault::Timeout);
/// let draw = draw("dlv_01", AttemptNumber::FIRST);
///
/// let decision = policy.decide(AttemptNumber::FIRST, None, &outcome, draw, now);
/// let Decision::RetryAt { at, attempt, .. } = decision else { panic!("three retries are left") };
/// assert_eq!((at, attempt.get()), (utc_datetime!(2026-01-01 12:10), 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    schedule: RetrySchedule,
    anchor: Anchor,
    jitter: Jitter,
    classify: Classify,
    retry_after_max: Duration,
    attempt_timeout: Duration,
    own_fault_delay: Duration,
    #[serde(default = "default_lost_delay")]
    lost_delay: Duration,
}

/// From when a delay counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Anchor {
    /// From the end of the attempt that failed.
    #[default]
    FailedAttempt,
    /// From the end of the first attempt that failed, however long the later ones took.
    ///
    /// The entries of a [`fixed`](RetrySchedule::fixed) schedule are then offsets from that time; a constant or exponential
    /// one keeps its rhythm from there. What is overdue is due at once, and no wait is longer than with
    /// [`Anchor::FailedAttempt`].
    FirstFailure,
}

impl RetryPolicy {
    /// How long a `Retry-After` is honoured by default: 24 hours (not standardised: our default).
    pub const DEFAULT_RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

    /// The default attempt timeout: 30 s, the upper end of what Standard Webhooks ("Request timeouts")
    /// recommends.
    pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

    /// The default delay after an internal fault: 10 s (our default).
    pub const DEFAULT_OWN_FAULT_DELAY: Duration = Duration::from_secs(10);

    /// The default maximum delay after a first attempt that was lost: 5 s (our default).
    pub const DEFAULT_LOST_DELAY: Duration = Duration::from_secs(5);

    /// A policy with this schedule: delays count from the failed attempt, no jitter, the default [`Classify`].
    #[must_use]
    pub const fn new(schedule: RetrySchedule) -> Self {
        Self::classifying(schedule, Classify::new())
    }

    // `with_classify` drops a table, which no constant function may.
    pub(crate) const fn classifying(schedule: RetrySchedule, classify: Classify) -> Self {
        Self {
            schedule,
            anchor: Anchor::FailedAttempt,
            jitter: Jitter::None,
            classify,
            retry_after_max: Self::DEFAULT_RETRY_AFTER_MAX,
            attempt_timeout: Self::DEFAULT_ATTEMPT_TIMEOUT,
            own_fault_delay: Self::DEFAULT_OWN_FAULT_DELAY,
            lost_delay: Self::DEFAULT_LOST_DELAY,
        }
    }

    /// With another schedule.
    #[must_use]
    pub fn with_schedule(mut self, schedule: RetrySchedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// With delays that count from `anchor`.
    #[must_use]
    pub const fn with_anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    /// With another spread of the delays.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// With another table of verdicts.
    #[must_use]
    pub fn with_classify(mut self, classify: Classify) -> Self {
        self.classify = classify;
        self
    }

    /// With a `Retry-After` honoured for at most `max`; zero ignores it.
    #[must_use]
    pub const fn with_retry_after_max(mut self, max: Duration) -> Self {
        self.retry_after_max = max;
        self
    }

    /// With another attempt timeout. Only [`RetryPolicy::preview`] uses it here; drivers enforce it.
    #[must_use]
    pub const fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// With another delay after an internal fault; the policy's jitter applies to it.
    #[must_use]
    pub const fn with_own_fault_delay(mut self, delay: Duration) -> Self {
        self.own_fault_delay = delay;
        self
    }

    /// With another delay after an attempt that was lost ([`Outcome::Crashed`]).
    ///
    /// A crash of the sender says nothing about the endpoint, so the next attempt comes sooner than after a failure: after
    /// half of `delay` to all of it, whatever the policy's jitter, so that attempts that were in flight together do not return
    /// together. Each attempt doubles it, so that a body that crashes its process is not sent in a tight loop. It is never
    /// longer than the delay after a failure: [`Duration::MAX`] selects the schedule's own delay.
    #[must_use]
    pub const fn with_lost_delay(mut self, delay: Duration) -> Self {
        self.lost_delay = delay;
        self
    }

    /// The delays between attempts.
    #[must_use]
    pub const fn schedule(&self) -> &RetrySchedule {
        &self.schedule
    }

    /// From when delays count.
    #[must_use]
    pub const fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// How delays are spread.
    #[must_use]
    pub const fn jitter(&self) -> Jitter {
        self.jitter
    }

    /// What each outcome means.
    #[must_use]
    pub const fn classify(&self) -> &Classify {
        &self.classify
    }

    /// How long a `Retry-After` is honoured.
    #[must_use]
    pub const fn retry_after_max(&self) -> Duration {
        self.retry_after_max
    }

    /// The attempt timeout.
    #[must_use]
    pub const fn attempt_timeout(&self) -> Duration {
        self.attempt_timeout
    }

    /// The delay after an internal fault.
    #[must_use]
    pub const fn own_fault_delay(&self) -> Duration {
        self.own_fault_delay
    }

    /// The maximum delay after a first attempt that was lost.
    #[must_use]
    pub const fn lost_delay(&self) -> Duration {
        self.lost_delay
    }

    /// What happens next, now that attempt number `attempt` has ended at `now` with `outcome`.
    ///
    /// `first_failure` is when the delivery's first failed attempt of this round ended, `None` if this is the first
    /// failure; only [`Anchor::FirstFailure`] looks at it. `draw` spreads the wait, see [`draw`](crate::draw()).
    ///
    /// The delay before a retry is at least what a `Retry-After` asks, up to [`RetryPolicy::retry_after_max`], and never
    /// shorter because of it than the schedule says; jitter then only lengthens it. After an attempt that was lost it is
    /// shorter, see [`RetryPolicy::with_lost_delay`]. Allocates nothing.
    #[must_use]
    pub fn decide(
        &self,
        attempt: AttemptNumber,
        first_failure: Option<UtcDateTime>,
        outcome: &Outcome,
        draw: u64,
        now: UtcDateTime,
    ) -> Decision {
        let verdict = self.classify.verdict(outcome);
        let asked = outcome.retry_after().map_or(Duration::ZERO, |wish| wish.remaining(now));
        let floor = asked.min(self.retry_after_max);
        let hold_endpoint_until =
            (verdict == Verdict::Throttle && !floor.is_zero()).then(|| later(now, floor));
        match verdict {
            Verdict::Accept => Decision::Delivered,
            Verdict::Gone => Decision::EndpointGone,
            Verdict::Reject => Decision::Undeliverable { reason: GiveUp::Rejected, hold_endpoint_until },
            Verdict::OurFault => Decision::RetryAt {
                at: later(now, self.jitter.around(self.own_fault_delay).pick(draw)),
                attempt,
                charged: false,
                hold_endpoint_until,
            },
            Verdict::Retry | Verdict::Throttle => {
                let passed = first_failure.map_or(Duration::ZERO, |first| elapsed(first, now));
                match self.spread_after(attempt, passed) {
                    None => Decision::Undeliverable { reason: GiveUp::Exhausted, hold_endpoint_until },
                    Some(spread) => Decision::RetryAt {
                        at: later(
                            now,
                            self.after_loss(
                                attempt,
                                outcome,
                                draw,
                                self.no_sooner_than(floor, spread).pick(draw),
                            ),
                        ),
                        attempt: attempt.next(),
                        charged: true,
                        hold_endpoint_until,
                    },
                }
            }
        }
    }

    /// Every attempt with its earliest and latest time, if the first one starts at `start` and all fail.
    #[must_use]
    pub fn preview(&self, start: UtcDateTime) -> Preview<'_> {
        Preview::new(self, start)
    }

    /// The waits after attempt `failed`, of which the first failure lies `passed` back, without a `Retry-After`.
    pub(crate) fn spread_after(&self, failed: AttemptNumber, passed: Duration) -> Option<Spread> {
        let spread = self.jitter.spread(&self.schedule, failed)?;
        Some(match self.anchor {
            Anchor::FailedAttempt => spread,
            Anchor::FirstFailure => spread.anchored(self.schedule.lead_before(failed), passed),
        })
    }

    /// The wait when it is `scheduled` after a failure: a loss waits no longer than that.
    fn after_loss(
        &self,
        attempt: AttemptNumber,
        outcome: &Outcome,
        draw: u64,
        scheduled: Duration,
    ) -> Duration {
        if *outcome != Outcome::Crashed {
            return scheduled;
        }
        let doubled = 1_u32.checked_shl(attempt.predecessors()).unwrap_or(u32::MAX);
        let soon = Jitter::Equal.around(self.lost_delay.saturating_mul(doubled));
        soon.pick(draw).min(scheduled)
    }

    /// The waits when the endpoint asked for at least `floor`: above it, within the cap that then applies.
    pub(crate) fn no_sooner_than(&self, floor: Duration, spread: Spread) -> Spread {
        let ceiling = match self.schedule.cap() {
            Some(cap) if floor <= cap => cap,
            Some(_) | None => self.retry_after_max.max(spread.longest()),
        };
        spread.raised(floor, ceiling)
    }
}

const fn default_lost_delay() -> Duration {
    RetryPolicy::DEFAULT_LOST_DELAY
}
