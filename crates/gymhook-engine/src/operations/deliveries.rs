//! The log of deliveries, and what may be asked about single ones.

use core::fmt;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use gymhook_signature::Proof;
use time::UtcDateTime;

use crate::Engine;
use crate::arrival::Arrival;
use crate::store::{
    AttemptRow, Command, DeliveryQuery, DeliveryRow, EndpointStats, Page, Redelivery, State, Stats, Store,
    StoreError,
};

/// Everything the log has about one delivery.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryLog {
    /// Where it stands.
    pub delivery: DeliveryRow,
    /// Its body, byte for byte; `None` if it was purged.
    pub body: Option<Bytes>,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptRow>,
    /// If it came in: what was proved then, and for which key.
    pub proof: Option<Proof>,
    /// If it is [`State::Unreadable`]: why.
    pub unreadable: Option<String>,
}

/// `Debug` shows the body's length: its bytes are about people.
impl fmt::Debug for DeliveryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryLog")
            .field("delivery", &self.delivery)
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .field("attempts", &self.attempts.len())
            .finish_non_exhaustive()
    }
}

impl<S: Store> Engine<S> {
    /// One delivery with its body, each attempt, and what came back.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryLog>, StoreError> {
        let Some(delivery) = self.store().delivery(id).await? else { return Ok(None) };
        let body = self.store().body(id).await?;
        let attempts = self.store().attempts(id).await?;
        let arrival = delivery.origin.as_deref().and_then(Arrival::from_text).unwrap_or_default();
        let Arrival { proof, problem: unreadable, .. } = arrival;
        Ok(Some(DeliveryLog { delivery, body, attempts, proof, unreadable }))
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
        self.order_for(id, Command::Cancel(id)).await
    }

    /// One more round of a delivery, with all of its attempts. Returns `false` if there is no such delivery, its subscription
    /// was deleted, or it is one that could not be read: [`Inbox::read_again`](crate::Inbox::read_again) is for those.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn redeliver(&self, id: DeliveryId) -> Result<bool, StoreError> {
        self.order_for(id, Command::Redeliver(id)).await
    }

    /// One more round of everything that fits: a range, or everything since. Returns how many deliveries that are.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn redeliver_range(&self, which: Redelivery) -> Result<u64, StoreError> {
        let now = self.store().now().await?;
        self.store().redeliver(which, now).await
    }

    async fn order_for(&self, id: DeliveryId, command: Command) -> Result<bool, StoreError> {
        let is_deliverable = |delivery: &DeliveryRow| delivery.state != State::Unreadable;
        let delivery = self.store().delivery(id).await?.filter(is_deliverable);
        let Some(delivery) = delivery else { return Ok(false) };
        let subscription = self.store().subscription(delivery.endpoint).await?;
        if subscription.is_none_or(|subscription| subscription.deleted_at.is_some()) {
            return Ok(false);
        }
        self.order(delivery.endpoint, command).await?;
        Ok(true)
    }

    /// How much waits, is under way and was given up.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let now = self.store().now().await?;
        self.store().stats(now).await
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
