//! What people and their programs ask of an engine.

mod api_keys;
mod deliveries;
mod handing_over;
mod notices;
mod subscriptions;

pub use self::api_keys::{ApiKey, IssuedApiKey};
pub use self::deliveries::DeliveryLog;
pub use self::handing_over::Published;
pub use self::subscriptions::SubscriptionError;
