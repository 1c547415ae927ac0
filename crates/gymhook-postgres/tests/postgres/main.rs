//! The store in PostgreSQL, on a private server: the suite of every store, and what only this one promises.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod damage;
mod failover;
mod faults;
mod follow_ups;
mod group_commit;
mod indexes;
mod listening;
mod load;
mod messages;
mod migrations;
mod outbox;
mod poolers;
mod sessions;
mod stage;
mod suite;
mod tls;
mod wholeness;
mod workers;
