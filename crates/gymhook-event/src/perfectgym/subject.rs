//! `About`: the subject of a PerfectGym event, which is in `data` and is read when first requested.

use super::{Data, EventType};
use crate::{Id, Subject, SubjectKind};

/// Whom an event is about, and the person beside that.
#[derive(Clone, Debug)]
pub(super) struct About {
    subject: (SubjectKind, Option<Id>),
    person: Option<Id>,
}

impl About {
    pub(super) fn read(event_type: &EventType, data: Option<&Data>) -> Self {
        let Some((own, id)) = own_id(event_type) else {
            return Self { subject: (SubjectKind::Unknown, None), person: None };
        };
        let person = data.and_then(Data::person).cloned();
        match data.and_then(id).cloned() {
            Some(id) if own == SubjectKind::User => Self { subject: (own, Some(id)), person: None },
            Some(id) => Self { subject: (own, Some(id)), person },
            None if person.is_some() => Self { subject: (SubjectKind::User, person), person: None },
            None => Self { subject: (own, None), person: None },
        }
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        let (kind, id) = &self.subject;
        Subject::new(*kind, id.as_ref().map(Id::as_subject_id))
    }

    pub(super) fn related(&self) -> Option<Subject<'_>> {
        self.person.as_ref().map(|person| Subject::new(SubjectKind::User, Some(person.as_subject_id())))
    }
}

/// What events of a type are about, and where its id is.
type OwnId = (SubjectKind, fn(&Data) -> Option<&Id>);

fn own_id(event_type: &EventType) -> Option<OwnId> {
    match event_type {
        EventType::ClassesBooked
        | EventType::ClassesBookedOnStandbyList
        | EventType::ClassesBookingCancelled
        | EventType::ClassesBookingPromotedFromStandbyList => {
            Some((SubjectKind::ClassSlot, |data| data.time_table_event_id.as_ref()))
        }
        EventType::ContractPaymentDone | EventType::ContractCreated => {
            Some((SubjectKind::Contract, |data| data.contract_id.as_ref()))
        }
        EventType::PersonalTrainingBooked | EventType::PersonalTrainingBookingCancelled => {
            Some((SubjectKind::Booking, |data| data.personal_training_booking_id.as_ref()))
        }
        EventType::UserCardScanned
        | EventType::UserModified
        | EventType::UserPresenceChanged
        | EventType::AgreementAnswerModified => Some((SubjectKind::User, Data::person)),
        EventType::Test | EventType::Other(_) => None,
    }
}
