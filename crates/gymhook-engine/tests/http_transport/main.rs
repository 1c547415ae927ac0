//! What the HTTP transport promises: where it never goes, what it never reads, whose fault it names.
//!
//! The servers listen on 127.0.0.1, which plays the public internet here: it is dangerously allowed. 127.0.0.2 is not,
//! and plays what must not be reached.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod addresses;
mod answers;
mod connections;
mod delivery_headers;
mod hostile;
mod http2;
mod messages;
mod mutual_tls;
mod proxies;
mod requests;
mod resolving;
mod secrets;
mod spellings;
mod strict;
mod support;
mod tls;
mod tunnel;
