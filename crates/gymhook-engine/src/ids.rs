//! Fresh ids.

use uuid::Uuid;

/// A fresh id, roughly in the order of time.
#[expect(clippy::disallowed_methods, reason = "the rim is where random numbers are drawn")]
pub(crate) fn new_id() -> Uuid {
    Uuid::now_v7()
}
