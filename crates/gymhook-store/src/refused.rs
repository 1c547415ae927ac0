//! `Refused`: why a notification was not enqueued.

use gymhook_delivery::{DeliveryId, EndpointId};

use crate::Unstorable;

/// Why a notification was not enqueued. The caller's mistake.
///
/// Exhaustive on purpose: what enqueues has an answer for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The id is that of another body, or of a delivery to another endpoint.
    #[error("delivery {delivery} already exists with another body, endpoint or purpose")]
    Conflict {
        /// The id.
        delivery: DeliveryId,
    },
    /// It repeats a stored notification: see [`RepeatCheck`](crate::RepeatCheck); or it could not be read, as before. No action is required.
    #[error("it repeats delivery {delivery}, which was enqueued before with the same body")]
    Repeat {
        /// The stored one.
        delivery: DeliveryId,
    },
    /// There is no such subscription, or it is deleted.
    #[error("there is no subscription {endpoint}")]
    UnknownEndpoint {
        /// The requested endpoint.
        endpoint: EndpointId,
    },
    /// A field cannot be stored, in this store or any other: repeating the call would fail again.
    #[error("delivery {delivery} cannot be stored: its {field} {problem}")]
    Unstorable {
        /// The id.
        delivery: DeliveryId,
        /// The field: "event type", "origin" or "body".
        field: &'static str,
        /// What is wrong with it.
        problem: Unstorable,
    },
}

impl Refused {
    /// Whether it was refused because it is already stored, as the one that it repeats.
    #[must_use]
    pub const fn is_repeat(&self) -> bool {
        matches!(self, Self::Repeat { .. })
    }
}
