#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod digest_index;
mod encoding;
mod header;
mod key;
mod keyring;
mod mac;
mod name;
mod proof;
mod request_id;
mod scheme;
mod secret;
mod secret_hint;
mod secret_text;
mod signed_time;
mod signer;
mod strength;
pub mod vendor;
mod verified;
mod verifier;

pub use encoding::Encoding;
pub use key::Key;
pub use keyring::{Keyring, KeyringError};
pub use name::{KeyId, Tenant};
pub use proof::{Assurance, BodyAssurance, IdAssurance, Proof, ProofParts, SenderAssurance, TimeAssurance};
pub use request_id::RequestId;
pub use scheme::{ApiKey, BodyHmac, RequestIdMd5, SignatureScheme, StandardWebhooks, TimestampedHmac};
pub use secret::{Secret, SecretError};
pub use secret_hint::{KeyWarning, SecretHint};
pub use secret_text::SecretTextProblem;
pub use signed_time::{SignedTime, TimeUnit, Tolerance};
pub use signer::{SignError, Signer};
pub use strength::Strength;
pub use verified::{AsProved, BodySigned, NotBodySigned, SenderOnly, Verified};
pub use verifier::{Malformed, RejectReason, Verifier, VerifyError};
