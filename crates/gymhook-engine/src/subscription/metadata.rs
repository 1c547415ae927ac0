//! `check`: the limits of the key-value pairs that an application stores with a subscription, and `MetadataError`.

use std::collections::BTreeMap;

/// The largest number of entries. Our limit.
const MAX_ENTRIES: usize = 50;
/// The longest key, in bytes. Our limit.
const MAX_KEY: usize = 40;
/// The longest value, in bytes. Our limit.
const MAX_VALUE: usize = 500;

/// Why the metadata of a subscription is refused. The caller's mistake; no value is repeated. The limits are ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A key is empty.
    #[error("a key of its metadata is empty: name the entry")]
    EmptyKey,
    /// A key is too long.
    #[error("a key of its metadata has {bytes} bytes: shorten it to at most {max}")]
    KeyTooLong {
        /// The bytes of the key.
        bytes: usize,
        /// The largest number of them.
        max: usize,
    },
    /// A key contains a NUL, which not every store keeps.
    #[error("a key of its metadata contains a NUL character: remove it")]
    NulInKey,
    /// A value contains a NUL, which not every store keeps.
    #[error("the metadata under {key:?} contains a NUL character: remove it")]
    NulInValue {
        /// The key.
        key: String,
    },
    /// There are too many entries.
    #[error("its metadata has {entries} entries: the maximum is {max}")]
    TooManyEntries {
        /// The number of entries.
        entries: usize,
        /// The largest number of them.
        max: usize,
    },
    /// A value is too long.
    #[error("the metadata under {key:?} has {bytes} bytes: shorten it to at most {max}")]
    ValueTooLong {
        /// The key.
        key: String,
        /// The bytes of the value.
        bytes: usize,
        /// The largest number of them.
        max: usize,
    },
}

pub(crate) fn check(metadata: &BTreeMap<String, String>) -> Result<(), MetadataError> {
    if metadata.len() > MAX_ENTRIES {
        return Err(MetadataError::TooManyEntries { entries: metadata.len(), max: MAX_ENTRIES });
    }
    metadata.iter().try_for_each(|(key, value)| check_entry(key, value))
}

fn check_entry(key: &str, value: &str) -> Result<(), MetadataError> {
    if key.is_empty() {
        return Err(MetadataError::EmptyKey);
    }
    if key.len() > MAX_KEY {
        return Err(MetadataError::KeyTooLong { bytes: key.len(), max: MAX_KEY });
    }
    if key.contains('\0') {
        return Err(MetadataError::NulInKey);
    }
    let key = || key.to_owned();
    if value.len() > MAX_VALUE {
        return Err(MetadataError::ValueTooLong { key: key(), bytes: value.len(), max: MAX_VALUE });
    }
    if value.contains('\0') {
        return Err(MetadataError::NulInValue { key: key() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked<const N: usize>(entries: [(&str, &str); N]) -> Result<(), MetadataError> {
        check(&entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
    }

    #[test]
    fn each_limit_is_said_by_name_and_reached_exactly() {
        let (longest_key, longest_value) = ("k".repeat(40), "\u{f6}".repeat(250));
        assert_eq!(checked([(&longest_key, &longest_value), ("empty", "")]), Ok(()));

        let key = "k".repeat(41);
        assert_eq!(checked([(&key, "")]), Err(MetadataError::KeyTooLong { bytes: 41, max: 40 }));
        let value = format!("{longest_value}v");
        let too_long = MetadataError::ValueTooLong { key: "plan".to_owned(), bytes: 501, max: 500 };
        assert_eq!(checked([("plan", &value)]), Err(too_long));
        assert_eq!(checked([("", "v")]), Err(MetadataError::EmptyKey));
        assert_eq!(checked([("a\0b", "v")]), Err(MetadataError::NulInKey));
        let nul = MetadataError::NulInValue { key: "plan".to_owned() };
        assert_eq!(checked([("plan", "a\0b")]), Err(nul));

        let many = |count: usize| -> BTreeMap<String, String> {
            (0..count).map(|number| (number.to_string(), String::new())).collect()
        };
        assert_eq!(check(&many(50)), Ok(()));
        assert_eq!(check(&many(51)), Err(MetadataError::TooManyEntries { entries: 51, max: 50 }));
    }
}
