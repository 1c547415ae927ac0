//! What the owners of endpoints have to be told.

use core::time::Duration;

use uuid::Uuid;

use crate::Engine;
use crate::store::{Notice, Store, StoreError};

impl<S: Store> Engine<S> {
    /// The warnings, and the disablings, that no owner has been told of yet, the oldest first: for whoever writes the e-mails, in
    /// whichever process that is.
    ///
    /// A notice is written in the transaction that disables its endpoint, so that none is lost. It is handed to one caller, and to
    /// nobody else for as long as `hold`: tell the owner within that time, and [acknowledge](Engine::acknowledge) it. Whoever
    /// crashes in between leaves it to the next who asks, so that an owner may be told twice; the notice's id is the same. Ask every
    /// few seconds: a call that finds none costs one look.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn notices(&self, limit: u32, hold: Duration) -> Result<Vec<Notice>, StoreError> {
        let now = self.store().now().await?;
        self.store().claim_notices(limit, hold, now).await
    }

    /// The owners were told: these notices are not handed out again. Returns how many of them were not acknowledged before.
    /// [`Engine::purge`] forgets them.
    ///
    /// # Errors
    /// Whatever the store says; then they are handed out again once their hold is over.
    pub async fn acknowledge(
        &self,
        notices: impl IntoIterator<Item = Uuid> + Send,
    ) -> Result<u64, StoreError> {
        let ids: Vec<Uuid> = notices.into_iter().collect();
        let now = self.store().now().await?;
        self.store().acknowledge_notices(ids, now).await
    }
}
