//! Requests to the worker.

use core::time::Duration;

use gymhook_delivery::EndpointId;

/// A request to the worker.
#[derive(Debug)]
pub(crate) enum Request {
    /// There may be work here; or anywhere, if no endpoint is named.
    Look(Vec<EndpointId>),
    /// Finish the attempts in flight within a limit, and end.
    Stop {
        /// The limit.
        grace: Duration,
    },
}
