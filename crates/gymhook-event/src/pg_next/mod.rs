//! PG Next (PerfectGym Next, the same Open API as Magicline): thin events about an entity.
//!
//! ```json
//! {
//!   "entityId": 7893459,
//!   "uuid": "095be615-a8ad-4c33-8e9c-c7612fbf6c9f",
//!   "payload": [{"timestamp": 1642779144176, "type": "CUSTOMER_CREATED", "content": {}}]
//! }
//! ```
//!
//! Described on <https://developer.sportalliance.com/apis/perfectgym/webhooks/general-information> and its neighbour
//! `event-types`. Things to know:
//!
//! - **What `entityId` identifies depends on the type**: a booking for `CLASS_BOOKING_CREATED`, the studio for
//!   `STUDIO_OPENING_HOURS_UPDATED`, and for every contract event the *customer*, not the contract, whose id is in the
//!   content. [`EventType::subject_kind`] knows all of them.
//! - **The event is a hint.** It says what changed; the vendor wants you to read the new state from its API, after
//!   answering the webhook.
//! - **What else the content names** is [`Event::related`](crate::Event::related): a contract, a class, a case, the new home
//!   studio; [`Event::part`](crate::Event::part) is a contract's module or idle period. An `AUTOMATIC_CUSTOMER_CHECKOUT` is
//!   an event for each person in its list, with the person as subject, their own time as `occurred_at`, and the studio as
//!   related; without a list that can be read it is one event of the studio.
//! - **`payload` is "currently single element"** and modelled as many; `entityId` and `uuid` belong to all of them. An
//!   empty array is read as no event, a bare object as one.
//!
//! # Before events arrive
//!
//! There is no API to subscribe: the endpoint's URL goes to the vendor by e-mail, with a set of types or a URL for each type
//! if wanted. Events are switched on with a call of the Open API, `POST /v1/studios/confirmActivation`. Each studio has two
//! keys: the webhook's, shown in `x-api-key`, and the Open API's. The key that came with the webhook tells tenant and studio,
//! and so which Open API key and which base URL to call back with: a receiver keeps both beside the webhook's key. Answer
//! first and call afterwards.
//!
//! `uuid` identifies the notification and is the [`dedupe_key`](crate::Notification::dedupe_key). Which studio sent it is
//! told by the API key that matched.

mod content;
mod event_type;
mod item;
mod kind;
mod notification;
mod reading;
mod samples;

pub use content::{Checkout, Content};
pub use event_type::EventType;
pub use item::Item;
pub use notification::Notification;
pub use samples::samples;
