//! Disks and databases that fail under a running engine, and a judge of what is left.
//!
//! ```text
//!   script ── everything at once: enqueue, cancel, redeliver, purge, put, delete ──▶ engine ──▶ endpoints, in this process
//!     │ what is refused is asked for again                                             │            │
//!     ▼                                                                                ▼            ▼
//!   ledger ◀── what was asked, acknowledged and refused                              store      ledger
//!                                                                                      │
//!            SQLite: a file system whose n-th call fails, or a disk that is full ◀─────┤
//!            PostgreSQL: a proxy at whose n-th message something happens, or a full disk ◀┘
//!
//!   ledger + the store's rows + its tables ──▶ History ──▶ check(): every promise, and what broke it
//! ```
//!
//! - [`vfs`]: every kind of call that SQLite makes to its disk fails in turn, in every way, once, now and then, until the disk is
//!   healed, or with the process, whose file is then opened again. The only `unsafe` code of the workspace is there.
//! - [`small_disk`]: disks that are full for real.
//! - [`proxy`]: at every message to PostgreSQL in turn, the session is cut, ended, cancelled or held up beyond
//!   `statement_timeout`. For a while, no statement may write a temporary file: `temp_file_limit`.
//!
//! `cargo test -p gymhook-disk-tests` walks through a sample of it: a few calls of each kind, spread evenly from the first one of a
//! run to the last. More of it:
//!
//! ```sh
//! cargo run --release -p gymhook-disk-tests --bin disk-campaign -- --sqlite 2000 --postgres 300 --sample 20
//! ```
//!
//! - `--sqlite` and `--postgres` take a number of faults. A quarter of them are full disks, on PostgreSQL a tenth are forbidden
//!   temporary files. The others are at the first call of each kind, then at the second, and so on, each in a run with another script.
//! - `--sample` takes a number of calls of each kind, from the first one of a run to the last; `--whole` takes all of them, which are
//!   about 4,500 on SQLite and 2,300 on PostgreSQL. It fails if a call was not reached.
//!
//! `--seed` chooses another walk; whatever breaks a promise is printed with the call and the seed of its run, and the program
//! fails. Both need root, or a user namespace (`unshare --map-root-user --mount`), to mount the small disks; without it they fail
//! and report it.

#![allow(clippy::disallowed_methods, reason = "real disks live in real time")]

pub mod backend;
pub mod caller;
pub mod check;
pub mod drive;
pub mod history;
pub mod ledger;
pub mod process;
pub mod proxy;
pub mod script;
pub mod small_disk;
pub mod total;
pub mod vfs;

/// What went wrong with the test itself, or which promise was broken.
pub type Failure = Box<dyn core::error::Error + Send + Sync>;
