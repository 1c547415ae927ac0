//! One line of text for an event, and `DedupeRecord`, the key by which a repeat is recognised.

use gymhook::cloud_event::EventRecord;
use gymhook::event::Notification;
use gymhook::{DedupeBasis, Received};
use serde::Serialize;

use crate::output::shown;

/// What a repeat is recognised by.
#[derive(Debug, Serialize)]
pub(crate) struct DedupeRecord {
    pub(crate) scope: Option<String>,
    pub(crate) id: String,
    pub(crate) basis: &'static str,
}

/// An event in one line, safe on a terminal.
pub(crate) fn event_line(event: &EventRecord) -> String {
    let subject = event
        .subject_id
        .as_ref()
        .map_or_else(|| event.subject.to_owned(), |id| format!("{} {}", event.subject, shown(id)));
    let related = match (event.related, &event.related_id) {
        (Some(kind), Some(id)) => format!(" ({kind} {})", shown(id)),
        _ => String::new(),
    };
    let at = event.occurred_at.as_ref().map(|at| format!(", {at}")).unwrap_or_default();
    format!("{} = {}, {subject}{related}{at}", shown(&event.event_type), event.kind)
}

impl DedupeRecord {
    pub(crate) fn of<N: Notification>(received: &Received<N>) -> Option<Self> {
        let key = received.dedupe_key()?;
        Some(Self {
            scope: key.scope().map(|scope| scope.as_str().to_owned()),
            id: key.id().to_owned(),
            basis: basis(key.basis()),
        })
    }

    pub(crate) fn line(&self) -> String {
        let scope = self.scope.as_ref().map(|scope| format!("{}/", shown(scope))).unwrap_or_default();
        format!("{scope}{} ({})", shown(&self.id), self.basis)
    }
}

fn basis(basis: DedupeBasis) -> &'static str {
    match basis {
        DedupeBasis::SignedId => "signed-id",
        DedupeBasis::VendorId => "vendor-id",
        DedupeBasis::UnprovedId => "unproved-id",
        DedupeBasis::Derived | _ => "derived",
    }
}
