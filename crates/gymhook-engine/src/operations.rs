//! What people and their programs ask of an engine.

mod api_keys;
mod deliveries;
mod gym_pages;
mod handing_over;
mod notices;
mod subscriptions;
mod testing;
mod view;

pub use self::api_keys::{ApiKey, ApiKeyError, IssuedApiKey};
pub use self::deliveries::DeliveryLog;
pub use self::handing_over::{NotPublished, Published};
pub use self::subscriptions::SubscriptionError;
pub use self::testing::{TestAnswer, TestEvent, TestFailure, TestOutcome, TestSent};
pub use self::view::{EngineView, ViewError};
