//! New ids.

use uuid::Uuid;

/// A new id, roughly ordered by time.
#[expect(clippy::disallowed_methods, reason = "the rim is where random numbers are drawn")]
pub(crate) fn new_id() -> Uuid {
    Uuid::now_v7()
}
