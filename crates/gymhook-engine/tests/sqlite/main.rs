//! The SQLite store: the suite that every store has to pass, and what can happen to a file.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod full;
mod load;
mod paths;
mod repeats;
mod replaced;
#[allow(unreachable_pub, reason = "shared with test files whose root it is in")]
#[path = "../scripted/mod.rs"]
mod scripted;
mod stage;
mod suite;
