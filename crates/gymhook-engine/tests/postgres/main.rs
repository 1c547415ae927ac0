//! The store in PostgreSQL, on a private server: the suite of every store, and what only this one promises.

mod damage;
mod faults;
mod listening;
mod migrations;
mod outbox;
mod sessions;
mod stage;
mod suite;
mod workers;
