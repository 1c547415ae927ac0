//! What callers do, for the API and the page alike: each action takes who asks and what for, and says what came of it or why not.
//!
//! Everything goes through the caller's view, so another gym's things are not there. Each change is written to the audit.

pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod deliveries;
pub(crate) mod destinations;
pub(crate) mod health;
pub(crate) mod names;
pub(crate) mod platforms;
pub(crate) mod publish;
pub(crate) mod redeliveries;
pub(crate) mod sources;
pub(crate) mod stats;
pub(crate) mod subscription_changes;
pub(crate) mod subscriptions;
pub(crate) mod tests_of_endpoints;
