//! `Notification` of PerfectGym: the body, one entry or an array of them.

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::one_or_many::OneOrMany;
use crate::{DedupeKey, Event, Vendor};

/// The body of a PerfectGym request: one event, or an array of events.
///
/// ```
/// use gymhook_event::{Kind, Notification as _, decode, perfectgym};
///
/// let body = br#"{"event":"ContractPaymentDone","triggeredDate":"2020-06-01T14:44:46Z","data":{"contractId":77,"userId":5120}}"#;
/// let notification: perfectgym::Notification = decode(body)?;
/// let event = notification.event(0).unwrap();
/// assert_eq!(event.kind, Kind::PaymentSucceeded);
/// assert_eq!(event.subject.to_string(), "contract 77");
/// assert_eq!(notification.entries()[0].data()?.user_id, Some(5120.into()));
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Notification(OneOrMany<Entry>);

impl Notification {
    /// The events with all their fields.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        self.0.as_slice()
    }
}

/// A body of one event, as PerfectGym sends it.
impl From<Entry> for Notification {
    fn from(entry: Entry) -> Self {
        Self(OneOrMany::One(entry))
    }
}

/// A body that is an array of events.
impl From<Vec<Entry>> for Notification {
    fn from(entries: Vec<Entry>) -> Self {
        Self(OneOrMany::Many(entries))
    }
}

impl crate::Notification for Notification {
    fn vendor(&self) -> Vendor {
        Vendor::PERFECTGYM
    }

    fn event_count(&self) -> usize {
        self.entries().len()
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        self.entries().get(index).map(Entry::event)
    }

    /// `None`: the id is in the header `X-PerfectGym-Request`, not in the body.
    fn dedupe_key(&self) -> Option<DedupeKey> {
        None
    }
}
