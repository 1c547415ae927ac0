//! The one reading of a notification, as it is printed.

use gymhook::event::{Event, Notification, Subject};
use gymhook::{DedupeBasis, Received};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::output::shown;
use crate::when;

/// One event, with the names that all JSON output has for its parts.
#[derive(Debug, Serialize)]
pub(crate) struct EventRecord {
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    pub(crate) kind: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) subject_id: Option<String>,
    pub(crate) related: Option<&'static str>,
    pub(crate) related_id: Option<String>,
    pub(crate) person_id: Option<String>,
    pub(crate) occurred_at: Option<String>,
    pub(crate) recorded_at: Option<String>,
    pub(crate) data: Option<Box<RawValue>>,
}

/// What a repeat is recognised by.
#[derive(Debug, Serialize)]
pub(crate) struct DedupeRecord {
    pub(crate) scope: Option<String>,
    pub(crate) id: String,
    pub(crate) basis: &'static str,
}

impl From<Event<'_>> for EventRecord {
    fn from(event: Event<'_>) -> Self {
        let id = |subject: Subject<'_>| subject.id.map(|id| id.to_string());
        Self {
            event_type: event.event_type.to_owned(),
            kind: event.kind.as_str(),
            subject: event.subject.kind.as_str(),
            subject_id: id(event.subject),
            related: event.related.map(|related| related.kind.as_str()),
            related_id: event.related.and_then(id),
            person_id: event.person().and_then(id),
            occurred_at: event.occurred_at.map(when::text),
            recorded_at: event.recorded_at.map(when::text),
            data: event.data.map(ToOwned::to_owned),
        }
    }
}

impl EventRecord {
    /// In one line, safe on a terminal.
    pub(crate) fn line(&self) -> String {
        let subject = self
            .subject_id
            .as_ref()
            .map_or_else(|| self.subject.to_owned(), |id| format!("{} {}", self.subject, shown(id)));
        let related = match (self.related, &self.related_id) {
            (Some(kind), Some(id)) => format!(" ({kind} {})", shown(id)),
            _ => String::new(),
        };
        let at = self.occurred_at.as_ref().map(|at| format!(", {at}")).unwrap_or_default();
        format!("{} = {}, {subject}{related}{at}", shown(&self.event_type), self.kind)
    }
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
