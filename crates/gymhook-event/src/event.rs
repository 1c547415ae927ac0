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
    /// The one other thing that the notification names with an id: a contract's person, a person's contract, the studio of
    /// a check-out; which one, the vendor's module says.
    pub related: Option<Subject<'a>>,
    /// When it happened, if the notification says so in a form that can be read.
    pub occurred_at: Option<UtcDateTime>,
    /// When the vendor took it down, where that is told apart from when it happened.
    pub recorded_at: Option<UtcDateTime>,
    /// The vendor's data about this one event as raw JSON; `None` where there is none or it is `null`.
    pub data: Option<&'a RawValue>,
}

impl<'a> Event<'a> {
    /// An event about an unknown subject, without time and data.
    #[must_use]
    pub const fn new(vendor: Vendor, event_type: &'a str, kind: Kind) -> Self {
        Self {
            vendor,
            event_type,
            kind,
            subject: Subject::UNKNOWN,
            related: None,
            occurred_at: None,
            recorded_at: None,
            data: None,
        }
    }

    /// The guest or member it concerns: the subject if that is a person, else what is related if that is one.
    ///
    /// ```
    /// use gymhook_event::{Notification as _, decode, perfectgym};
    ///
    /// let body = br#"{"event":"ContractCreated","data":{"contractId":30771,"userId":5120}}"#;
    /// let notification: perfectgym::Notification = decode(body)?;
    /// for event in notification.events() {
    ///     assert_eq!(event.subject.to_string(), "contract 30771");
    ///     assert_eq!(event.person().unwrap().to_string(), "user 5120");
    /// }
    /// # Ok::<(), gymhook_event::DecodeError>(())
    /// ```
    #[must_use]
    pub fn person(&self) -> Option<Subject<'a>> {
        [Some(self.subject), self.related].into_iter().flatten().find(|subject| subject.kind.is_person())
    }

    /// The same event about `subject`.
    #[must_use]
    pub const fn with_subject(self, subject: Subject<'a>) -> Self {
        Self { subject, ..self }
    }

    /// The same event with what else it names, if anything.
    #[must_use]
    pub const fn with_related(self, related: Option<Subject<'a>>) -> Self {
        Self { related, ..self }
    }

    /// The same event, taken down at that time, if one is known.
    #[must_use]
    pub const fn with_recorded_at(self, recorded_at: Option<UtcDateTime>) -> Self {
        Self { recorded_at, ..self }
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
