//! Disks and databases that fail under a running engine, and a judge of what is left.

#![allow(clippy::disallowed_methods, reason = "real disks live in real time")]

pub mod check;
pub mod drive;
pub mod ground;
pub mod history;
pub mod ledger;
pub mod life;
pub mod proxy;
pub mod script;
pub mod small_disk;
pub mod total;
pub mod vfs;

/// What went wrong with the test itself, or which promise was broken.
pub type Failure = Box<dyn core::error::Error + Send + Sync>;
