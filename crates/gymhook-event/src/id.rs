//! `Id`: ids that are numbers for some senders and text for others.

use core::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{SubjectId, raw};

/// A vendor's id: a whole JSON number or a JSON string, written back as it was received.
///
/// A number is what it spells, never rounded: `1.0` is 1, and whole numbers beyond 64 bits keep all their digits; `1.5` is no
/// id. Two spellings of one id, `12` and `"12"`, are different values; compare their texts to see past that.
///
/// ```
/// use gymhook_event::Id;
///
/// let number: Id = serde_json::from_str("7893459")?;
/// let text: Id = serde_json::from_str("\"7893459\"")?;
/// assert_ne!(number, text);
/// assert_eq!(number.to_string(), text.to_string());
/// assert_eq!(text.as_i64(), Some(7893459));
/// let float: Id = serde_json::from_str("7893459.0")?;
/// assert_eq!((float.to_string(), float.as_i64()), (number.to_string(), Some(7893459)));
/// assert_eq!(serde_json::to_string(&float)?, "7893459.0");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Number(i64),
    Text(String),
    Spelled(Box<SpelledNumber>),
}

/// A number beyond 64 bits, or written otherwise than by its digits alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct SpelledNumber {
    digits: String,
    written: String,
}

impl Id {
    /// The id as a number of 64 bits, if it was received as one or is the plain decimal text of one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Number(number) => Some(*number),
            Repr::Text(text) => plain_number(text),
            Repr::Spelled(spelled) => plain_number(&spelled.digits),
        }
    }

    /// The id without owning it, as a subject carries it.
    #[must_use]
    pub fn as_subject_id(&self) -> SubjectId<'_> {
        match &self.0 {
            Repr::Number(number) => SubjectId::Number(*number),
            Repr::Text(text) => SubjectId::Text(text),
            Repr::Spelled(spelled) => {
                spelled.digits.parse().map_or(SubjectId::Text(&spelled.digits), SubjectId::Number)
            }
        }
    }
}

impl Id {
    /// `None` if the JSON is no id.
    pub(crate) fn read(json: Box<RawValue>) -> Option<Self> {
        let json = match raw::into_text(json) {
            Ok(text) => return Some(Self::from(text)),
            Err(json) => json,
        };
        let json = json.get();
        if let Some(number) = plain_number(json) {
            return Some(Self::from(number));
        }
        let digits = whole_number(json)?;
        Some(Self(Repr::Spelled(Box::new(SpelledNumber { digits, written: json.to_owned() }))))
    }

    /// Whether it is a text without a character, which names nothing.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.0, Repr::Text(text) if text.is_empty())
    }
}

impl From<i64> for Id {
    fn from(number: i64) -> Self {
        Self(Repr::Number(number))
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self(Repr::Text(text))
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self(Repr::Text(text.to_owned()))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_subject_id().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => write!(f, "Id({number})"),
            Repr::Text(text) => write!(f, "Id({text:?})"),
            Repr::Spelled(spelled) => write!(f, "Id({})", spelled.written),
        }
    }
}

/// Writes it as it was received.
impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Number(number) => serializer.serialize_i64(*number),
            Repr::Text(text) => serializer.serialize_str(text),
            Repr::Spelled(spelled) => {
                let written = RawValue::from_string(spelled.written.clone());
                written.map_err(ser::Error::custom)?.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Only the text of a number says what it spells: as a float, its last digits would be gone.
        Self::read(Box::<RawValue>::deserialize(deserializer)?).ok_or_else(refused)
    }
}

/// The number that a text is, if it is written as 64 bits of one usually are: `-0` and `007` are not.
fn plain_number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = !digits.starts_with(['0', '+']) || text == "0";
    text.parse().ok().filter(|_| is_plain)
}

fn refused<E: de::Error>() -> E {
    E::custom("not an id, expected an id: a whole number, or a string")
}

/// The maximum number of digits of a number with an exponent.
const MAX_DIGITS: usize = 64;

/// The digits of the whole number that a JSON number spells, with its sign; `None` if it is none.
fn whole_number(json: &str) -> Option<String> {
    let (sign, unsigned) = json.strip_prefix('-').map_or(("", json), |unsigned| ("-", unsigned));
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let significant = [whole, fraction].concat();
    let significant = significant.trim_start_matches('0');
    if significant.trim_end_matches('0').is_empty() {
        return Some("0".to_owned());
    }
    let exponent = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let shift = usize::try_from(exponent.unsigned_abs()).ok()?;
    if exponent < 0 {
        let (digits, cut) = significant.split_at_checked(significant.len().checked_sub(shift)?)?;
        return (cut.bytes().all(|digit| digit == b'0') && !digits.is_empty())
            .then(|| format!("{sign}{digits}"));
    }
    let fits = shift == 0 || significant.len().checked_add(shift).is_some_and(|digits| digits <= MAX_DIGITS);
    fits.then(|| format!("{sign}{significant}{}", "0".repeat(shift)))
}
