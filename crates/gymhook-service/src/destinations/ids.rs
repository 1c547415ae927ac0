//! Ids of destinations follow from their names, so that two processes that start with the same settings make one.

use gymhook_engine::EndpointId;
use gymhook_engine::store::{Store as _, StoreError, SubscriptionRow};
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::Destinations;

/// The id of the destination that is the `generation`th of this name: the id of a deleted one is not used again.
fn id_of(name: &str, generation: u32) -> EndpointId {
    let digest = Sha256::new()
        .chain_update(b"gymhook-destination\0")
        .chain_update(generation.to_be_bytes())
        .chain_update(name)
        .finalize();
    EndpointId::from(
        Builder::from_custom_bytes(digest.first_chunk().copied().unwrap_or_default()).into_uuid(),
    )
}

impl Destinations {
    /// The id of the destination of this name, or the one that it would get, and whether there is one.
    pub(super) async fn id_for(&self, name: &str) -> Result<(EndpointId, bool), StoreError> {
        let mut generation = 0;
        loop {
            let id = id_of(name, generation);
            match self.engine.store().subscription(id).await? {
                None => return Ok((id, false)),
                Some(SubscriptionRow { deleted_at: None, .. }) => return Ok((id, true)),
                Some(_) => generation += 1,
            }
        }
    }
}
