//! `SubscriptionRow`, a subscription as it is stored, and its endpoint's record as JSON: `endpoint_record_to_json` and back.

use core::fmt;

use gymhook_delivery::{EndpointId, EndpointRecord};
use time::UtcDateTime;

use crate::{Direction, StoreError, TargetColumns};

/// A subscription as it is stored. As JSON it has neither settings nor secrets: see [its `Serialize`](#impl-Serialize-for-SubscriptionRow).
///
/// Exhaustive on purpose: a store has to decide about each field.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// Its id, and its endpoint's.
    pub id: EndpointId,
    /// The gym whose events it gets.
    pub gym: String,
    /// The platform that it is signed as; "inbox" where a handler is its target.
    pub platform: String,
    /// What its notifications go to. Its kind never changes.
    pub target: TargetColumns,
    /// Its other settings, as JSON.
    pub settings: String,
    /// Its endpoint's record. Only a worker's [`Batch`](super::Batch) changes it.
    pub record: EndpointRecord,
    /// Since when it is deleted.
    pub deleted_at: Option<UtcDateTime>,
}

impl SubscriptionRow {
    /// The direction of its notifications.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.target.direction()
    }

    /// Whether both have one id and one configuration: gym, platform, target and settings, byte for byte. Health and deletion
    /// are not compared.
    ///
    /// Secrets are compared as they are stored: encrypted anew, equal secrets may be different bytes, and so another
    /// configuration.
    #[must_use]
    pub fn has_same_configuration(&self, other: &Self) -> bool {
        let Self { id, gym, platform, target, settings, record: _, deleted_at: _ } = self;
        *id == other.id
            && *gym == other.gym
            && *platform == other.platform
            && *target == other.target
            && *settings == other.settings
    }

    /// The memory that it takes while a call waits, in bytes.
    pub fn weight(&self) -> usize {
        let url = self.target.url().map_or(0, str::len);
        let secrets = self.target.secrets().map_or(0, <[u8]>::len);
        size_of::<Self>() + self.gym.len() + self.platform.len() + self.settings.len() + url + secrets
    }
}

/// `Debug` shows neither settings, which contain URLs, nor secrets.
impl fmt::Debug for SubscriptionRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionRow")
            .field("id", &self.id)
            .field("gym", &self.gym)
            .field("platform", &self.platform)
            .field("target", &self.target)
            .field("record", &self.record)
            .field("deleted_at", &self.deleted_at)
            .finish_non_exhaustive()
    }
}

/// An endpoint's record as a store keeps it: JSON.
///
/// # Errors
/// [`StoreError::Invalid`]: it has a time that JSON's format of times cannot have.
pub fn endpoint_record_to_json(record: &EndpointRecord) -> Result<String, StoreError> {
    serde_json::to_string(record).map_err(|error| StoreError::Invalid {
        problem: format!("an endpoint's record cannot be written: {error}"),
    })
}

/// An endpoint's record as a store has kept it.
///
/// # Errors
/// [`StoreError::Damaged`]: it is not what [`endpoint_record_to_json`] writes.
pub fn endpoint_record_from_json(json: &str) -> Result<EndpointRecord, StoreError> {
    serde_json::from_str(json)
        .map_err(|error| StoreError::Damaged { problem: format!("an endpoint's record: {error}") })
}
