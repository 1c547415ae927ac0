#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod body_memory;
#[cfg(feature = "inbox")]
mod inbox;
mod layer;
mod read_body;
mod refusal;
mod telemetry;
mod webhook_source;

pub use answer::Answer;
pub use gymhook::signature::Strength;
#[cfg(feature = "inbox")]
pub use inbox::{Fate, InboxSource, Intake, Taken};
pub use layer::{WebhookLayer, WebhookService};
pub use refusal::{Refusal, RefusalReason};
pub use telemetry::{Refused, describe_metrics};
pub use webhook_source::WebhookSource;
