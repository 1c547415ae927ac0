//! The actions that the API and the web UI share. Each takes the caller and its arguments, and returns the result or
//! the problem.
//!
//! The actions use the caller's view, which does not contain the data of other gyms. Each change is recorded in the audit.

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
