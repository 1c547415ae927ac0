//! One event, as each platform would send it.

use std::collections::BTreeMap;

use bytes::Bytes;
use gymhook::event::Notification;

/// One event to be published, with a body for each platform whose subscriptions are to get it.
///
/// A body has one platform's shape, and a receiver reads only that of the platform it subscribed to. So each body comes with its
/// platform, and a subscription gets the body of its own or nothing.
///
/// ```
/// use gymhook::event::{decode, egym};
/// use gymhook_engine::Publication;
///
/// let check_in: egym::Notification = decode(
///     br#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#,
/// )?;
/// let event = Publication::of(&check_in, "GYM_CHECKIN")?
///     .and("gympoint", "checkin.created", r#"{"event":"checkin.created","data":{"memberId":"m_1"}}"#);
/// assert_eq!(event.platforms().collect::<Vec<_>>(), ["egym", "gympoint"]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Publication(BTreeMap<String, Part>);

/// What one platform's subscriptions get.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) event_type: String,
    pub(crate) body: Bytes,
}

impl Publication {
    /// For subscriptions of this platform: the type in its spelling, and the exact bytes.
    #[must_use]
    pub fn new(platform: impl Into<String>, event_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self(BTreeMap::new()).and(platform, event_type, body)
    }

    /// A platform's own notification, for its subscriptions.
    ///
    /// # Errors
    /// Whatever serde_json says of a notification that cannot be written.
    pub fn of(
        notification: &impl Notification,
        event_type: impl Into<String>,
    ) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(notification)?;
        Ok(Self::new(notification.vendor().as_str(), event_type, body))
    }

    /// The same event for subscriptions of another platform. Named again, the last body counts.
    #[must_use]
    pub fn and(
        mut self,
        platform: impl Into<String>,
        event_type: impl Into<String>,
        body: impl Into<Bytes>,
    ) -> Self {
        self.0.insert(platform.into(), Part { event_type: event_type.into(), body: body.into() });
        self
    }

    /// The platforms that there is a body for, by name.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn part(&self, platform: &str) -> Option<&Part> {
        self.0.get(platform)
    }
}

/// `Debug` shows no body: its bytes are about people.
impl core::fmt::Debug for Publication {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(platform, part)| (platform, &part.event_type))).finish()
    }
}
