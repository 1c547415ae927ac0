//! `DedupeKey`: the key by which a repeated notification is recognised, provided by the vendor or derived from the
//! body.

use core::fmt;

use crate::Vendor;

/// A key that is equal for two deliveries of the same notification and different for two notifications.
///
/// Keys are comparable only within one endpoint (one studio, one secret): scope them by whatever the signature told
/// about the sender. Some bodies support no key: two real check-ins must never merge into one, so
/// [`Notification::dedupe_key`](crate::Notification::dedupe_key) answers `None` rather than guess.
///
/// Exhaustive on purpose: a receiver has to decide for each kind how far it relies on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DedupeKey {
    /// The vendor's own id, exactly as received.
    Provided(String),
    /// Put together from several fields, because the vendor sends no id; it begins with the vendor's name.
    ///
    /// Fields are joined by `:`; a `:` or `%` inside a field is written `%3A` or `%25`, so that no two lists of
    /// fields give the same text. Such a key is a hint, not proof.
    Derived(String),
}

impl DedupeKey {
    /// Joins the fields that tell two of a vendor's notifications apart.
    ///
    /// ```
    /// use gymhook_event::{DedupeKey, Vendor};
    ///
    /// let key = DedupeKey::derived(Vendor::new("acme"), &["visit", "a:b"]);
    /// assert_eq!(key.as_str(), "acme:visit:a%3Ab");
    /// ```
    #[must_use]
    pub fn derived(vendor: Vendor, fields: &[&str]) -> Self {
        let mut key = String::from(vendor.as_str());
        for field in fields {
            key.push(':');
            for character in field.chars() {
                match character {
                    ':' => key.push_str("%3A"),
                    '%' => key.push_str("%25"),
                    plain => key.push(plain),
                }
            }
        }
        Self::Derived(key)
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Provided(key) | Self::Derived(key) => key,
        }
    }

    /// Whether the vendor gave this key, rather than this crate deriving it.
    #[must_use]
    pub const fn is_provided(&self) -> bool {
        matches!(self, Self::Provided(_))
    }
}

impl fmt::Display for DedupeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
