//! Point by Key Point Technologies: workouts, and insights drawn from them.
//!
//! ```json
//! {
//!   "eventType": "workout.created", "userId": "u-1", "userExternalId": "ext-1",
//!   "dataSource": "fitbit", "clientId": "c-1", "payload": [{"id": 1}]
//! }
//! ```
//!
//! The envelope is described on <https://www.areyouonpoint.co/docs/webhooks-overview>, the two types with the fields of
//! their payload on <https://www.areyouonpoint.co/docs/webhooks-event-types>; the names of insights come from Point's
//! SDKs. One type holds for all objects of the payload.
//!
//! # How it is read
//!
//! - **One event for every object of `payload`.** If the array is empty, which the vendor does not foresee, there is one
//!   event without data: something of that type was announced.
//! - **The subject is the user** of the envelope.
//! - **It happened** ([`Event::occurred_at`](crate::Event::occurred_at)) when a workout ended, its `end`; an insight when it
//!   was drawn, its `createdAt`. **It was recorded** ([`Event::recorded_at`](crate::Event::recorded_at)) at `createdAt`. What
//!   is absent or cannot be read is `None`: neither replaces the other.
//! - **The derived key** joins client, user, type and the sorted ids of the objects. It is absent if one of them is missing
//!   or empty, and for types that are not documented: an object could be, say, updated twice under one id. The vendor gives
//!   no id, so the key is advice: an insight that is sent again with a new `lastProcessedAt` has the same key and another
//!   body, and is another notification that resembles the first.

mod event_type;
mod insight;
mod insight_type;
mod item;
mod notification;
mod samples;
mod workout;

pub use event_type::EventType;
pub use insight::Insight;
pub use insight_type::InsightType;
pub use item::Item;
pub use notification::{Notification, Source};
pub use samples::samples;
pub use workout::{Ratings, Workout};
