//! Real processes that enqueue notifications and deliver them, and are killed; and a judge of what they leave behind.
//!
//! ```text
//!   driver ── starts, kills, starts again ──▶ sender (a process: engine + store)
//!     │                                        │ before and after each enqueue      │ requests, over a Unix socket
//!     │ marks: who was killed, when            ▼                                    ▼
//!     └───────────────▶ receiver ──▶ wire log        log of what was enqueued       (receiver)
//!
//!   wire log + log of what was enqueued + the store's rows ──▶ History ──▶ check(): every promise, or what broke it
//! ```
//!
//! Both logs survive a `SIGKILL`: a line is one `write` to a file that is only appended to. The socket keeps datagrams in
//! the order in which they were sent, whoever sent them, so the wire log's order is the order of sending.

#![allow(clippy::disallowed_methods, reason = "real processes live in real time")]

pub mod character;
pub mod check;
pub mod drive;
pub mod enqueued;
pub mod history;
pub mod orders;
pub mod process;
pub mod random;
pub mod receiver;
pub mod repeat;
pub mod rows;
pub mod sending;
pub mod total;
pub mod wire;

/// What went wrong with the test itself.
pub type Failure = Box<dyn core::error::Error + Send + Sync>;
