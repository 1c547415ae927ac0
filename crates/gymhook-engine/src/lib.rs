#![doc = include_str!("../README.md")]

mod clock;
mod delivery_headers;
mod engine;
mod handler;
mod header_rules;
mod health;
#[cfg(feature = "http")]
pub mod http;
mod ids;
mod inbox;
mod logged_attempt;
mod operations;
mod options;
mod publication;
mod secret_cipher;
pub mod store;
mod stored_arrival;
mod subscription;
mod subscription_rows;
mod telemetry;
mod tls_settings;
mod transport;
mod user_code;
mod worker;
mod worker_requests;

pub use gymhook::send::{EventFilter, FilterError};
pub use gymhook_delivery::{DeliveryId, DeliveryState, EndpointChange, EndpointId, EndpointPolicy};
pub use gymhook_store::{Connection, ConnectionRule, Direction};

#[cfg(feature = "http")]
pub use self::http::HttpTransport;
pub use delivery_headers::{DeliveryHeaders, ReadHeadersError};
pub use engine::{Engine, EngineBuilder};
#[cfg(feature = "store-tests")]
pub use gymhook_store::store_suite;
pub use handler::{HandlerError, HandlerTransport, InboxHandler, InboxHandlers, InboxItem, ReadItemError};
pub use header_rules::CheckHeadersError;
pub use health::{Health, NotReady, WorkerState};
pub use inbox::{AcceptError, Accepted, Inbox, KeptUnreadable, ReadAgainError};
pub use logged_attempt::LoggedAttempt;
pub use operations::{
    ApiKey, ApiKeyError, DeliveryLog, EngineView, IssuedApiKey, NotPublished, Published, SubscriptionError,
    TestAnswer, TestEvent, TestFailure, TestOutcome, TestSent, ViewError,
};
pub use publication::Publication;
pub use secret_cipher::{SecretCipher, SecretCipherError};
pub use subscription::{HttpTarget, MetadataError, Subscription, Target};
pub use subscription_rows::{INBOX_PLATFORM, SettingsError};
pub use tls_settings::TlsSettings;
pub use transport::{Answer, Sending, Transport};
