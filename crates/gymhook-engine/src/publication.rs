//! `Publication`: one event, with the body that each platform would send.

use std::collections::BTreeMap;

use bytes::Bytes;
use gymhook::event::Notification;

use crate::DeliveryHeaders;

/// An event to publish, with a body for each platform whose subscriptions should get it.
///
/// A body is in one platform's format, and a receiver reads only that of the platform that it subscribed to. So each body
/// comes with its platform, and a subscription gets the body for its platform or nothing.
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
pub struct Publication {
    parts: BTreeMap<String, Part>,
    headers: DeliveryHeaders,
}

/// The body for one platform's subscriptions.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) event_type: String,
    pub(crate) body: Bytes,
}

impl Publication {
    /// A publication for subscriptions of this platform: the type in its spelling, and the exact bytes.
    #[must_use]
    pub fn new(platform: impl Into<String>, event_type: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let empty = Self { parts: BTreeMap::new(), headers: DeliveryHeaders::default() };
        empty.and(platform, event_type, body)
    }

    /// A publication of a platform's typed notification, for its subscriptions.
    ///
    /// # Errors
    /// serde_json's error, if the notification cannot be written.
    pub fn of(
        notification: &impl Notification,
        event_type: impl Into<String>,
    ) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(notification)?;
        Ok(Self::new(notification.vendor().as_str(), event_type, body))
    }

    /// Adds the body for subscriptions of another platform. For the same platform again, it replaces the body.
    #[must_use]
    pub fn and(
        mut self,
        platform: impl Into<String>,
        event_type: impl Into<String>,
        body: impl Into<Bytes>,
    ) -> Self {
        self.parts.insert(platform.into(), Part { event_type: event_type.into(), body: body.into() });
        self
    }

    /// With these headers on each request of its deliveries, to whatever platform: for example the publisher's trace context.
    /// Called again, the last ones count.
    #[must_use]
    pub fn with_headers(self, headers: DeliveryHeaders) -> Self {
        Self { headers, ..self }
    }

    pub(crate) const fn headers(&self) -> &DeliveryHeaders {
        &self.headers
    }

    /// The platforms that there is a body for, by name.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        self.parts.keys().map(String::as_str)
    }

    pub(crate) fn part(&self, platform: &str) -> Option<&Part> {
        self.parts.get(platform)
    }
}

/// `Debug` shows no body, since bodies contain personal data, and no value of a header.
impl core::fmt::Debug for Publication {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let types: BTreeMap<_, _> =
            self.parts.iter().map(|(platform, part)| (platform, &part.event_type)).collect();
        f.debug_struct("Publication").field("types", &types).field("headers", &self.headers).finish()
    }
}
