#![doc = include_str!("../README.md")]

#[cfg(feature = "http")]
pub mod http;
mod subscription;
mod transport;

pub use gymhook_delivery::{DeliveryId, EndpointId};

#[cfg(feature = "http")]
pub use self::http::HttpTransport;
pub use subscription::Subscription;
pub use transport::{Answer, Sending, Transport};
