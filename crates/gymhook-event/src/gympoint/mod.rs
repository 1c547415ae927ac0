//! GymPoint: nine events, an unpublished envelope.
//!
//! GymPoint names its events on <https://gympoint.ai/knowledge-base/settings/integrations-api> and publishes nothing
//! about the body: no envelope, no fields, no id, no time. So this module assumes the least:
//!
//! ```json
//! {"event": "member.created", "data": {"anything": "at all"}}
//! ```
//!
//! The name is in `event` or in `type` (our assumption), `data` is any JSON (our assumption), and all other fields
//! are kept in [`Notification::extra`]. There is no typed data, since it would be invented; no subject id and no time,
//! since it is not known which field holds them; and no key to recognise repetitions by: use a digest of the body, kept
//! longer than the 2 h 35 min over which GymPoint retries.

mod event_type;
mod notification;
mod samples;

pub use event_type::EventType;
pub use notification::{NameField, Notification};
pub use samples::samples;
