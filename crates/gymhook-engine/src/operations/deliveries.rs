//! `DeliveryLog`, and the operations on deliveries: list, show, cancel, redeliver, count and purge.

use core::fmt;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};
use gymhook_signature::Proof;
use time::UtcDateTime;

use crate::Engine;
use crate::store::{
    AttemptQuery, AttemptRow, Command, DeliveryQuery, DeliveryRow, EndpointStats, Page, Redelivery, State,
    Stats, StatsQuery, Store, StoreError,
};
use crate::stored_arrival::Arrival;

/// Everything that the log has about one delivery.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryLog {
    /// Its row, with its current state.
    pub delivery: DeliveryRow,
    /// Its body, byte for byte; `None` if it was purged.
    pub body: Option<Bytes>,
    /// Its first [attempts](DeliveryLog::ATTEMPTS); [`Engine::attempts`] has the next ones, if there are more.
    pub attempts: Page<AttemptRow, u32>,
    /// For an incoming one: what was proved, and for which key.
    pub proof: Option<Proof>,
    /// For [`State::Unreadable`]: the reason.
    pub unreadable: Option<String>,
}

impl DeliveryLog {
    /// The number of attempts that come with a delivery: more than one round has by any platform's schedule.
    pub const ATTEMPTS: u32 = 100;
}

/// `Debug` shows only the body's length, since the body contains personal data.
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
    /// One delivery with its body, attempts and responses.
    ///
    /// ```
    /// use gymhook_engine::store::State;
    /// use gymhook_engine::{DeliveryId, Publication};
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// # let workout = Publication::new("standard-webhooks", "workout.created", r#"{"member":17}"#);
    /// # let delivery = engine.publish("berlin", "workout-4711", &workout).await?[0].delivery;
    /// let log = engine.delivery(delivery).await?.ok_or("it was enqueued")?;
    /// assert_eq!(log.delivery.state, State::Waiting);
    /// assert_eq!(log.body.as_deref(), Some(&br#"{"member":17}"#[..]));
    ///
    /// assert!(engine.delivery(DeliveryId::from_u128(7)).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryLog>, StoreError> {
        let Some(delivery) = self.store().delivery(id).await? else { return Ok(None) };
        let body = self.store().body(id).await?;
        let attempts = self.store().attempts(AttemptQuery::new(id, DeliveryLog::ATTEMPTS)).await?;
        let arrival = delivery.origin.as_deref().and_then(Arrival::from_text).unwrap_or_default();
        let Arrival { proof, problem: unreadable, .. } = arrival;
        Ok(Some(DeliveryLog { delivery, body, attempts, proof, unreadable }))
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
    /// ```
    /// use gymhook_engine::Publication;
    /// use gymhook_engine::store::{DeliveryQuery, State};
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// # let workout = Publication::new("standard-webhooks", "workout.created", r#"{"member":17}"#);
    /// # let delivery = engine.publish("berlin", "workout-4711", &workout).await?[0].delivery;
    /// # let _ = delivery;
    /// let page = engine.deliveries(DeliveryQuery::new(100)).await?; // at most 100 in a page
    /// assert_eq!(page.items[0].event_type, "workout.created");
    /// assert_eq!(page.items[0].state, State::Waiting);
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```
    /// use gymhook_engine::{DeliveryId, Publication};
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// # let workout = Publication::new("standard-webhooks", "workout.created", r#"{"member":17}"#);
    /// # let delivery = engine.publish("berlin", "workout-4711", &workout).await?[0].delivery;
    /// assert!(engine.cancel(delivery).await?); // the endpoint's worker executes it
    /// assert!(!engine.cancel(DeliveryId::from_u128(7)).await?); // unknown
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
    pub async fn cancel(&self, id: DeliveryId) -> Result<bool, StoreError> {
        self.command_for(id, Command::Cancel(id)).await
    }

    /// Starts one more round of a delivery, with all of its attempts. Returns `false` if there is no such delivery, if its
    /// subscription was deleted, or if it could not be read: [`Inbox::read_again`](crate::Inbox::read_again) is for those.
    ///
    /// ```
    /// use gymhook_engine::Publication;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// # let workout = Publication::new("standard-webhooks", "workout.created", r#"{"member":17}"#);
    /// # let delivery = engine.publish("berlin", "workout-4711", &workout).await?[0].delivery;
    /// assert!(engine.redeliver(delivery).await?);
    ///
    /// engine.delete_subscription(endpoint).await?;
    /// assert!(!engine.redeliver(delivery).await?); // there is nowhere to send it
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
    pub async fn redeliver(&self, id: DeliveryId) -> Result<bool, StoreError> {
        self.command_for(id, Command::Redeliver(id)).await
    }

    /// Starts one more round of all matching deliveries: those of a range, or since a time. Returns their number.
    ///
    /// # Errors
    /// The store's error.
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

    /// Counts the deliveries that wait, are in flight, were given up, and ended in the last 24 h.
    ///
    /// ```
    /// use gymhook_engine::Publication;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// # let workout = Publication::new("standard-webhooks", "workout.created", r#"{"member":17}"#);
    /// # let delivery = engine.publish("berlin", "workout-4711", &workout).await?[0].delivery;
    /// # let _ = delivery;
    /// let stats = engine.stats().await?;
    /// assert_eq!((stats.subscriptions, stats.waiting, stats.in_flight, stats.undeliverable), (1, 1, 0, 0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store's error.
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
    /// ```
    /// use gymhook_engine::EndpointId;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// let stats = engine.endpoint_stats(endpoint).await?.ok_or("it is subscribed")?;
    /// assert_eq!((stats.waiting, stats.last_delivered), (0, None));
    /// assert!(engine.endpoint_stats(EndpointId::from_u128(2)).await?.is_none());
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```
    /// use gymhook_engine::Publication;
    /// use time::Duration;
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/doc/engine.rs"));
    /// #
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (engine, endpoint) = engine().await?;
    ///
    /// # let workout = Publication::new("standard-webhooks", "workout.created", r#"{"member":17}"#);
    /// # let delivery = engine.publish("berlin", "workout-4711", &workout).await?[0].delivery;
    /// let a_month_ago = engine.now().await? - Duration::days(30);
    /// assert_eq!(engine.purge(a_month_ago).await?, 0); // what waits is never purged
    /// # let _ = delivery;
    /// # Ok(())
    /// # }
    /// ```
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
