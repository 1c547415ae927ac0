//! All that was left behind: what was enqueued, what went over the wire, what the store says.

use crate::enqueued::Enqueued;
use crate::rows::Row;
use crate::wire::Event;

/// What is judged.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What was enqueued.
    pub enqueued: Vec<Enqueued>,
    /// What the receiver saw, in its order.
    pub wire: Vec<Event>,
    /// What the store says in the end.
    pub rows: Vec<Row>,
}
