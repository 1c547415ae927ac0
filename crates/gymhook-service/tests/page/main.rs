//! The page, asked as a browser asks.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and asks the clock"
)]

mod edit;
mod form;
mod hostile;
mod lists;
mod mounted;
mod protection;
mod redeliver;
mod request;
mod rights;
mod screens;
mod session;
mod stage;
mod tail;
