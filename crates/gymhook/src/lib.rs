#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod cloud_event;
pub mod dedupe;
pub mod management;
mod platform_notification;
mod profile;
mod provider;
mod provider_table;
mod reader;
mod received;
mod receiver;
pub mod secret_source;
pub mod send;
mod setting;
pub mod text;
mod unsigned;
mod vendor;

pub use gymhook_delivery as delivery;
pub use gymhook_event as event;
pub use gymhook_retry as retry;
pub use gymhook_signature as signature;

pub use platform_notification::PlatformNotification;
pub use profile::{DigestDedupe, Profile, ResponseCapture, Signing, UrlRule};
pub use provider::{Provider, SecretRequired};
pub use provider_table::ProfileLine;
pub use reader::{AdmitError, ReadError};
pub use received::{DedupeBasis, Identity, Received, ScopedDedupeKey};
pub use receiver::{ReceiveError, Receiver, Unreadable};
pub use setting::{Setting, Source};
pub use unsigned::{ReceiveUnsignedError, UnsignedReceiver, Unverified};
