//! The one reading of an event across vendors.

use serde_json::value::RawValue;
use time::UtcDateTime;

use crate::{Kind, Subject, Vendor};

/// Something that happened, read the same way for every vendor.
///
/// An event borrows from the [`Notification`](crate::Notification) it came in and costs no allocation.
///
/// ```
/// use gymhook_event::{Kind, Notification as _, decode, pg_next};
///
/// let body = br#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f",
///                 "payload":[{"timestamp":1642779144176,"type":"CUSTOMER_CREATED"}]}"#;
/// let notification: pg_next::Notification = decode(body)?;
/// for event in notification.events() {
///     assert_eq!(event.kind, Kind::MemberCreated);
///     assert_eq!(event.event_type, "CUSTOMER_CREATED");
///     assert_eq!(event.subject.to_string(), "customer 7893459");
/// }
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Event<'a> {
    /// Who sent it.
    pub vendor: Vendor,
    /// The vendor's name for the type, spelled as it was received.
    pub event_type: &'a str,
    /// What the type means.
    pub kind: Kind,
    /// Whom or what it is about.
    pub subject: Subject<'a>,
    /// When it happened, if the notification says so in a form that can be read.
    pub occurred_at: Option<UtcDateTime>,
    /// The vendor's data about this one event as raw JSON; `None` where there is none or it is `null`.
    pub data: Option<&'a RawValue>,
}

impl<'a> Event<'a> {
    /// An event about an unknown subject, without time and data.
    #[must_use]
    pub const fn new(vendor: Vendor, event_type: &'a str, kind: Kind) -> Self {
        Self { vendor, event_type, kind, subject: Subject::UNKNOWN, occurred_at: None, data: None }
    }

    /// The same event about `subject`.
    #[must_use]
    pub const fn with_subject(self, subject: Subject<'a>) -> Self {
        Self { subject, ..self }
    }

    /// The same event at that time, if one is known.
    #[must_use]
    pub const fn with_occurred_at(self, occurred_at: Option<UtcDateTime>) -> Self {
        Self { occurred_at, ..self }
    }

    /// The same event with that data, if there is any.
    #[must_use]
    pub const fn with_data(self, data: Option<&'a RawValue>) -> Self {
        Self { data, ..self }
    }
}
