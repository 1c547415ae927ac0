//! `Event`: one event, in a form that is the same for all vendors, with getters such as `person` and `contract_id`.

use serde_json::value::RawValue;
use time::UtcDateTime;

use crate::{Decimal, Kind, Subject, SubjectId, SubjectKind, Vendor};

/// Something that happened, read the same way for every vendor.
///
/// An event borrows from the [`Notification`](crate::Notification) it came in; to ask it for something costs no allocation.
///
/// Handlers for several vendors ask for what they need: [`person`](Self::person), [`contract_id`](Self::contract_id),
/// [`booking_id`](Self::booking_id), … Whether the vendor calls it the subject or mentions it beside the subject makes no
/// difference, and what the notification does not name is `None`.
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
///
/// # Which vendor names what
///
/// The ids of one event are those of `person()` (with the vendor's word for a person) and of the methods named here, each as far
/// as the notification holds it.
///
#[doc = include_str!("named.md")]
///
/// No vendor publishes the amount of a payment: [`amount`](Self::amount) is for types of your own.
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
    /// The part of a contract that it is about: an additional module, or an idle period.
    pub part: Option<Subject<'a>>,
    /// The amount of money that it is about, with its digits as written; no vendor here publishes one.
    pub amount: Option<&'a Decimal>,
    /// When it happened, if the notification gives it in a readable form.
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
            part: None,
            amount: None,
            occurred_at: None,
            recorded_at: None,
            data: None,
        }
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

    /// The same event with the part of a contract that it is about, if any.
    #[must_use]
    pub const fn with_part(self, part: Option<Subject<'a>>) -> Self {
        Self { part, ..self }
    }

    /// The same event with the amount of money that it is about, if there is one.
    #[must_use]
    pub const fn with_amount(self, amount: Option<&'a Decimal>) -> Self {
        Self { amount, ..self }
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

/// What the event names, wherever the vendor puts it. The table above tells which vendor names what.
impl<'a> Event<'a> {
    /// The guest or member it concerns, with the vendor's word for a person.
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
        self.named().find(|subject| subject.kind.is_person())
    }

    /// The contract; of an event about a module, the main contract.
    ///
    /// ```
    /// use gymhook_event::{AnyNotification, Kind, Notification as _, Vendor};
    ///
    /// // PG Next says which customer's contract it is, and PerfectGym which contract of a user's.
    /// let bodies = [
    ///     (Vendor::PG_NEXT, r#"{"entityId":7893459,"uuid":"u","payload":[
    ///         {"timestamp":1764886271176,"type":"CONTRACT_CREATED","content":{"contractId":550120}}]}"#),
    ///     (Vendor::PERFECTGYM, r#"{"event":"ContractCreated","data":{"contractId":550120,"userId":7893459}}"#),
    /// ];
    /// for (vendor, body) in bodies {
    ///     let notification = AnyNotification::decode(vendor, body.as_bytes())?;
    ///     let event = notification.event(0).unwrap();
    ///     assert_eq!(event.kind, Kind::ContractCreated);
    ///     assert_eq!(event.contract_id().unwrap().to_string(), "550120");
    ///     assert_eq!(event.person().and_then(|person| person.id).unwrap().to_string(), "7893459");
    /// }
    /// # Ok::<(), gymhook_event::DecodeError>(())
    /// ```
    #[must_use]
    pub fn contract_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::Contract)
    }

    /// The additional module of a contract, by the id of its own contract.
    #[must_use]
    pub fn contract_module_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::ContractModule)
    }

    /// The idle period of a contract.
    #[must_use]
    pub fn idle_period_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::IdlePeriod)
    }

    /// The booking of a class or an appointment; [`kind`](Self::kind) says which.
    #[must_use]
    pub fn booking_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::Booking)
    }

    /// The session of a class.
    #[must_use]
    pub fn class_slot_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::ClassSlot)
    }

    /// The class, of which there are sessions.
    #[must_use]
    pub fn class_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::Class)
    }

    /// The studio or club that the body names; of a move to another home studio, the new one.
    ///
    /// Most bodies name none: which studio sent them, the key that matched says.
    #[must_use]
    pub fn studio_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::Studio)
    }

    /// The person who works for the gym.
    #[must_use]
    pub fn employee_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::Employee)
    }

    /// The device.
    #[must_use]
    pub fn device_id(&self) -> Option<SubjectId<'a>> {
        self.id_of(SubjectKind::Device)
    }

    /// The amount of money, with its digits as written.
    #[must_use]
    pub const fn amount(&self) -> Option<&'a Decimal> {
        self.amount
    }

    /// The id of that kind, if the notification names one.
    ///
    /// ```
    /// use gymhook_event::{Event, Kind, Subject, SubjectId, SubjectKind, Vendor};
    ///
    /// let export = Subject::new(SubjectKind::Export, Some(SubjectId::Number(2044)));
    /// let event = Event::new(Vendor::PG_NEXT, "TAX_ADVISOR_EXPORT_CREATED", Kind::ExportCreated).with_subject(export);
    /// assert_eq!(event.id_of(SubjectKind::Export), Some(SubjectId::Number(2044)));
    /// assert_eq!(event.id_of(SubjectKind::Studio), None);
    /// ```
    #[must_use]
    pub fn id_of(&self, kind: SubjectKind) -> Option<SubjectId<'a>> {
        self.named().find(|subject| subject.kind == kind).and_then(|subject| subject.id)
    }

    /// Everything that the notification names with an id: the subject first, then what is related, then the part.
    pub fn named(&self) -> impl Iterator<Item = Subject<'a>> + use<'a> {
        [Some(self.subject), self.related, self.part]
            .into_iter()
            .flatten()
            .filter(|subject| subject.id.is_some())
    }
}
