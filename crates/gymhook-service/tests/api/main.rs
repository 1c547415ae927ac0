//! The HTTP API, as its callers see it: each test has a service on a new SQLite file.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and asks the clock"
)]

mod api_keys;
mod audit;
mod calls;
mod deliveries;
mod docs;
mod document;
mod egym;
mod events;
mod every_route;
mod limits;
mod stage;
mod subscriptions;
mod tail;
