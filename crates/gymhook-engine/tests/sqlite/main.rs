//! The SQLite store: the suite that every store has to pass, and what can happen to a file.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod full;
mod repeats;
mod stage;
mod suite;
