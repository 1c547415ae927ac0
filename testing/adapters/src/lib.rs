//! What a platform, and what a hostile peer, sends to a server that was built with one of the adapters.

mod client;
mod ledger;
mod server;
mod sources;

pub use client::{Reply, Step, chunk, exchange, exchange_h2, open, post, request};
pub use ledger::{Ledger, keep_ledger};
pub use server::{Adapter, Server, start, start_inboxes};
pub use sources::{MAX_BODY, READ_DEADLINE, SECRET, Sources, point_body, sign, sign_with, signer};
