//! PerfectGym (the classic PGM): a named event with data that the vendor shows only inside the product.
//!
//! ```json
//! {"event": "UserModified", "triggeredDate": "2020-06-01T14:44:46Z", "data": {"userId": 5120}}
//! ```
//!
//! Envelope, eleven event names and the test event are described on
//! <https://kb.perfectgym.com/article/how-use-and-set-webhooks>. The fields of `data` are not: [`Data`] holds those that
//! receivers of these webhooks have seen, and the raw JSON stays at hand. Receivers have also seen a twelfth name,
//! `AgreementAnswerModified`, and `ClassesBookedOnStandbyList` for the page's `ClassesBookedOnStadbyList`; both
//! spellings are read as one type, the former is written, and what was received is kept.
//!
//! One request holds one event; an array of such objects is read too, as some receivers do in precaution.
//!
//! A repetition is recognised by the header `X-PerfectGym-Request`, which is the same in every attempt; the body has no
//! id, so [`dedupe_key`](crate::Notification::dedupe_key) is `None`.
//!
//! # Whom an event is about
//!
//! | types | subject | related | if the subject's id is absent |
//! |---|---|---|---|
//! | `Classes…` | class slot, `timeTableEventId` | user, `userId` | user, `userId` |
//! | `PersonalTraining…` | booking, `personalTrainingBookingId` | user, `userId` | user, `userId` |
//! | `Contract…` | contract, `contractId` | user, `userId` | user, `userId` |
//! | `User…`, `AgreementAnswerModified` | user, `userId` | | |
//! | `Test`, others | unknown | | |
//!
//! So [`Event::person`](crate::Event::person) is the user wherever one is named. Each of these fields is read independently: one
//! that holds something unexpected costs no other.
//!
//! # When it happened
//!
//! `triggeredDate` is "utc-based-time" in ISO 8601, "typically" as above. [`IsoTime`](crate::IsoTime) tells which forms are
//! read; one without a zone is UTC. A date that cannot be read, or is no text, leaves the time open and refuses nothing.

mod data;
mod entry;
mod event_type;
mod notification;
mod samples;
mod subject;

pub use data::{Data, NestedTestData, TestData, User};
pub use entry::Entry;
pub use event_type::EventType;
pub use notification::Notification;
pub use samples::samples;
