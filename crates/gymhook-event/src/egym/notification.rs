//! `Notification` of EGYM: the body of a request, one event with `accountId` and `timestamp`.

use serde::de;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use time::UtcDateTime;
use uuid::Uuid;

use super::EventType;
use crate::open_names::Spelled;
use crate::open_object::{Field, open_object};
use crate::{BeforeUnixEpoch, DedupeKey, Event, Extra, Id, Subject, SubjectKind, UnixMillis, Vendor};

/// The body of an EGYM request; one event.
///
/// `accountId` and `timestamp` are required for the five documented types of real events. For `TEST` the vendor does
/// not say, and for a type that is not documented nobody can, so there they may be absent.
///
/// The derived key joins time, type and account. It is absent where the account is empty, for a `TEST`, which is sent as often
/// as somebody asks for it, and for a type that is not documented, since fields unknown here may be what tells two of its
/// events apart.
///
/// ```
/// use gymhook_event::{DedupeKey, Kind, Notification as _, decode, egym};
///
/// let body = br#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
/// let notification: egym::Notification = decode(body)?;
/// let event = notification.event(0).unwrap();
/// assert_eq!(event.kind, Kind::CheckIn);
/// assert_eq!(event.subject.to_string(), "account 4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c");
/// let key = "egym:1667921312188:GYM_CHECKIN:4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c";
/// assert_eq!(notification.dedupe_key(), Some(DedupeKey::Derived(key.into())));
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    account_id: Field<Id>,
    timestamp: Field<UnixMillis>,
    event_type: Spelled<EventType>,
    extra: Extra,
}

impl Notification {
    /// A notification that says when it happened to whose account; the time is cut to milliseconds.
    ///
    /// # Errors
    /// [`BeforeUnixEpoch`] if `occurred_at` is before 1970.
    pub fn new(
        event_type: EventType,
        account_id: impl Into<Id>,
        occurred_at: UtcDateTime,
    ) -> Result<Self, BeforeUnixEpoch> {
        Ok(Self {
            account_id: Field::Value(account_id.into()),
            timestamp: Field::Value(occurred_at.try_into()?),
            event_type: event_type.into(),
            extra: Extra::new(),
        })
    }

    /// A `TEST` without account and time.
    #[must_use]
    pub fn test() -> Self {
        Self {
            account_id: Field::Absent,
            timestamp: Field::Absent,
            event_type: EventType::Test.into(),
            extra: Extra::new(),
        }
    }

    /// What happened.
    #[must_use]
    pub const fn event_type(&self) -> &EventType {
        self.event_type.value()
    }

    /// The person's account as received.
    #[must_use]
    pub const fn account_id(&self) -> Option<&Id> {
        self.account_id.as_option()
    }

    /// The person's account, if it is the UUID that the vendor promises.
    #[must_use]
    pub fn account_uuid(&self) -> Option<Uuid> {
        self.account_id().and_then(|id| Uuid::try_parse(&id.to_string()).ok())
    }

    /// When it happened, in milliseconds as received.
    #[must_use]
    pub fn timestamp(&self) -> Option<UnixMillis> {
        self.timestamp.as_option().copied()
    }

    /// All other fields.
    #[must_use]
    pub const fn extra(&self) -> &Extra {
        &self.extra
    }

    fn checked<E: de::Error>(self) -> Result<Self, E> {
        match self.event_type() {
            EventType::Test | EventType::Other(_) => Ok(self),
            EventType::GymCheckin
            | EventType::GymCheckout
            | EventType::EquipmentCheckin
            | EventType::MembershipDelete
            | EventType::GeniusOnboardingCompleted => {
                self.account_id().ok_or_else(|| E::missing_field("accountId"))?;
                self.timestamp().ok_or_else(|| E::missing_field("timestamp"))?;
                Ok(self)
            }
        }
    }
}

impl crate::Notification for Notification {
    fn vendor(&self) -> Vendor {
        Vendor::EGYM
    }

    fn event_count(&self) -> usize {
        1
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        (index == 0).then(|| {
            Event::new(Vendor::EGYM, self.event_type.as_str(), self.event_type().kind())
                .with_subject(Subject::new(SubjectKind::Account, self.account_id().map(Id::as_subject_id)))
                .with_occurred_at(self.timestamp().and_then(UnixMillis::to_utc))
        })
    }

    fn dedupe_key(&self) -> Option<DedupeKey> {
        if matches!(self.event_type(), EventType::Test | EventType::Other(_)) {
            return None;
        }
        let account = self.account_id().filter(|id| !id.is_empty())?.to_string();
        let timestamp = self.timestamp()?.get().to_string();
        Some(DedupeKey::derived(Vendor::EGYM, &[&timestamp, self.event_type.as_str(), &account]))
    }
}

impl Serialize for Notification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.account_id.serialize_into("accountId", &mut map)?;
        self.timestamp.serialize_into("timestamp", &mut map)?;
        map.serialize_entry("type", &self.event_type)?;
        self.extra.serialize_into(&mut map)?;
        map.end()
    }
}

open_object! {
    Notification from Notification via Notification::checked, expecting "an EGYM notification, an object": {
        "accountId" => account_id,
        "timestamp" => timestamp,
        "type" => event_type,
    }
}
