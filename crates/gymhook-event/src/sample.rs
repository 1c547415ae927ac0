//! `Sample` and `samples`: realistic bodies for tests, tools and documentation, each with its `Provenance`.

use core::fmt;

use crate::Vendor;
use crate::vendor_table::for_each_vendor;

/// A realistic body of one event type.
///
/// Ids, names and times are made up; where the fields come from, [`Sample::provenance`] says.
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
    /// Where the fields of the body are known from.
    pub provenance: Provenance,
    /// What the event says, in one sentence.
    pub description: &'static str,
    /// The body, compact JSON.
    pub body: &'static str,
}

impl Sample {
    pub(crate) const fn new(
        vendor: Vendor,
        event_type: &'static str,
        provenance: Provenance,
        description: &'static str,
        body: &'static str,
    ) -> Self {
        Self { vendor, event_type, provenance, description, body }
    }
}

/// Vendor, type, provenance and description in one line, without the body.
impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({}): {}", self.vendor, self.event_type, self.provenance, self.description)
    }
}

/// Where the fields of a sample's body are known from. Its values are made up in any case.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Provenance {
    /// The vendor publishes them.
    Documented,
    /// The vendor does not; receivers of its webhooks have seen or read them.
    Seen,
    /// Nobody knows them: they are this crate's invention, to have something to send.
    Ours,
}

impl Provenance {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Seen => "seen",
            Self::Ours => "ours",
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

macro_rules! all_samples {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $variant:ident($module:ident);)+) => {
        /// A sample of every event type of every vendor in [`Vendor::ALL`], in that order.
        pub fn samples() -> impl Iterator<Item = &'static Sample> {
            [$(crate::$module::samples(),)+].into_iter().flatten()
        }
    };
}

for_each_vendor!(all_samples);
