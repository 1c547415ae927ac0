//! `Notice` for an endpoint's owner: which changes it is due for, and its text in a row.

use gymhook_delivery::{DisableReason, EndpointChange, EndpointId};
use time::UtcDateTime;
use uuid::Uuid;

/// A warning that an endpoint is about to be disabled, or that it was.
///
/// It is written in the transaction that disables, so that none is lost in a crash, and kept until it is
/// [acknowledged](super::Store::acknowledge_notices).
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its id, the same each time it is claimed.
    pub id: Uuid,
    /// The endpoint, which has its subscription's id.
    pub endpoint: EndpointId,
    /// When it happened, by the store's clock.
    pub at: UtcDateTime,
    /// [`EndpointChange::Warned`] or [`EndpointChange::Disabled`].
    pub change: EndpointChange,
}

impl Notice {
    /// Whether a change is one that somebody has to be told of: each stage of the warnings, and a disabling that nobody asked
    /// for.
    #[must_use]
    pub const fn is_due_for(change: EndpointChange) -> bool {
        match change {
            EndpointChange::Warned { .. } => true,
            EndpointChange::Disabled { reason } => !matches!(reason, DisableReason::ByHand),
            EndpointChange::Added
            | EndpointChange::BreakerOpened { .. }
            | EndpointChange::BreakerClosed
            | EndpointChange::HeldBack { .. }
            | EndpointChange::StartedFailing
            | EndpointChange::Recovered
            | EndpointChange::DeliveryFailed { .. }
            | EndpointChange::Enabled
            | EndpointChange::TokenTaken => false,
            // A change of a later version: nobody is told of what this version does not know.
            _ => false,
        }
    }

    /// How stores write a change.
    pub fn change_to_text(change: EndpointChange) -> String {
        // Names and numbers: there is nothing in it that JSON cannot say.
        serde_json::to_string(&change).unwrap_or_default()
    }

    /// What was written like this; `None` if a newer program wrote it.
    pub fn change_from_text(text: &str) -> Option<EndpointChange> {
        serde_json::from_str(text).ok()
    }
}
