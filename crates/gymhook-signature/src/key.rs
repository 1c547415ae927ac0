//! `Key`: a secret with an id, a tenant and a validity window.

use std::sync::Arc;

use time::UtcDateTime;

use crate::name::Names;
use crate::{KeyId, Secret, Tenant};

/// A [`Secret`] with its [`KeyId`] and, optionally, the first and the last instant at which it is valid.
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
    names: Arc<Names>,
    secret: Secret,
    not_before: Option<UtcDateTime>,
    not_after: Option<UtcDateTime>,
}

impl Key {
    /// A key that is always valid.
    pub fn new(id: impl Into<KeyId>, secret: Secret) -> Self {
        Self { names: Arc::new(Names::new(id.into())), secret, not_before: None, not_after: None }
    }

    /// Assigns the key to this tenant, for example to a studio across rotations; otherwise the key's id is its own tenant.
    ///
    /// Duplicates are recognised within a tenant. When you replace a key, give the new one its own id and, as its tenant, the
    /// id of the old one: then what was received with the old key is still recognised.
    ///
    /// ```
    /// use gymhook_signature::{Key, Secret};
    ///
    /// let old = Key::new("berlin", Secret::new("8c1f6d9b-berlin")?);
    /// let new = Key::new("berlin-2026-06", Secret::new("47aa90e2-berlin")?).with_tenant("berlin");
    /// assert_eq!(old.tenant(), new.tenant());
    /// # Ok::<(), gymhook_signature::SecretError>(())
    /// ```
    #[must_use]
    pub fn with_tenant(self, tenant: impl Into<Tenant>) -> Self {
        Self { names: Arc::new(self.names.with_tenant(tenant.into())), ..self }
    }

    /// Makes the key invalid before this instant.
    #[must_use]
    pub fn valid_from(self, not_before: UtcDateTime) -> Self {
        Self { not_before: Some(not_before), ..self }
    }

    /// Makes the key invalid after this instant; it is still valid at it.
    #[must_use]
    pub fn valid_until(self, not_after: UtcDateTime) -> Self {
        Self { not_after: Some(not_after), ..self }
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.names.id
    }

    /// Whose key it is: the tenant set by [`Key::with_tenant`], otherwise the key's id.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        self.names.tenant()
    }

    /// The tenant set by [`Key::with_tenant`], if there is one.
    #[must_use]
    pub fn named_tenant(&self) -> Option<&Tenant> {
        self.names.named_tenant()
    }

    pub(crate) fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// The key's secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The first instant at which the key is valid, if it is limited.
    #[must_use]
    pub fn not_before(&self) -> Option<UtcDateTime> {
        self.not_before
    }

    /// The last instant at which the key is valid, if it is limited.
    #[must_use]
    pub fn not_after(&self) -> Option<UtcDateTime> {
        self.not_after
    }

    /// Whether the key is valid at `now`; both ends of its window are included.
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
