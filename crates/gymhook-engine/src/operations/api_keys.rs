//! `ApiKey` and `IssuedApiKey`: API keys for your own callers, as GymPoint's page describes them: shown once, stored
//! as a digest, read-only or read/write, listed, revoked, rotated; and one level between.
//!
//! Source: <https://gympoint.ai/knowledge-base/settings/integrations-api>.

use core::fmt;
use core::time::Duration;

use gymhook_retry::time_math;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Engine;
use crate::ids::new_id;
use crate::store::{
    ApiKeyOwner, ApiKeyQuery, ApiKeyRights, ApiKeyRotation, ApiKeyRow, Page, Store, StoreError, Unstorable,
};

/// What begins every key, so that a leaked one is recognised.
const PREFIX: &str = "ghk_";

/// What is known of an API key, but the key itself.
///
/// As JSON its fields have these names; the owner is a gym's name, or `null` for all, the rights are "read", "retry" or "write", and
/// times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ApiKey {
    /// Its name.
    pub id: Uuid,
    /// Whose it is: what can be reached with it, see [`ApiKey::view`].
    pub owner: ApiKeyOwner,
    /// What people call it.
    pub label: String,
    /// What may be done with it.
    pub rights: ApiKeyRights,
    /// When it was issued.
    #[serde(serialize_with = "gymhook_store::rfc3339::serialize")]
    pub issued_at: UtcDateTime,
    /// From when on it does not count.
    #[serde(serialize_with = "gymhook_store::rfc3339::option::serialize")]
    pub revoked_at: Option<UtcDateTime>,
}

/// A new API key. This is the only time that it can be read.
#[non_exhaustive]
pub struct IssuedApiKey {
    /// What is known of it from now on.
    pub key: ApiKey,
    text: Zeroizing<String>,
}

impl IssuedApiKey {
    /// The key, to be shown to its owner once.
    #[must_use]
    pub fn expose_key(&self) -> &str {
        &self.text
    }
}

/// `Debug` does not show the key.
impl fmt::Debug for IssuedApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedApiKey").field("key", &self.key).field("text", &"[REDACTED]").finish()
    }
}

impl From<ApiKeyRow> for ApiKey {
    fn from(row: ApiKeyRow) -> Self {
        let ApiKeyRow { id, owner, label, rights, issued_at, revoked_at, digest: _ } = row;
        Self { id, owner, label, rights, issued_at, revoked_at }
    }
}

/// Why no API key was issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// The label cannot be used: it is what people tell keys apart by. The caller's mistake.
    #[error("the API key's label {problem}")]
    Label {
        /// What is wrong with it.
        problem: Unstorable,
    },
    /// The gym that is to own it cannot be used. The caller's mistake.
    #[error("the API key's gym {problem}")]
    Owner {
        /// What is wrong with it.
        problem: Unstorable,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store> Engine<S> {
    /// Issues a key of 244 random bits: of a gym, whose [view](ApiKey::view) reaches that gym alone, or of all.
    ///
    /// # Errors
    /// [`ApiKeyError::Owner`]: the gym has no name, or one that no subscription can have;
    /// [`ApiKeyError::Label`]: the label is empty or all white space, has a NUL character, or is longer than
    /// [`NewNotification::MAX_TEXT_BYTES`](crate::store::NewNotification::MAX_TEXT_BYTES); and whatever the store says.
    pub async fn issue_api_key(
        &self,
        owner: ApiKeyOwner,
        label: impl Into<String> + Send,
        rights: ApiKeyRights,
    ) -> Result<IssuedApiKey, ApiKeyError> {
        let label = label.into();
        ApiKeyRow::check_label(&label).map_err(|problem| ApiKeyError::Label { problem })?;
        owner.check().map_err(|problem| ApiKeyError::Owner { problem })?;
        let issued_at = self.store().now().await?;
        let text = random_key();
        let digest = digest(&text);
        let row = ApiKeyRow { id: new_id(), digest, owner, label, rights, issued_at, revoked_at: None };
        self.store().put_api_key(row.clone()).await?;
        Ok(IssuedApiKey { key: row.into(), text })
    }

    /// Whose key this is; `None` for every other text, and for a revoked key.
    ///
    /// It is looked up by its digest, so the time it takes tells nothing about any key.
    ///
    /// # Errors
    /// Whatever the store says; refuse the caller then.
    pub async fn check_api_key(&self, presented: &str) -> Result<Option<ApiKey>, StoreError> {
        let found = self.store().api_key_by_digest(digest(presented)).await?;
        self.counting(found).await
    }

    /// The key with this id, if it counts now: for a service that has checked a key before and remembers whose request it is.
    ///
    /// # Errors
    /// Whatever the store says; refuse the caller then.
    pub async fn api_key(&self, id: Uuid) -> Result<Option<ApiKey>, StoreError> {
        let found = self.store().api_key(id).await?;
        self.counting(found).await
    }

    /// The key that was found, if it counts now.
    async fn counting(&self, found: Option<ApiKeyRow>) -> Result<Option<ApiKey>, StoreError> {
        let Some(row) = found else { return Ok(None) };
        let now = self.store().now().await?;
        let counts = row.revoked_at.is_none_or(|revoked| now < revoked);
        Ok(counts.then(|| row.into()))
    }

    /// Keys, the revoked ones included, the oldest first.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn api_keys(&self, query: ApiKeyQuery) -> Result<Page<ApiKey, Uuid>, StoreError> {
        Ok(self.store().api_keys(query).await?.map(ApiKey::from))
    }

    /// Revokes a key from now on, whoever rotates it at the same time; one that ended before keeps its time. Returns whether
    /// there was such a key. What was issued in its place by a rotation before is another key, and counts on.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn revoke_api_key(&self, id: Uuid) -> Result<bool, StoreError> {
        let now = self.store().now().await?;
        self.store().revoke_api_key(id, now).await
    }

    /// Issues a key with the owner, the label and the rights of another one, which counts for `overlap` (a `core::time::Duration`) longer,
    /// as one step.
    ///
    /// A key has one successor. `None` if there is no such key, or it was revoked or rotated before, even if it still counts:
    /// if the new key was lost on its way to its owner, revoke it and issue another.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn rotate_api_key(
        &self,
        id: Uuid,
        overlap: Duration,
    ) -> Result<Option<IssuedApiKey>, StoreError> {
        let now = self.store().now().await?;
        let ends = time_math::later(now, overlap);
        let text = random_key();
        let rotation =
            ApiKeyRotation { old: id, old_ends: ends, id: new_id(), digest: digest(&text), issued_at: now };
        let successor = self.store().rotate_api_key(rotation).await?;
        Ok(successor.map(|row| IssuedApiKey { key: row.into(), text }))
    }
}

#[expect(clippy::disallowed_methods, reason = "the rim is where random numbers are drawn")]
fn random_key() -> Zeroizing<String> {
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
    Zeroizing::new(format!("{PREFIX}{}{}", one.simple(), other.simple()))
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}
