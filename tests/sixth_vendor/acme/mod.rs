//! Acme Gyms: a vendor that does not exist, with which `tests/sixth_vendor.rs` follows CONTRIBUTING.md.

mod event_type;
mod notification;
mod samples;

pub use event_type::EventType;
pub use notification::Notification;
pub use samples::samples;
