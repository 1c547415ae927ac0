//! `new_id` and `from_digest`: random ids, and ids that follow from a digest.

use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

/// A new id, roughly ordered by time.
#[expect(clippy::disallowed_methods, reason = "the rim is where random numbers are drawn")]
pub(crate) fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// The id that follows from a digest: the first half of it.
pub(crate) fn from_digest(digest: Sha256) -> Uuid {
    let first_half = digest.finalize().first_chunk().copied().unwrap_or_default();
    Builder::from_custom_bytes(first_half).into_uuid()
}
