#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
#[cfg(feature = "inbox")]
mod inbox;
mod layer;
mod memory;
mod read;
mod refusal;
mod source;
mod strength;
mod telemetry;

pub use answer::Answer;
#[cfg(feature = "inbox")]
pub use inbox::InboxSource;
pub use layer::{WebhookLayer, WebhookService};
pub use refusal::{Refusal, RefusalReason};
pub use source::WebhookSource;
pub use strength::Strength;
pub use telemetry::Refused;
