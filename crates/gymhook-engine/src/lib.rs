#![doc = include_str!("../README.md")]

mod clock;
mod micros;
pub mod store;
mod subscription;
mod transport;

pub use gymhook_delivery::{DeliveryId, EndpointId};

pub use subscription::Subscription;
pub use transport::{Answer, Sending, Transport};
