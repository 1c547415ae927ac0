//! Times written as text.

use core::fmt;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime, UtcDateTime};

/// A date and time as a vendor wrote it; the text is kept even where it cannot be read.
///
/// Vendors promise ISO 8601 and mean, mostly, RFC 3339. An event is worth more than its time: text that is no date
/// reads as `None` and the event lives on.
///
/// ```
/// use gymhook_event::IsoTime;
///
/// let time = IsoTime::new("2020-06-01T16:44:46+02:00");
/// assert_eq!(time.to_utc().unwrap().to_string(), "2020-06-01 14:44:46.0 +00");
///
/// let zoneless = IsoTime::new("2020-06-01T14:44:46");
/// assert_eq!(zoneless.to_utc(), None);
/// assert!(zoneless.to_utc_assuming_utc().is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IsoTime(String);

impl IsoTime {
    /// Keeps the text as it is.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The point in time if the text is RFC 3339: a date, a time, an optional fraction, and `Z` or an offset.
    #[must_use]
    pub fn to_utc(&self) -> Option<UtcDateTime> {
        OffsetDateTime::parse(&self.0, &Rfc3339).ok().and_then(OffsetDateTime::checked_to_utc)
    }

    /// Like [`to_utc`](Self::to_utc), but text without a zone is taken for UTC.
    #[must_use]
    pub fn to_utc_assuming_utc(&self) -> Option<UtcDateTime> {
        self.to_utc().or_else(|| {
            PrimitiveDateTime::parse(&format!("{}Z", self.0), &Rfc3339).ok().map(PrimitiveDateTime::as_utc)
        })
    }
}

/// Writes the time as RFC 3339 in UTC, such as `2020-06-01T14:44:46Z`.
impl TryFrom<UtcDateTime> for IsoTime {
    type Error = YearOutOfRange;

    fn try_from(at: UtcDateTime) -> Result<Self, Self::Error> {
        at.format(&Rfc3339).map(Self).map_err(|_| YearOutOfRange { at })
    }
}

impl fmt::Display for IsoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The caller's fault: RFC 3339 writes the years 0 to 9999 only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at} is outside the years 0 to 9999")]
pub struct YearOutOfRange {
    /// The time that was given.
    pub at: UtcDateTime,
}
