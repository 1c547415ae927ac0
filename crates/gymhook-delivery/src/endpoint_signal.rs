//! `EndpointSignal`: what an attempt's end says about the health of its endpoint.

use gymhook_retry::{Decision, GiveUp, Outcome};

use crate::timestamp::Timestamp;

/// An attempt's end, as its endpoint sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptEnd<'a> {
    pub(crate) outcome: &'a Outcome,
    pub(crate) decision: &'a Decision,
    pub(crate) gave_up: bool,
    pub(crate) probe: bool,
    pub(crate) test: bool,
}

/// What an attempt's end says about its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointSignal {
    Success,
    /// It answered, but refused this one notification.
    Refusal,
    Failure,
    AskedToWait(Timestamp),
    Gone,
    Nothing,
}

impl EndpointSignal {
    pub(crate) fn of(end: &AttemptEnd<'_>) -> Self {
        let AttemptEnd { outcome, decision, .. } = *end;
        if !outcome.blames_endpoint() && !matches!(decision, Decision::Delivered | Decision::EndpointGone) {
            return Self::Nothing;
        }
        match (decision, decision.hold_endpoint_until()) {
            (Decision::Delivered, _) => Self::Success,
            (Decision::EndpointGone, _) => Self::Gone,
            (Decision::RetryAt { .. } | Decision::Undeliverable { .. }, Some(until)) => {
                Self::AskedToWait(Timestamp::ceil(until))
            }
            (Decision::Undeliverable { reason: GiveUp::Rejected, .. }, None) => Self::Refusal,
            (Decision::RetryAt { .. } | Decision::Undeliverable { .. }, None) => Self::Failure,
        }
    }

    pub(crate) const fn is_failure(self) -> bool {
        matches!(self, Self::Refusal | Self::Failure | Self::AskedToWait(_) | Self::Gone)
    }
}
