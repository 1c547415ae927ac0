//! `EventType`: the two event types of Point, and the kind of each.

use crate::Kind;
use crate::open_names::open_names;

open_names! {
    /// What happened, in Point's words, as listed on <https://www.areyouonpoint.co/docs/webhooks-event-types>.
    pub enum EventType {
        /// Workouts were recorded.
        WorkoutCreated = "workout.created",
        /// Insights were drawn from a person's workouts.
        InsightCreated = "insight.created",
    }
}

impl EventType {
    /// What the type means across vendors.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::WorkoutCreated => Kind::WorkoutRecorded,
            Self::InsightCreated => Kind::InsightRecorded,
            Self::Other(_) => Kind::Other,
        }
    }
}
