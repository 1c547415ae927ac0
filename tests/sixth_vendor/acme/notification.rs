//! The envelope, which is the event.

use serde::{Deserialize, Serialize};

use super::EventType;
use crate::{DedupeKey, Event, Id, Subject, SubjectKind, Vendor};

/// The body of a request from Acme; one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    event: EventType,
    member: Id,
}

impl crate::Notification for Notification {
    fn vendor(&self) -> Vendor {
        Vendor::ACME
    }

    fn event_count(&self) -> usize {
        1
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        let subject = Subject::new(SubjectKind::Member, Some(self.member.as_subject_id()));
        let event = Event::new(Vendor::ACME, self.event.as_str(), self.event.kind()).with_subject(subject);
        (index == 0).then_some(event)
    }

    fn dedupe_key(&self) -> Option<DedupeKey> {
        None
    }
}
