//! Realistic bodies for tests, tools and documentation.

use crate::{Vendor, egym, gympoint, perfectgym, pg_next, point};

/// A realistic body of one event type.
///
/// Ids, names and times are made up; fields are those the vendor publishes, or that receivers of its webhooks have seen.
///
/// ```
/// use gymhook_event::{AnyNotification, Notification as _, samples};
///
/// for sample in samples() {
///     let notification = AnyNotification::decode(sample.vendor, sample.body.as_bytes())?;
///     assert!(notification.events().any(|event| event.event_type == sample.event_type));
/// }
/// # Ok::<(), gymhook_event::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sample {
    /// Who would send it.
    pub vendor: Vendor,
    /// The type of its events, as it is spelled in the body.
    pub event_type: &'static str,
    /// What the event says, in one sentence.
    pub description: &'static str,
    /// The body, compact JSON.
    pub body: &'static str,
}

impl Sample {
    pub(crate) const fn new(
        vendor: Vendor,
        event_type: &'static str,
        description: &'static str,
        body: &'static str,
    ) -> Self {
        Self { vendor, event_type, description, body }
    }
}

/// A sample of every event type of all five vendors.
pub fn samples() -> impl Iterator<Item = &'static Sample> {
    [gympoint::samples(), egym::samples(), perfectgym::samples(), pg_next::samples(), point::samples()]
        .into_iter()
        .flatten()
}
