//! The clocks: the only place in this crate that reads one.

use std::time::Instant;

#[cfg(any(feature = "sqlite", feature = "store-tests"))]
use time::UtcDateTime;

/// The machine's time of day.
#[cfg(any(feature = "sqlite", feature = "store-tests"))]
#[expect(clippy::disallowed_methods, reason = "the rim is where clocks are read")]
pub(crate) fn system_time() -> UtcDateTime {
    UtcDateTime::now()
}

/// A moment for measuring lengths of time, which no setting of the clock moves.
#[expect(clippy::disallowed_methods, reason = "the rim is where clocks are read")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
