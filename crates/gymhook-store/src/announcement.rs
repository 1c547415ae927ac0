//! `Announcement` and `OtherWorkers`: what the workers of one direction tell one another, so that each gets its share
//! of the endpoints.

use time::UtcDateTime;

use crate::{Direction, WorkerId};

/// What a worker tells the other workers of its direction.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The worker.
    pub worker: WorkerId,
    /// The direction that it works in.
    pub direction: Direction,
    /// The number of endpoints with due work that it answers for: those that it has leased, and those that it has given up
    /// and that another worker may not have found yet.
    pub endpoints: u32,
    /// Whether it asks the others for some of theirs.
    pub wants_more: bool,
    /// When it last looked for endpoints without an owner.
    pub looked_at: UtcDateTime,
    /// Until when this counts, if it is not announced again.
    pub counts_until: UtcDateTime,
}

/// What a worker has to know of the other workers of its direction.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherWorkers {
    /// When the first lease of another worker expires, if it is not renewed: its endpoint may be leased then. `None` if no
    /// other worker holds one.
    pub next_lease_end: Option<UtcDateTime>,
    /// What they have announced and still counts, by worker.
    pub announcements: Vec<Announcement>,
}
