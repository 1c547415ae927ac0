//! `monotonic`, the clock for lengths of time: the only place in this crate that reads one. The time of day is the
//! store's.

use std::time::Instant;

/// A moment for measuring lengths of time, which no setting of the clock moves.
#[expect(clippy::disallowed_methods, reason = "the rim is where clocks are read")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
