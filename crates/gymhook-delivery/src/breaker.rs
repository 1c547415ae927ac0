//! `Breaker`, the circuit breaker: when to stop sending to an endpoint that only fails, and how a probe finds out that
//! it has recovered.

use serde::{Deserialize, Serialize};
use time::UtcDateTime;

use crate::clock::Now;
use crate::gate::Gate;
use crate::timestamp::Timestamp;
use crate::{BreakerPolicy, EndpointChange};

/// The state of an endpoint's circuit breaker.
///
/// Exhaustive on purpose: a store must handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Attempts are sent.
    Closed {
        /// How many attempts in a row have failed.
        failed: u32,
    },
    /// Nothing is sent until then; the first attempt after it is the probe.
    Open {
        /// When the probe may be sent.
        #[serde(with = "crate::timestamp::as_micros")]
        until: UtcDateTime,
        /// How many probes in a row have failed.
        probes_failed: u32,
    },
    /// The probe is in flight, and nothing else is sent.
    HalfOpen {
        /// How many probes in a row have failed before this one.
        probes_failed: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breaker {
    Closed { failed: u32 },
    Open { until: Timestamp, probes_failed: u32 },
    HalfOpen { probes_failed: u32 },
}

impl Breaker {
    pub(crate) const fn closed() -> Self {
        Self::Closed { failed: 0 }
    }

    pub(crate) fn from_state(state: BreakerState) -> Self {
        match state {
            BreakerState::Closed { failed } => Self::Closed { failed },
            BreakerState::Open { until, probes_failed } => {
                Self::Open { until: Timestamp::ceil(until), probes_failed }
            }
            BreakerState::HalfOpen { probes_failed } => Self::HalfOpen { probes_failed },
        }
    }

    /// An attempt begins; `true` if it is the probe.
    pub(crate) const fn attempt_begins(&mut self) -> bool {
        if let Self::Open { probes_failed, .. } = *self {
            *self = Self::HalfOpen { probes_failed };
            return true;
        }
        false
    }

    /// The endpoint answered, so it is available.
    pub(crate) fn answered(&mut self, probe: bool) -> Option<EndpointChange> {
        match *self {
            Self::HalfOpen { .. } if probe => {
                *self = Self::closed();
                Some(EndpointChange::BreakerClosed)
            }
            Self::Closed { .. } => {
                *self = Self::closed();
                None
            }
            Self::Open { .. } | Self::HalfOpen { .. } => None,
        }
    }

    /// An attempt failed, and the endpoint caused it.
    pub(crate) fn failed(&mut self, probe: bool, policy: BreakerPolicy, now: Now) -> Option<EndpointChange> {
        match *self {
            Self::Closed { failed } if failed.saturating_add(1) >= policy.trips_after().get() => {
                Some(self.open(0, policy, now))
            }
            Self::Closed { failed } => {
                *self = Self::Closed { failed: failed.saturating_add(1) };
                None
            }
            Self::HalfOpen { probes_failed } if probe => {
                Some(self.open(probes_failed.saturating_add(1), policy, now))
            }
            Self::Open { .. } | Self::HalfOpen { .. } => None,
        }
    }

    /// An attempt ended in a way that says nothing about the endpoint.
    pub(crate) fn learned_nothing(
        &mut self,
        probe: bool,
        policy: BreakerPolicy,
        now: Now,
    ) -> Option<EndpointChange> {
        match *self {
            Self::HalfOpen { probes_failed } if probe => Some(self.open(probes_failed, policy, now)),
            Self::Closed { .. } | Self::Open { .. } | Self::HalfOpen { .. } => None,
        }
    }

    /// What was known is out of date: the next attempt is a probe, and may be sent now if none is in flight.
    pub(crate) const fn ask_for_probe(&mut self, now: Timestamp) {
        if !matches!(self, Self::HalfOpen { .. }) {
            *self = Self::Open { until: now, probes_failed: 0 };
        }
    }

    /// This owner has no probe in flight: one must still be sent.
    pub(crate) const fn forget_probe(&mut self) {
        if let Self::HalfOpen { probes_failed } = *self {
            *self = Self::Open { until: Timestamp::START, probes_failed };
        }
    }

    fn open(&mut self, probes_failed: u32, policy: BreakerPolicy, now: Now) -> EndpointChange {
        let until = now.waits_from.after(policy.open_for(probes_failed));
        *self = Self::Open { until, probes_failed };
        EndpointChange::BreakerOpened { until: until.to_utc() }
    }

    pub(crate) const fn gate(&self) -> Gate {
        match self {
            Self::Closed { .. } => Gate::From(Timestamp::START),
            Self::Open { until, .. } => Gate::From(*until),
            Self::HalfOpen { .. } => Gate::Shut,
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        match *self {
            Self::Closed { failed } => BreakerState::Closed { failed },
            Self::Open { until, probes_failed } => {
                BreakerState::Open { until: until.to_utc(), probes_failed }
            }
            Self::HalfOpen { probes_failed } => BreakerState::HalfOpen { probes_failed },
        }
    }
}
