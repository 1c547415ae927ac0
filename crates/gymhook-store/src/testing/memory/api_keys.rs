//! Writes, rotates, revokes, finds and lists API keys.

use time::UtcDateTime;
use uuid::Uuid;

use super::cut;
use super::tables::Tables;
use crate::{ApiKeyQuery, ApiKeyRotation, ApiKeyRow, Page, StoreError};

impl Tables {
    pub(super) fn put_api_key(&mut self, key: ApiKeyRow) -> Result<(), StoreError> {
        if self.api_keys.values().any(|other| other.digest == key.digest && other.id != key.id) {
            return Err(StoreError::Conflict { what: "an API key with this digest" });
        }
        let ended = self.api_keys.get(&key.id).and_then(|old| old.revoked_at);
        let revoked_at = ended.into_iter().chain(key.revoked_at.map(cut)).min();
        let kept = ApiKeyRow { issued_at: cut(key.issued_at), revoked_at, ..key };
        self.api_keys.insert(kept.id, kept);
        Ok(())
    }

    pub(super) fn rotate_api_key(
        &mut self,
        rotation: &ApiKeyRotation,
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        let old = self.api_keys.get(&rotation.old).filter(|old| old.revoked_at.is_none());
        let Some(old) = old else { return Ok(None) };
        if self.api_keys.contains_key(&rotation.id) {
            return Err(StoreError::Conflict { what: "an API key with this id" });
        }
        let successor = rotation.successor(old.owner.clone(), old.label.clone(), old.rights);
        self.put_api_key(successor.clone())?;
        self.revoke_api_key(rotation.old, rotation.old_ends);
        Ok(Some(successor))
    }

    pub(super) fn revoke_api_key(&mut self, id: Uuid, at: UtcDateTime) -> bool {
        let Some(key) = self.api_keys.get_mut(&id) else { return false };
        let at = cut(at);
        key.revoked_at = Some(key.revoked_at.map_or(at, |before| before.min(at)));
        true
    }

    pub(super) fn api_key(&self, id: Uuid) -> Option<ApiKeyRow> {
        self.api_keys.get(&id).cloned()
    }

    pub(super) fn api_key_by_digest(&self, digest: [u8; 32]) -> Option<ApiKeyRow> {
        self.api_keys.values().find(|key| key.digest == digest).cloned()
    }

    pub(super) fn api_keys(&self, query: &ApiKeyQuery) -> Page<ApiKeyRow, Uuid> {
        let place = |key: &ApiKeyRow| (key.issued_at, key.id);
        let is_of_gym = |key: &ApiKeyRow| query.gym.as_ref().is_none_or(|gym| key.owner.gym() == Some(gym));
        let after = query.after.map(|after| {
            let key = self.api_keys.get(&after).filter(|key| is_of_gym(key));
            key.map(place)
        });
        let is_meant = |key: &&ApiKeyRow| {
            is_of_gym(key) && after.is_none_or(|after| after.is_some_and(|after| place(key) > after))
        };
        let mut keys: Vec<ApiKeyRow> = self.api_keys.values().filter(is_meant).cloned().collect();
        keys.sort_by_key(place);
        keys.truncate((query.limit as usize).saturating_add(1));
        Page::cut(keys, query.limit, |last: &ApiKeyRow| last.id)
    }
}
