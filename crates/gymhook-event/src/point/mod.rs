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
//! - **The time is that of the creation** which the event is named after: the object's `createdAt`, else a workout's
//!   `end`. When the workout itself took place stands in [`Workout`].
//! - **The derived key** joins client, type and the sorted ids of the objects. It is absent if the client or any id is
//!   missing, and for types that are not documented: an object could be, say, updated twice under one id.

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
