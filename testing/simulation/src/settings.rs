//! How an endpoint is to be treated, as plain numbers: the reference reckons with these, the machine gets the policy
//! that is built from them.

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_delivery::{AutoDisable, BreakerPolicy, EndpointPolicy, Rate};
use gymhook_retry::{Anchor, Classify, Jitter, RetryPolicy, RetrySchedule};

use crate::random::Random;

/// How an endpoint is to be treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) schedule: Schedule,
    pub(crate) from_first_failure: bool,
    pub(crate) jitter: Jitter,
    pub(crate) rejects_client_errors: bool,
    pub(crate) retry_after_max: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) own_fault_delay: Duration,
    pub(crate) lost_delay: Duration,
    pub(crate) max_in_flight: NonZeroU32,
    pub(crate) rate: Option<RateLimit>,
    pub(crate) breaker: Option<BreakerRule>,
    pub(crate) disable_after: Option<NonZeroU32>,
    pub(crate) disable_failing_for: Option<Duration>,
    pub(crate) warn_at_percent: Vec<u8>,
    pub(crate) ordered: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    List(Vec<Duration>),
    Constant { delay: Duration, retries: u32 },
    Exponential { initial: Duration, factor: u32, max: Duration, retries: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimit {
    pub(crate) attempts: NonZeroU32,
    pub(crate) per: Duration,
    pub(crate) burst: NonZeroU32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BreakerRule {
    pub(crate) trips_after: NonZeroU32,
    pub(crate) open_for: Duration,
    pub(crate) open_for_max: Duration,
}

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn count(n: u64) -> NonZeroU32 {
    u32::try_from(n).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

impl Settings {
    /// The smallest settings: `retries` retries a second apart, one attempt at a time, nothing else.
    pub(crate) fn plain(retries: u32) -> Self {
        Self {
            schedule: Schedule::Constant { delay: seconds(1), retries },
            from_first_failure: false,
            jitter: Jitter::None,
            rejects_client_errors: false,
            retry_after_max: seconds(60),
            attempt_timeout: seconds(1),
            own_fault_delay: seconds(1),
            lost_delay: Duration::ZERO,
            max_in_flight: NonZeroU32::MIN,
            rate: None,
            breaker: None,
            disable_after: None,
            disable_failing_for: None,
            warn_at_percent: Vec::new(),
            ordered: false,
        }
    }

    pub(crate) fn drawn(random: &mut Random) -> Self {
        let unit = random.pick(&[1, 1, 5, 60, 600, 3_600], 1);
        Self {
            schedule: Schedule::drawn(unit, random),
            from_first_failure: random.permille(300),
            jitter: random.pick(&JITTERS, Jitter::None),
            rejects_client_errors: random.permille(300),
            retry_after_max: seconds(random.pick(&[0, 30, 600, 7_200, 86_400], 600)),
            attempt_timeout: Duration::from_millis(random.pick(&[500, 5_000, 10_000, 30_000], 5_000)),
            own_fault_delay: Duration::from_nanos(random.pick(&[0, 1_000_000_007, 10_000_000_000], 0)),
            lost_delay: Duration::from_nanos(random.pick(&[0, 1_000_000_007, 5_000_000_000, u64::MAX], 0)),
            max_in_flight: count(random.between(1, 8)),
            rate: random.permille(250).then(|| RateLimit::drawn(random)),
            breaker: random.permille(500).then(|| BreakerRule::drawn(random)),
            disable_after: random.permille(400).then(|| count(random.between(1, 8))),
            disable_failing_for: random.permille(300).then(|| seconds(random.between(1, 48) * unit * 10)),
            warn_at_percent: random.pick(&[&[][..], &[50], &[50, 80], &[1, 25, 99]], &[]).to_vec(),
            ordered: random.permille(200),
        }
    }

    pub(crate) fn policy(&self) -> EndpointPolicy {
        let classify = Classify::new().disabling_on_gone();
        let retry = RetryPolicy::new(self.schedule.built())
            .with_anchor(if self.from_first_failure { Anchor::FirstFailure } else { Anchor::FailedAttempt })
            .with_jitter(self.jitter)
            .with_classify(if self.rejects_client_errors {
                classify.rejecting_client_errors()
            } else {
                classify
            })
            .with_retry_after_max(self.retry_after_max)
            .with_attempt_timeout(self.attempt_timeout)
            .with_own_fault_delay(self.own_fault_delay)
            .with_lost_delay(self.lost_delay);
        let auto_disable = AutoDisable::never()
            .with_failed_in_a_row(self.disable_after)
            .with_failing_for(self.disable_failing_for)
            .with_warnings(self.warn_at_percent.iter().copied());
        EndpointPolicy::new(retry)
            .with_max_in_flight(self.max_in_flight)
            .with_rate(self.rate.map(|rate| Rate::new(rate.attempts, rate.per).with_burst(rate.burst)))
            .with_breaker(self.breaker.map(|b| BreakerPolicy::new(b.trips_after, b.open_for, b.open_for_max)))
            .with_auto_disable(auto_disable)
            .with_ordered(self.ordered)
    }
}

const JITTERS: [Jitter; 6] = [
    Jitter::None,
    Jitter::Full,
    Jitter::Equal,
    Jitter::Decorrelated,
    Jitter::Proportional { percent: 20 },
    Jitter::Proportional { percent: 100 },
];

impl Schedule {
    fn drawn(unit: u64, random: &mut Random) -> Self {
        let retries = u32::try_from(random.between(0, 6)).unwrap_or(0);
        match random.below(4) {
            0 => Self::List((0..retries).map(|_| seconds(random.between(0, 5) * unit)).collect()),
            1 => Self::Constant { delay: seconds(random.between(0, 3) * unit), retries },
            _ => Self::Exponential {
                initial: Duration::from_nanos(unit * 1_000_000_000 + random.below(3) * 333_333_333),
                factor: u32::try_from(random.between(1, 4)).unwrap_or(1),
                max: seconds(unit * random.between(2, 40)),
                retries,
            },
        }
    }

    fn built(&self) -> RetrySchedule {
        match self {
            Self::List(delays) => RetrySchedule::fixed(delays.clone()),
            Self::Constant { delay, retries } => RetrySchedule::constant(*delay, *retries),
            Self::Exponential { initial, factor, max, retries } => {
                RetrySchedule::exponential(*initial, *factor, *max, *retries)
                    .unwrap_or_else(|_| RetrySchedule::never())
            }
        }
    }
}

impl RateLimit {
    fn drawn(random: &mut Random) -> Self {
        let per = seconds(random.pick(&[1, 60, 60, 600], 1));
        let attempts = count(random.pick(&[1, 1, 3, 7], 1));
        Self { attempts, per, burst: count(random.pick(&[1, 1, 2, 4], 1)) }
    }
}

impl BreakerRule {
    fn drawn(random: &mut Random) -> Self {
        let open_for = seconds(random.pick(&[1, 30, 600], 30));
        let open_for_max = open_for.saturating_mul(random.pick(&[1, 2, 20], 20));
        Self { trips_after: count(random.between(1, 6)), open_for, open_for_max }
    }
}
