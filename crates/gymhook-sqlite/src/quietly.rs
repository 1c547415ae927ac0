//! `quietly`: writes log lines where a panic of the logger must not end the thread.

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

/// Logs something where a panic would end more than a call: a subscriber that writes to a full disk panics, too.
pub(crate) fn quietly(log: impl FnOnce()) {
    // The panic's message would go to the log that panicked.
    let _untold = catch_unwind(AssertUnwindSafe(log));
}
