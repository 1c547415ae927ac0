//! Whom an event is about, which stands in `data` and is read when first asked for.

use std::sync::OnceLock;

use super::{Data, EventType};
use crate::{Id, Subject, SubjectKind};

/// The subject's id, remembered once read; not part of an entry's value.
#[derive(Clone, Debug, Default)]
pub(super) struct SubjectCell(OnceLock<(SubjectKind, Option<Id>)>);

impl SubjectCell {
    pub(super) fn get(&self, event_type: &EventType, data: impl FnOnce() -> Option<Data>) -> Subject<'_> {
        let (kind, id) = self.0.get_or_init(|| {
            own_id(event_type).map_or((SubjectKind::Unknown, None), |(own, id)| match data() {
                Some(data) => in_data(own, id(&data), data.person()),
                None => (own, None),
            })
        });
        Subject::new(*kind, id.as_ref().map(Id::as_subject_id))
    }
}

impl PartialEq for SubjectCell {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What events of a type are about, and where its id stands.
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

fn in_data(own: SubjectKind, id: Option<&Id>, person: Option<&Id>) -> (SubjectKind, Option<Id>) {
    match (id, person) {
        (Some(id), _) => (own, Some(id.clone())),
        (None, Some(person)) => (SubjectKind::User, Some(person.clone())),
        (None, None) => (own, None),
    }
}
