//! The log of deliveries, and what may be asked about single ones.

use core::fmt;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use time::UtcDateTime;

use crate::origin::Kept;
use crate::store::{
    AttemptQuery, AttemptRow, Command, DeliveryQuery, DeliveryRow, EndpointStats, Page, Redelivery, State,
    Stats, StatsQuery, Store, StoreError,
};
use crate::{Engine, Origin};

/// Everything the log has about one delivery.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryLog {
    /// Where it stands.
    pub delivery: DeliveryRow,
    /// Its body, byte for byte; `None` if it was purged.
    pub body: Option<Bytes>,
    /// Its first [attempts](DeliveryLog::ATTEMPTS); [`Engine::attempts`] has the next ones, if there are more.
    pub attempts: Page<AttemptRow, u32>,
    /// If it came in: what was proved then, and for which key.
    pub origin: Option<Origin>,
    /// If it is [`State::Unreadable`]: why.
    pub unreadable: Option<String>,
}

impl DeliveryLog {
    /// The number of attempts that come with a delivery: more than one round has by any platform's schedule.
    pub const ATTEMPTS: u32 = 100;
}

/// `Debug` shows the body's length: its bytes are about people.
impl fmt::Debug for DeliveryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryLog")
            .field("delivery", &self.delivery)
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .field("attempts", &self.attempts.items.len())
            .finish_non_exhaustive()
    }
}

impl<S: Store> Engine<S> {
    /// One delivery with its body, its attempts, and what came back.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryLog>, StoreError> {
        let Some(delivery) = self.store().delivery(id).await? else { return Ok(None) };
        let body = self.store().body(id).await?;
        let attempts = self.store().attempts(AttemptQuery::new(id, DeliveryLog::ATTEMPTS)).await?;
        let origin = delivery.origin.as_deref().and_then(Origin::from_text);
        let unreadable = delivery.origin.as_deref().and_then(Kept::from_text).map(|kept| kept.problem);
        Ok(Some(DeliveryLog { delivery, body, attempts, origin, unreadable }))
    }

    /// A delivery's attempts, the first one first.
    ///
    /// # Errors
    /// Whatever the store says; [`StoreError::Damaged`] if one of them cannot be read.
    pub async fn attempts(&self, query: AttemptQuery) -> Result<Page<AttemptRow, u32>, StoreError> {
        self.store().attempts(query).await
    }

    /// Deliveries, the latest first.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        self.store().deliveries(query).await
    }

    /// Ends a delivery: at once if it waits; if an attempt is under way, that may still succeed.
    ///
    /// Returns `false` if there is no such delivery.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn cancel(&self, id: DeliveryId) -> Result<bool, StoreError> {
        self.command_for(id, Command::Cancel(id)).await
    }

    /// One more round of a delivery, with all of its attempts. Returns `false` if there is no such delivery, its subscription
    /// was deleted, or it is one that could not be read: [`Inbox::read_again`](crate::Inbox::read_again) is for those.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn redeliver(&self, id: DeliveryId) -> Result<bool, StoreError> {
        self.command_for(id, Command::Redeliver(id)).await
    }

    /// One more round of everything that fits: a range, or everything since. Returns how many deliveries that are.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn redeliver_range(&self, which: Redelivery) -> Result<u64, StoreError> {
        let now = self.store().now().await?;
        self.store().redeliver(which, now).await
    }

    async fn command_for(&self, id: DeliveryId, command: Command) -> Result<bool, StoreError> {
        let is_deliverable = |delivery: &DeliveryRow| delivery.state != State::Unreadable;
        let delivery = self.store().delivery(id).await?.filter(is_deliverable);
        let Some(delivery) = delivery else { return Ok(false) };
        let subscription = self.store().subscription(delivery.endpoint).await?;
        if subscription.is_none_or(|subscription| subscription.deleted_at.is_some()) {
            return Ok(false);
        }
        self.command(delivery.endpoint, command).await?;
        Ok(true)
    }

    /// How much waits, is under way, was given up, and what ended in the last 24 h.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        self.stats_of(StatsQuery::new()).await
    }

    /// The same of one gym, or with what ended in another time.
    ///
    /// ```
    /// # use gymhook_engine::store::memory::MemoryStore;
    /// use core::time::Duration;
    /// use gymhook_engine::Engine;
    /// use gymhook_engine::store::StatsQuery;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::builder(MemoryStore::default()).enqueue_only();
    /// let query = StatsQuery { gym: Some("berlin-mitte".to_owned()), window: Duration::from_secs(3_600) };
    /// let last_hour = engine.stats_of(query).await?;
    /// println!("{} delivered, {} given up", last_hour.delivered, last_hour.given_up);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn stats_of(&self, query: StatsQuery) -> Result<Stats, StoreError> {
        let now = self.store().now().await?;
        self.store().stats(query, now).await
    }

    /// The same for one endpoint, with its health; `None` if there is none.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn endpoint_stats(&self, endpoint: EndpointId) -> Result<Option<EndpointStats>, StoreError> {
        let now = self.store().now().await?;
        self.store().endpoint_stats(endpoint, now).await
    }

    /// Forgets what ended before `before`, in batches of 1,000 so that nobody waits for it, and returns how many deliveries
    /// that were. Their ids then mean nothing any more: a duplicate is not noticed.
    ///
    /// # Errors
    /// Whatever the store says; what was purged until then stays purged.
    pub async fn purge(&self, before: UtcDateTime) -> Result<u64, StoreError> {
        const BATCH: u32 = 1_000;
        let mut purged = 0;
        loop {
            let batch = self.store().purge(before, BATCH).await?;
            purged += batch;
            if batch < u64::from(BATCH) {
                return Ok(purged);
            }
        }
    }
}
