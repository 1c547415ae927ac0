//! A real gateway between platforms and an application, killed again and again; and a judge of what arrived.
//!
//! ```text
//!   platforms and
//!   publishers ── requests, repeated until 2xx ──▶ gateway (a process) ── webhooks ──▶ application
//!       │                                                 ▲        │                                 │
//!       │ what was sent, and how it was answered          │        ▼                                 │ what arrived
//!       ▼                                     driver: kill -9,   its log                             ▼
//!   History  ◀──────────────────────────────── starts again ───────┴─────────────────────────────  History
//!
//!   History ──▶ check(): nothing lost, nothing invented, and twice only what was under way at a kill
//! ```
//!
//! Platforms, application and driver are one process, which nobody kills: what they saw is in memory, in one order.

#![allow(clippy::disallowed_methods, reason = "real processes live in real time")]

pub mod application;
pub mod check;
pub mod drive;
pub mod history;
pub mod orders;
pub mod platforms;
pub mod recorder;
pub mod rows;
pub mod stage;
pub mod studios;
pub mod wire;

pub use gymhook_crash_tests::Failure;
