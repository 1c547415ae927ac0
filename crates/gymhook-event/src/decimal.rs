//! `Decimal`: decimal numbers that keep their digits as written, such as amounts and measures.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON number (or a string that holds one) that keeps its source text.
///
/// Money never passes through a float: take [`as_str`](Self::as_str) into a decimal type of your choice. Equality is
/// that of the text, so `1.0` and `1.00` differ, and so do a number and the same number as a string.
///
/// ```
/// use gymhook_event::Decimal;
///
/// let amount: Decimal = serde_json::from_str("33.780")?;
/// assert_eq!(amount.as_str(), "33.780");
/// assert_eq!(serde_json::to_string(&amount)?, "33.780");
/// assert_eq!(serde_json::from_str::<Decimal>("1e999")?.as_f64(), None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Decimal(Box<RawValue>);

impl Decimal {
    /// The number's text as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get().trim_matches('"')
    }

    /// The nearest float; `None` if the number is too large for one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.as_str().parse().ok().filter(|float: &f64| float.is_finite())
    }
}

/// Keeps the text of a number in JSON's grammar, so not `+1`, `.5`, `01` or `NaN`.
impl FromStr for Decimal {
    type Err = ParseDecimalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = ParseDecimalError { _private: () };
        if !starts_like_a_number(text) || !text.ends_with(|last: char| last.is_ascii_digit()) {
            return Err(error);
        }
        RawValue::from_string(text.to_owned()).map(Self).map_err(|_| error)
    }
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        // An integer is a number in JSON's grammar, so the fallback is never taken.
        Self(RawValue::from_string(whole.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.get().hash(state);
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({})", self.0.get())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if starts_like_a_number(raw.get()) {
            return Ok(Self(raw));
        }
        let refused = || de::Error::custom("not a number, expected a number or a string that holds one");
        let text: String = serde_json::from_str(raw.get()).map_err(|_| refused())?;
        text.parse::<Self>().map_err(|_| refused())?;
        RawValue::from_string(format!("\"{text}\"")).map(Self).map_err(|_| refused())
    }
}

fn starts_like_a_number(json: &str) -> bool {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// Text that is not a number in JSON's grammar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number in JSON's grammar")]
pub struct ParseDecimalError {
    _private: (),
}
