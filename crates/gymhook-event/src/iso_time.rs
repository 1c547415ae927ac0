//! `IsoTime`: a time that is written as text, as it was written.

use core::fmt;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcDateTime};

/// A date and time as a vendor wrote it; the text is kept even where it cannot be read.
///
/// Vendors promise ISO 8601 and mean, mostly, RFC 3339; beside that, these of ISO 8601's forms are read: the basic form
/// (`20200601T144446Z`), no seconds (`14:44Z`), a comma before the fraction, and offsets as `+0200` or `+02`. An event is
/// worth more than its time: text that is no date reads as `None` and the event lives on.
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

    /// The point in time if the text is a date, a time, an optional fraction, and `Z` or an offset.
    #[must_use]
    pub fn to_utc(&self) -> Option<UtcDateTime> {
        self.read(None)
    }

    /// Like [`to_utc`](Self::to_utc), but text without a zone is taken for UTC.
    #[must_use]
    pub fn to_utc_assuming_utc(&self) -> Option<UtcDateTime> {
        self.read(Some("Z"))
    }

    fn read(&self, zone_if_none: Option<&str>) -> Option<UtcDateTime> {
        let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        let read = parse(&self.0).or_else(|| parse(&as_rfc3339(&self.0, zone_if_none)?))?;
        read.checked_to_utc()
    }
}

/// One of ISO 8601's other spellings as RFC 3339 writes it; that its numbers are a date and a time is not checked here.
fn as_rfc3339(text: &str, zone_if_none: Option<&str>) -> Option<String> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let (time, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => rest.split_at_checked(at)?,
        None => (rest, zone_if_none?),
    };
    let date = match fields(date, '-', 4)?.as_slice() {
        [year, month, day] => format!("{year}-{month}-{day}"),
        _ => return None,
    };
    let (time, fraction) =
        time.split_once(['.', ',']).map_or((time, None), |(time, fraction)| (time, Some(fraction)));
    let time = match (fields(time, ':', 2)?.as_slice(), fraction) {
        ([hour, minute], None) => format!("{hour}:{minute}:00"),
        ([hour, minute, second], None) => format!("{hour}:{minute}:{second}"),
        ([hour, minute, second], Some(fraction)) => format!("{hour}:{minute}:{second}.{fraction}"),
        _ => return None,
    };
    let zone = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => "Z".to_owned(),
        (sign @ ("+" | "-"), offset) => match fields(offset, ':', 2)?.as_slice() {
            [hours] => format!("{sign}{hours}:00"),
            [hours, minutes] => format!("{sign}{hours}:{minutes}"),
            _ => return None,
        },
        _ => return None,
    };
    Some(format!("{date}T{time}{zone}"))
}

/// Fields of two digits, the first of `first` digits, all with the separator between them or all without.
fn fields(text: &str, separator: char, first: usize) -> Option<Vec<&str>> {
    let digits = |field: &&str| field.bytes().all(|byte| byte.is_ascii_digit());
    let fields: Vec<&str> = if text.contains(separator) {
        text.split(separator).collect()
    } else {
        let (head, mut rest) = text.split_at_checked(first)?;
        let mut fields = vec![head];
        while !rest.is_empty() {
            let (field, behind) = rest.split_at_checked(2)?;
            fields.push(field);
            rest = behind;
        }
        fields
    };
    let mut lengths = fields.iter().map(|field| field.len());
    let sizes = lengths.next() == Some(first) && lengths.all(|length| length == 2);
    (sizes && fields.iter().all(digits)).then_some(fields)
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
#[non_exhaustive]
pub struct YearOutOfRange {
    /// The time that was given.
    pub at: UtcDateTime,
}
