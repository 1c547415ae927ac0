//! The SQLite store: the suite that every store has to pass, and what can happen to a file.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod damage;
mod full;
mod load;
mod paths;
mod repeats;
mod replaced;
mod stage;
mod suite;
