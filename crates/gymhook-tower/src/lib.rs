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
mod telemetry;

pub use answer::Answer;
pub use gymhook::signature::Strength;
#[cfg(feature = "inbox")]
pub use inbox::{Fate, InboxSource, Intake, Taken};
pub use layer::{WebhookLayer, WebhookService};
pub use refusal::{Refusal, RefusalReason};
pub use source::WebhookSource;
pub use telemetry::{Refused, describe_metrics};
