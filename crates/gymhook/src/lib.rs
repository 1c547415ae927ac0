#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod profile;
mod provider;
mod reader;
mod received;
mod receiver;
mod unsigned;

pub use gymhook_event as event;
pub use gymhook_signature as signature;

pub use profile::{AutoDisable, Profile, ResponseCapture, Setting, Source, UrlRule};
pub use provider::Provider;
pub use reader::{AdmitError, ReadError};
pub use received::{DuplicateBasis, DuplicateKey, Received};
pub use receiver::{ReceiveError, Receiver, Unreadable};
pub use unsigned::{ReceiveUnsignedError, UnsignedReceiver, Unverified};
