#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "inbox")]
mod inbox;
mod rejection;
mod webhook;

#[cfg(feature = "inbox")]
pub use gymhook_tower::InboxSource;
pub use gymhook_tower::{Answer, Refusal, RefusalReason, Refused, Strength, WebhookLayer, WebhookSource};
#[cfg(feature = "inbox")]
pub use inbox::{inbox_route, inbox_router};
pub use rejection::WebhookRejection;
pub use webhook::Webhook;
