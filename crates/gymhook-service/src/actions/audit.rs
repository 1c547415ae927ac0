//! Who did what.

use crate::access::Caller;

/// Records an action that was done: by which key, what, on what.
pub(crate) fn record(caller: &Caller, action: &'static str, subject: &str) {
    tracing::info!(key = %caller.key.id, label = ?caller.key.label, action, subject = ?subject, "done");
}
