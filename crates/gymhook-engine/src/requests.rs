//! What an engine asks of its worker.

use core::time::Duration;

use gymhook_delivery::EndpointId;

/// What an engine asks of its worker.
#[derive(Debug)]
pub(crate) enum Request {
    /// There may be work here; or anywhere, if no endpoint is named.
    Look(Vec<EndpointId>),
    /// Finish what is under way, for so long at most, and end.
    Stop {
        /// For how long at most.
        grace: Duration,
    },
}
