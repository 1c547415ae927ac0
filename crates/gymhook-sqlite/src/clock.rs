//! `system_time`, the machine's clock: the only place in this crate that reads one.

use time::UtcDateTime;

/// The machine's time of day.
#[expect(clippy::disallowed_methods, reason = "the rim is where clocks are read")]
pub(crate) fn system_time() -> UtcDateTime {
    UtcDateTime::now()
}
