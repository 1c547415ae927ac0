//! The gateway from end to end: signed requests of the platforms in, through a database, and out to an application on a socket.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and asks the clock"
)]

mod api;
mod application;
mod documented;
mod faults;
mod filters;
mod gateway;
mod hostile;
mod platforms;
mod refusals;
mod reload;
mod two_gateways;
