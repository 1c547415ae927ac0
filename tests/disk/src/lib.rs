//! Disks and databases that fail under a running engine, and a judge of what is left.

#![allow(clippy::disallowed_methods, reason = "real disks live in real time")]

pub mod vfs;

/// What went wrong with the test itself, or which promise was broken.
pub type Failure = Box<dyn core::error::Error + Send + Sync>;
