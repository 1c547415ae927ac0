//! `Request`: what an engine asks of its worker: to look for work, or to stop.

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
