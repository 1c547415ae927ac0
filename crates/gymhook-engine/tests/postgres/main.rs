//! The store in PostgreSQL, on a private server: the suite of every store, and what only this one promises.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod damage;
mod faults;
mod listening;
mod messages;
mod migrations;
mod outbox;
mod sessions;
mod stage;
mod suite;
mod workers;
