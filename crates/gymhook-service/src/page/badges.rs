//! `Badge`: the states of deliveries, keys and endpoints as a colour, a word and a shape, and sentences that say why
//! an endpoint gets nothing and what comes next for a delivery.

use gymhook::delivery::{BreakerState, DisableReason, EndpointRecord, EndpointStatus};
use gymhook_engine::DeliveryState;
use gymhook_engine::store::{DeliveryRow, State};
use time::UtcDateTime;

use super::words::{Moment, length};

/// How a state is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Badge {
    /// The colour's class.
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
    /// The path of its shape, in a square of 16.
    pub(super) shape: &'static str,
}

const CHECK: &str =
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.6 5.3-4.2 5a.9.9 0 0 1-1.3.1L4 9.4l1.2-1.3 1.5 1.4 3.6-4.3Z";
const CROSS: &str =
    "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm3.2 9-1.2 1.2-2-2-2 2L4.8 10l2-2-2-2L6 4.8l2 2 2-2L11.2 6l-2 2Z";
const RING: &str = "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 2.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6Zm-.8 1.8v3.4l2.6 1.7.8-1.2-2-1.3V5Z";
const ARROW: &str = "M2 2.5 14.5 8 2 13.5l2-5.5Z";
const BAR: &str = "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1ZM4 7h8v2H4Z";
const TRIANGLE: &str = "M8 1.5 15.5 14.5H.5Zm-.9 4.5.3 4.5h1.2l.3-4.5Zm0 5.5v1.6h1.8v-1.6Z";
const PAUSE: &str = "M3.5 2h3v12h-3Zm6 0h3v12h-3Z";
const DIAMOND: &str = "M8 .8 15.2 8 8 15.2.8 8Zm0 2.8L3.6 8 8 12.4 12.4 8Z";

impl Badge {
    pub(super) const fn of(state: State) -> Self {
        match state {
            State::Waiting => Self { tone: "waiting", word: "Waiting", shape: RING },
            State::InFlight => Self { tone: "moving", word: "In flight", shape: ARROW },
            State::Delivered => Self { tone: "good", word: "Delivered", shape: CHECK },
            State::Undeliverable => Self { tone: "bad", word: "Undeliverable", shape: CROSS },
            State::Cancelled => Self { tone: "quiet", word: "Cancelled", shape: BAR },
            State::Quarantined => Self { tone: "warn", word: "Quarantined", shape: TRIANGLE },
            State::Unreadable => Self { tone: "warn", word: "Unreadable", shape: DIAMOND },
        }
    }

    pub(super) const CONNECTED: Self = Self { tone: "good", word: "Connected", shape: CHECK };
    pub(super) const NOT_CONNECTED: Self = Self { tone: "quiet", word: "Not connected", shape: BAR };
    pub(super) const ERROR: Self = Self { tone: "bad", word: "Error", shape: CROSS };
    pub(super) const SUCCESS: Self = Self { tone: "good", word: "Success", shape: CHECK };
    pub(super) const FAILED: Self = Self { tone: "bad", word: "Failed", shape: CROSS };
    pub(super) const UNKNOWN: Self = Self { tone: "warn", word: "Unknown", shape: TRIANGLE };
    pub(super) const PLANNED: Self = Self { tone: "waiting", word: "Planned", shape: RING };
    pub(super) const ACTIVE: Self = Self { tone: "good", word: "Active", shape: CHECK };
    pub(super) const REVOKED: Self = Self { tone: "quiet", word: "Revoked", shape: BAR };
    pub(super) const ENDING: Self = Self { tone: "warn", word: "Ending", shape: RING };
    const FAILING: Self = Self { tone: "warn", word: "Failing", shape: TRIANGLE };
    const BROKEN: Self = Self { tone: "warn", word: "Breaker open", shape: PAUSE };
    const DISABLED: Self = Self { tone: "bad", word: "Disabled", shape: CROSS };
    const HELD: Self = Self { tone: "waiting", word: "Held back", shape: PAUSE };

    /// An endpoint's state in one word: the worst that is true of it.
    pub(super) fn of_endpoint(record: &EndpointRecord, now: UtcDateTime) -> Self {
        match record.breaker {
            _ if record.is_disabled() => Self::DISABLED,
            BreakerState::Open { .. } | BreakerState::HalfOpen { .. } => Self::BROKEN,
            BreakerState::Closed { .. } if record.failing_since.is_some() || record.failed_in_a_row > 0 => {
                Self::FAILING
            }
            BreakerState::Closed { .. } if record.held_until.is_some_and(|until| until > now) => Self::HELD,
            BreakerState::Closed { .. } => Self::ACTIVE,
        }
    }
}

/// Why an endpoint is not sent to, or how far it is from that, in a sentence.
pub(super) fn of_health(record: &EndpointRecord, now: UtcDateTime) -> Option<String> {
    if let EndpointStatus::Disabled { reason, .. } = record.status {
        return Some(reason_of(reason));
    }
    match record.breaker {
        BreakerState::Open { until, .. } => {
            Some(format!("nothing is sent until a probe {}", Moment::new(until, now).relative))
        }
        BreakerState::HalfOpen { .. } => Some("a probe is in flight".to_owned()),
        BreakerState::Closed { .. } => {
            if let Some(held) = record.held_until.filter(|until| *until > now) {
                return Some(format!("nothing is sent before {} UTC", Moment::new(held, now).text));
            }
            match record.failed_in_a_row {
                0 => None,
                1 => Some("the last delivery was given up".to_owned()),
                many => Some(format!("the last {many} deliveries were given up")),
            }
        }
    }
}

fn reason_of(reason: DisableReason) -> String {
    match reason {
        DisableReason::ByHand => "disabled by hand".to_owned(),
        DisableReason::Gone => "it answered 410 Gone: it wants no more events".to_owned(),
        DisableReason::FailedInARow { deliveries } => {
            format!("{deliveries} deliveries in a row were given up")
        }
        DisableReason::FailingFor { span } => format!("attempts had failed for {}", length(span)),
        _ => "disabled".to_owned(),
    }
}

/// What comes next for a delivery, or when it ended.
pub(super) fn next_of(row: &DeliveryRow) -> Option<(&'static str, UtcDateTime)> {
    match row.record?.state {
        DeliveryState::Waiting { due } => Some(("due", due)),
        DeliveryState::InFlight { .. } => None,
        DeliveryState::Finished { at, .. } => Some(("ended", at)),
    }
}
