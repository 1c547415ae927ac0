#![doc = include_str!("../README.md")]

mod admission;
mod announcement;
mod api_key;
mod arrivals;
mod attempt_outcome;
mod command;
mod connection_status;
mod delete_condition;
mod deletion;
mod delivery_columns;
mod direction;
mod error;
mod journal;
mod mending;
mod new_notification;
mod notice;
mod queries;
mod refused;
mod serialize;
mod state;
mod storable;
mod store;
mod subscription_row;
mod target_columns;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod worker_calls;
mod write_condition;

pub use self::admission::{Admission, Admitted, QueueLimits};
pub use self::announcement::{Announcement, OtherWorkers};
pub use self::api_key::{ApiKeyOwner, ApiKeyQuery, ApiKeyRights, ApiKeyRotation, ApiKeyRow};
pub use self::arrivals::Arrivals;
pub use self::attempt_outcome::{AttemptOutcome, UnknownAttemptOutcome};
pub use self::command::{Command, PendingCommand, Redelivery};
pub use self::connection_status::{Connection, ConnectionRule};
pub use self::delete_condition::DeleteCondition;
pub use self::deletion::end_under_way;
pub use self::delivery_columns::{DeliveryColumns, UnreadableRow};
pub use self::direction::Direction;
pub use self::error::StoreError;
pub use self::journal::{Journal, JournalQuery, JournalRow, NewJournalEntry};
pub use self::mending::mended;
pub use self::new_notification::{NewNotification, RepeatCheck, body_digest};
pub use self::notice::Notice;
pub use self::queries::{
    AttemptQuery, AttemptRow, DeliveryQuery, DeliveryRow, EndpointStats, Page, Stats, StatsQuery,
    SubscriptionQuery,
};
pub use self::refused::Refused;
#[doc(hidden)]
pub use self::serialize::rfc3339;
pub use self::state::State;
pub use self::storable::Unstorable;
pub use self::store::Store;
pub use self::subscription_row::{SubscriptionRow, endpoint_record_from_json, endpoint_record_to_json};
pub use self::target_columns::TargetColumns;
pub use self::time::StoreTime;
pub use self::worker_calls::{
    Batch, Committed, Cursor, Fetch, Fetched, Lease, LeaseHolder, LeaseRequest, Leased, StoredNotification,
    WorkerId,
};
pub use self::write_condition::WriteCondition;
/// The machine, in the version that is in use here: its records are what a store keeps.
pub use gymhook_delivery;
pub use gymhook_delivery::{DeliveryId, EndpointId, Enqueued};
