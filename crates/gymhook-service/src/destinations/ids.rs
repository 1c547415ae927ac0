//! `id_of`: the id of a destination, which follows from its name: two processes that start with the same settings
//! create one destination.

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
    /// The id of the destination of this name, with its row; or the id that it would get.
    pub(super) async fn id_for(
        &self,
        name: &str,
    ) -> Result<(EndpointId, Option<SubscriptionRow>), StoreError> {
        let mut generation = 0;
        loop {
            let id = id_of(name, generation);
            match self.engine.store().subscription(id).await? {
                Some(row) if row.deleted_at.is_some() => generation += 1,
                row => return Ok((id, row)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another version of the gateway has to find the same destination.
    #[test]
    fn an_id_is_the_same_in_all_versions() {
        // printf 'gymhook-destination\0\0\0\0\0app' | sha256sum; version 8 and the variant are RFC 9562's.
        assert_eq!(id_of("app", 0).to_string(), "5643d48a-a323-86a0-84f8-fc380e3314b6");
        assert_ne!(id_of("app", 1), id_of("app", 0));
        assert_ne!(id_of("app2", 0), id_of("app", 0));
    }
}
