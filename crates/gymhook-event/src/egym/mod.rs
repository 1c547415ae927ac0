//! EGYM: three fields, six events.
//!
//! ```json
//! {"accountId": "4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c", "timestamp": 1667921312188, "type": "GYM_CHECKIN"}
//! ```
//!
//! One event a request, as described on <https://developer.egym.com/general/webhooks>. `accountId` is the account of
//! the person; `timestamp` counts milliseconds (the page shows the number, EGYM's check-in tutorial names the unit).
//! Which gym sent it is not in the body: the API key that matched tells it. There is no event id either, so
//! [`dedupe_key`](crate::Notification::dedupe_key) is derived, see [`Notification`].

mod event_type;
mod notification;
mod samples;

pub use event_type::EventType;
pub use notification::Notification;
pub use samples::samples;
