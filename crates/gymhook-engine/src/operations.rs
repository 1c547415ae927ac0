//! The operations of an engine, for people and their programs.

mod api_keys;
mod deliveries;
mod gym_pages;
mod journal;
mod notices;
mod publish;
mod subscription_updates;
mod subscriptions;
mod testing;
mod view;

pub use self::api_keys::{ApiKey, ApiKeyError, IssuedApiKey};
pub use self::deliveries::DeliveryLog;
pub use self::publish::{NotPublished, Published};
pub use self::subscriptions::SubscriptionError;
pub(crate) use self::testing::ONLY_200;
pub use self::testing::{TestAnswer, TestEvent, TestFailure, TestOutcome, TestSent};
pub use self::view::{EngineView, ViewError};
