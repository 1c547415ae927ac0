//! The log of deliveries, and commands for single ones.

use core::fmt;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use time::UtcDateTime;

use crate::origin::Kept;
use crate::store::{
    AttemptRow, Command, DeliveryQuery, DeliveryRow, EndpointStats, Page, Redelivery, State, Stats, Store,
    StoreError,
};
use crate::{Engine, Origin};

/// Everything that the log has about one delivery.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryLog {
    /// Its row, with its current state.
    pub delivery: DeliveryRow,
    /// Its body, byte for byte; `None` if it was purged.
    pub body: Option<Bytes>,
    /// Its attempts, the first one first.
    pub attempts: Vec<AttemptRow>,
    /// For an incoming one: what was proved, and for which key.
    pub origin: Option<Origin>,
    /// For [`State::Unreadable`]: the reason.
    pub unreadable: Option<String>,
}

/// `Debug` shows only the body's length, since the body contains personal data.
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
    /// One delivery with its body, attempts and responses.
    ///
    /// # Errors
    /// The store's error.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryLog>, StoreError> {
        let Some(delivery) = self.store().delivery(id).await? else { return Ok(None) };
        let body = self.store().body(id).await?;
        let attempts = self.store().attempts(id).await?;
        let origin = delivery.origin.as_deref().and_then(Origin::from_text);
        let unreadable = delivery.origin.as_deref().and_then(Kept::from_text).map(|kept| kept.problem);
        Ok(Some(DeliveryLog { delivery, body, attempts, origin, unreadable }))
    }

    /// Deliveries, the latest first.
    ///
    /// # Errors
    /// The store's error.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<Page<DeliveryRow>, StoreError> {
        self.store().deliveries(query).await
    }

    /// Cancels a delivery: at once if it waits; an attempt in flight may still succeed.
    ///
    /// Returns `false` if there is no such delivery.
    ///
    /// # Errors
    /// The store's error.
    pub async fn cancel(&self, id: DeliveryId) -> Result<bool, StoreError> {
        self.order_for(id, Command::Cancel(id)).await
    }

    /// Starts one more round of a delivery, with all of its attempts. Returns `false` if there is no such delivery, if its
    /// subscription was deleted, or if it could not be read: [`Inbox::read_again`](crate::Inbox::read_again) is for those.
    ///
    /// # Errors
    /// The store's error.
    pub async fn redeliver(&self, id: DeliveryId) -> Result<bool, StoreError> {
        self.order_for(id, Command::Redeliver(id)).await
    }

    /// Starts one more round of all matching deliveries: those of a range, or since a time. Returns their number.
    ///
    /// # Errors
    /// The store's error.
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

    /// Counts the deliveries that wait, are in flight and were given up.
    ///
    /// # Errors
    /// The store's error.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let now = self.store().now().await?;
        self.store().stats(now).await
    }

    /// The same for one endpoint, with its health; `None` if there is none.
    ///
    /// # Errors
    /// The store's error.
    pub async fn endpoint_stats(&self, endpoint: EndpointId) -> Result<Option<EndpointStats>, StoreError> {
        let now = self.store().now().await?;
        self.store().endpoint_stats(endpoint, now).await
    }

    /// Purges what ended before `before`, in batches of 1,000 so that it blocks nobody, and returns the number of deliveries.
    /// Their ids are then unknown: a duplicate is not recognised.
    ///
    /// # Errors
    /// The store's error; what was purged before stays purged.
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
