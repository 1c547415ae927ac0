//! A secret with a name and a time in which it counts.

use core::fmt;
use std::sync::Arc;

use time::UtcDateTime;

use crate::Secret;

/// The name of a key: a studio, a tenant, `"2026-05"`. Shown in proofs and logs, so it must not be the secret.
///
/// Cloning is cheap and does not allocate.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// A key id with this text.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for KeyId {
    fn from(id: T) -> Self {
        Self::new(id)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({:?})", self.as_str())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for KeyId {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for KeyId {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// A [`Secret`] with its [`KeyId`] and, if wanted, the first and the last instant at which it counts.
///
/// ```
/// use gymhook_signature::{Key, Secret};
/// use time::macros::utc_datetime;
///
/// let old = Key::new("2026-05", Secret::new("the old signing secret")?).valid_until(utc_datetime!(2026-06-08 00:00));
/// let new = Key::new("2026-06", Secret::new("the new signing secret")?).valid_from(utc_datetime!(2026-06-01 00:00));
/// let in_the_overlap = utc_datetime!(2026-06-03 12:00);
/// assert!(old.is_valid_at(in_the_overlap) && new.is_valid_at(in_the_overlap));
/// # Ok::<(), gymhook_signature::SecretError>(())
/// ```
#[derive(Debug)]
pub struct Key {
    id: KeyId,
    secret: Secret,
    not_before: Option<UtcDateTime>,
    not_after: Option<UtcDateTime>,
}

impl Key {
    /// A key that always counts.
    pub fn new(id: impl Into<KeyId>, secret: Secret) -> Self {
        Self { id: id.into(), secret, not_before: None, not_after: None }
    }

    /// Does not count before this instant.
    #[must_use]
    pub fn valid_from(self, not_before: UtcDateTime) -> Self {
        Self { not_before: Some(not_before), ..self }
    }

    /// Counts up to and including this instant, not after it.
    #[must_use]
    pub fn valid_until(self, not_after: UtcDateTime) -> Self {
        Self { not_after: Some(not_after), ..self }
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The key's secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The first instant at which the key counts, if it has one.
    #[must_use]
    pub fn not_before(&self) -> Option<UtcDateTime> {
        self.not_before
    }

    /// The last instant at which the key counts, if it has one.
    #[must_use]
    pub fn not_after(&self) -> Option<UtcDateTime> {
        self.not_after
    }

    /// Whether the key counts at `now`; both ends of its window are inside.
    #[must_use]
    pub fn is_valid_at(&self, now: UtcDateTime) -> bool {
        self.not_before.is_none_or(|first| first <= now) && self.not_after.is_none_or(|last| now <= last)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;

    #[test]
    fn both_ends_of_the_window_are_inside() {
        let first = utc_datetime!(2026-01-01 00:00);
        let last = utc_datetime!(2026-01-31 00:00);
        let key = Key::new("k", Secret::new("s").unwrap()).valid_from(first).valid_until(last);
        let instant = time::Duration::nanoseconds(1);
        assert!(!key.is_valid_at(first - instant));
        assert!(key.is_valid_at(first));
        assert!(key.is_valid_at(last));
        assert!(!key.is_valid_at(last + instant));
    }

    #[test]
    fn a_key_without_a_window_is_valid_at_the_ends_of_time() {
        let key = Key::new("k", Secret::new("s").unwrap());
        assert!(key.is_valid_at(UtcDateTime::MIN));
        assert!(key.is_valid_at(UtcDateTime::MAX));
    }
}
