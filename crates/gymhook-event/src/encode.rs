//! `encode`: encodes a notification to the bytes of a body.

use serde::Serialize;
use serde_json::value::RawValue;

/// Writes a notification as the compact JSON body of a request.
///
/// Sign and send these very bytes: encoding twice is not guaranteed to give the same text after an upgrade.
///
/// ```
/// use gymhook_event::{encode, egym};
/// use time::UtcDateTime;
///
/// let at = UtcDateTime::from_unix_timestamp(1_667_921_312)?;
/// let notification = egym::Notification::new(egym::EventType::GymCheckin, "4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c", at)?;
/// let body = br#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921312000,"type":"GYM_CHECKIN"}"#;
/// assert_eq!(encode(&notification)?, body);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`EncodeError`] if a type of your own refuses to be serialised or has keys that are not strings; the notifications
/// of this crate never do.
pub fn encode<N: Serialize>(notification: &N) -> Result<Vec<u8>, EncodeError> {
    serde_json::to_vec(notification).map_err(EncodeError)
}

/// Writes a typed view as the raw JSON that a notification keeps.
pub(crate) fn raw<T: Serialize>(view: &T) -> Result<Box<RawValue>, EncodeError> {
    serde_json::value::to_raw_value(view).map_err(EncodeError)
}

/// The caller's fault: a value that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the value cannot be written as JSON")]
pub struct EncodeError(#[source] serde_json::Error);
