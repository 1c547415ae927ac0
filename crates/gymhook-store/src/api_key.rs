//! `ApiKeyRow`, `ApiKeyOwner`, `ApiKeyRights` and `ApiKeyRotation`: the API keys of your own callers.

use serde::{Deserialize, Serialize, Serializer};
use time::UtcDateTime;
use uuid::Uuid;

use crate::StoreError;

/// Which API keys are wanted.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyQuery {
    /// Keys that this gym owns only; not those that are owned by all.
    pub gym: Option<String>,
    /// Those that were issued after this one: [`Page::next`](crate::Page::next) of the page before. After a key that is not there comes none, nor,
    /// if [`gym`](Self::gym) is set, after another gym's: nobody learns that it exists.
    pub after: Option<Uuid>,
    /// The maximum number of rows.
    pub limit: u32,
}

impl ApiKeyQuery {
    /// All keys, `limit` on a page.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { gym: None, after: None, limit }
    }
}

/// Whose an API key is: what can be reached with it.
///
/// Exhaustive on purpose: whoever checks a key decides about each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ApiKeyOwner {
    /// All gyms: an operator's key.
    #[default]
    All,
    /// One gym, by the name that subscriptions have it under.
    Gym(String),
}

impl ApiKeyOwner {
    /// The gym, unless it is all of them.
    #[must_use]
    pub const fn gym(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Gym(gym) => Some(gym.as_str()),
        }
    }

    /// How stores write it: a gym, or nothing for all of them.
    #[must_use]
    pub fn from_gym(gym: Option<String>) -> Self {
        gym.map_or(Self::All, Self::Gym)
    }
}

/// The gym, or `null` for all.
impl Serialize for ApiKeyOwner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.gym().serialize(serializer)
    }
}

/// What may be done with an API key. Each level includes those before it: `rights >= ApiKeyRights::Retry`.
///
/// Exhaustive on purpose: whoever checks a key decides about each. As JSON it is its [name](Self::as_str).
///
/// ```
/// use gymhook_store::ApiKeyRights;
///
/// assert!(ApiKeyRights::Write >= ApiKeyRights::Retry && ApiKeyRights::Read < ApiKeyRights::Retry);
/// assert_eq!(ApiKeyRights::from_code(ApiKeyRights::Retry.code()), Some(ApiKeyRights::Retry));
/// assert_eq!(ApiKeyRights::from_code(99), None); // a newer version's
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum ApiKeyRights {
    /// Read.
    Read = 0,
    /// Read, and send again or stop what is there: redeliver, cancel, send test events. For those who look after deliveries.
    Retry = 1,
    /// Everything.
    Write = 2,
}

impl ApiKeyRights {
    /// All of them, the lowest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Retry, Self::Write];

    /// What stores write.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The rights that are written like this.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|rights| rights.code() == code)
    }

    /// The rights that a row has.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: no rights are written like this.
    pub fn read(code: i16) -> Result<Self, StoreError> {
        let damaged = || StoreError::Damaged {
            problem: format!("an API key has the rights {code}, which do not exist"),
        };
        Self::from_code(code).ok_or_else(damaged)
    }

    /// Their name in kebab case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Retry => "retry",
            Self::Write => "write",
        }
    }
}

/// An API key of a caller of yours; the key itself is never stored.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Its name.
    pub id: Uuid,
    /// The SHA-256 of the key.
    pub digest: [u8; 32],
    /// Whose it is.
    pub owner: ApiKeyOwner,
    /// What people call it.
    pub label: String,
    /// What may be done with it.
    pub rights: ApiKeyRights,
    /// When it was issued.
    pub issued_at: UtcDateTime,
    /// Since when it no longer counts.
    pub revoked_at: Option<UtcDateTime>,
}

impl ApiKeyRow {
    /// The memory that it takes while a call waits, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.label.len() + self.owner.gym().map_or(0, str::len)
    }
}

/// One API key takes another one's place.
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyRotation {
    /// The key that ends.
    pub old: Uuid,
    /// When it ends.
    pub old_ends: UtcDateTime,
    /// The new key's name.
    pub id: Uuid,
    /// The SHA-256 of the new key.
    pub digest: [u8; 32],
    /// When the new one was issued.
    pub issued_at: UtcDateTime,
}

impl ApiKeyRotation {
    /// The new key, with what it has of the old one.
    #[must_use]
    pub const fn successor(&self, owner: ApiKeyOwner, label: String, rights: ApiKeyRights) -> ApiKeyRow {
        let Self { id, digest, issued_at, .. } = *self;
        ApiKeyRow { id, digest, owner, label, rights, issued_at, revoked_at: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_weighs_all_that_it_holds() {
        let key = |owner, label: &str| ApiKeyRow {
            id: Uuid::nil(),
            digest: [7; 32],
            owner,
            label: label.to_owned(),
            rights: ApiKeyRights::Read,
            issued_at: UtcDateTime::UNIX_EPOCH,
            revoked_at: None,
        };
        let empty = key(ApiKeyOwner::All, "").weight();
        assert!(empty >= 16 + 32, "its id and its digest");
        assert_eq!(key(ApiKeyOwner::All, "front desk").weight(), empty + 10);
        assert_eq!(key(ApiKeyOwner::Gym("wien".to_owned()), "front desk").weight(), empty + 14);
    }
}
