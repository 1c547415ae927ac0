//! `Decision` about a delivery after an attempt: delivered, retry, or give up; and `GiveUp`, why.

use serde::{Deserialize, Serialize};
use time::UtcDateTime;

use crate::AttemptNumber;

/// What happens next with a delivery after an attempt of it ended. Exhaustive on purpose: a driver handles them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The endpoint has the notification.
    Delivered,
    /// There is another attempt.
    RetryAt {
        /// When it is due.
        at: UtcDateTime,
        /// Its number: the next one, or the same again if this attempt is not charged.
        attempt: AttemptNumber,
        /// Whether the attempt that ended counts; `false` only after an internal fault.
        charged: bool,
        /// Until when the endpoint asked to get nothing at all.
        hold_endpoint_until: Option<UtcDateTime>,
    },
    /// Given up; the delivery is kept and can be redelivered by hand.
    Undeliverable {
        /// Why.
        reason: GiveUp,
        /// Until when the endpoint asked to get nothing at all.
        hold_endpoint_until: Option<UtcDateTime>,
    },
    /// The endpoint wants no more notifications: this delivery ends, and the endpoint is to be disabled.
    EndpointGone,
}

impl Decision {
    /// Whether the delivery's round is over.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        !matches!(self, Self::RetryAt { .. })
    }

    /// Whether the attempt that ended counts against the delivery's attempts.
    #[must_use]
    pub const fn is_charged(&self) -> bool {
        !matches!(self, Self::RetryAt { charged: false, .. })
    }

    /// Until when nothing may be sent to the endpoint, if it asked for that.
    #[must_use]
    pub const fn hold_endpoint_until(&self) -> Option<UtcDateTime> {
        match self {
            Self::RetryAt { hold_endpoint_until, .. } | Self::Undeliverable { hold_endpoint_until, .. } => {
                *hold_endpoint_until
            }
            Self::Delivered | Self::EndpointGone => None,
        }
    }
}

/// Why a delivery was given up.
///
/// Exhaustive on purpose: it is part of a [`Decision`], which a driver stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GiveUp {
    /// The schedule has no retry left.
    Exhausted,
    /// The response means that repeating the request is pointless.
    Rejected,
}
