//! `notices` and `acknowledge`: claims and acknowledges notices for the owners of endpoints.

use core::time::Duration;

use uuid::Uuid;

use crate::Engine;
use crate::store::{Notice, Store, StoreError};

impl<S: Store> Engine<S> {
    /// Claims the warnings and disablings that have not been acknowledged yet, the oldest first: for the process that sends
    /// the e-mails, which may be any.
    ///
    /// A notice is written in the transaction that disables its endpoint, so that none is lost. It is returned to one caller,
    /// and to no other for the length of `hold`: notify the owner within that time, and [acknowledge](Engine::acknowledge)
    /// it. If the caller crashes in between, the next caller gets it, so an owner may be notified twice; the notice's id
    /// stays the same. Call it every few seconds: a call that finds none costs one query.
    ///
    /// ```
    /// use core::time::Duration;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// // Every few seconds, in the process that sends the e-mails:
    /// let notices = engine.notices(100, Duration::from_secs(60)).await?;
    /// for notice in &notices {
    ///     println!("to the owner of {}: {:?} at {}", notice.endpoint, notice.change, notice.at);
    /// }
    /// engine.acknowledge(notices.into_iter().map(|notice| notice.id)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
    pub async fn notices(&self, limit: u32, hold: Duration) -> Result<Vec<Notice>, StoreError> {
        let now = self.store().now().await?;
        self.store().claim_notices(limit, hold, now).await
    }

    /// Acknowledges notices: they are not returned again. Returns how many of them had not been acknowledged before.
    /// [`Engine::purge`] removes them.
    ///
    /// # Errors
    /// The store's error; then they are returned again once their hold is over.
    pub async fn acknowledge(
        &self,
        notices: impl IntoIterator<Item = Uuid> + Send,
    ) -> Result<u64, StoreError> {
        let ids: Vec<Uuid> = notices.into_iter().collect();
        let now = self.store().now().await?;
        self.store().acknowledge_notices(ids, now).await
    }
}
