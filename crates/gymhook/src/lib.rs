#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod profile;
mod provider;
mod reader;
mod received;
mod receiver;
pub mod secret_source;
pub mod send;
mod unsigned;

pub use gymhook_delivery as delivery;
pub use gymhook_event as event;
pub use gymhook_retry as retry;
pub use gymhook_signature as signature;

pub use profile::{DigestDedupe, Profile, ResponseCapture, Setting, Source, UrlRule};
pub use provider::Provider;
pub use reader::{AdmitError, ReadError};
pub use received::{DedupeBasis, Identity, Received, ScopedDedupeKey};
pub use receiver::{ReceiveError, Receiver, Unreadable};
pub use unsigned::{ReceiveUnsignedError, UnsignedReceiver, Unverified};
