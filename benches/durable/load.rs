//! What is enqueued, to whom, and until when.

use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret};
use gymhook_benches::Outcome;
use gymhook_benches::request::{BODY_BYTES, SECRET};
use gymhook_delivery::{DeliveryId, EndpointId, EndpointPolicy};
use gymhook_engine::store::{NewNotification, StatsQuery, Store};
use gymhook_engine::{Engine, HttpTransport, Subscription};
use gymhook_retry::{RetryPolicy, RetrySchedule};
use tokio::task::JoinSet;

use crate::receiver::Receiver;

/// How many notifications share one call that enqueues.
pub(crate) const BATCH: u64 = 100;

pub(crate) fn body() -> Bytes {
    Bytes::from(vec![b'x'; BODY_BYTES])
}

/// Deliveries that go to the endpoints in turn. Their ids rise, as those of UUIDs of version 7 do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) deliveries: u64,
    pub(crate) endpoints: u64,
    /// How many callers enqueue concurrently.
    pub(crate) callers: u64,
}

impl Load {
    /// The deliveries of one batch, the first one being number 0.
    pub(crate) fn batch(&self, number: u64, body: &Bytes) -> Vec<NewNotification> {
        let ids = (number * BATCH)..self.deliveries.min((number + 1) * BATCH);
        ids.map(|id| notification(id, id % self.endpoints, body)).collect()
    }

    pub(crate) const fn batches(&self) -> u64 {
        self.deliveries.div_ceil(BATCH)
    }

    /// Hands everything over and waits until each is on disk.
    pub(crate) async fn hand_over<S: Store>(self, store: &S) -> Outcome<()> {
        let next = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        for _ in 0..self.callers {
            let (store, next) = (store.clone(), Arc::clone(&next));
            callers.spawn(async move {
                let body = body();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= self.batches() {
                        return Ok::<(), String>(());
                    }
                    let now = store.now().await.map_err(|error| error.to_string())?;
                    let batch = self.batch(number, &body);
                    let answers = store.enqueue(batch, now).await.map_err(|error| error.to_string())?;
                    if let Some(refused) = answers.into_iter().find_map(Result::err) {
                        return Err(refused.to_string());
                    }
                }
            });
        }
        while let Some(caller) = callers.join_next().await {
            caller??;
        }
        Ok(())
    }
}

pub(crate) fn notification(id: u64, endpoint: u64, body: &Bytes) -> NewNotification {
    let id = DeliveryId::from_u128((1 << 96) + u128::from(id));
    NewNotification::new(id, endpoint_id(endpoint), "workout.created", body.clone())
}

pub(crate) fn endpoint_id(number: u64) -> EndpointId {
    EndpointId::from_u128(u128::from(number) + 1)
}

pub(crate) fn policy() -> EndpointPolicy {
    EndpointPolicy::new(RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(1), 3)))
}

/// A policy under which one endpoint alone can use all slots.
pub(crate) fn wide_policy() -> EndpointPolicy {
    policy().with_max_in_flight(NonZeroU32::MIN.saturating_add(255))
}

/// Makes the subscriptions with these numbers.
pub(crate) async fn subscribe<S: Store>(
    engine: &Engine<S>,
    endpoints: core::ops::Range<u64>,
    url: &str,
    policy: &EndpointPolicy,
) -> Outcome<()> {
    const AT_A_TIME: usize = 64;
    let keys = Arc::new(Keyring::single("main", Secret::new(SECRET)?)?);
    let mut writing = JoinSet::new();
    for endpoint in endpoints {
        let url = EndpointUrl::dangerous_without_rule(url)?;
        let id = endpoint_id(endpoint);
        let subscription = Subscription::new(id, "berlin", "point", url, Arc::clone(&keys), policy.clone());
        let engine = engine.clone();
        if writing.len() >= AT_A_TIME
            && let Some(written) = writing.join_next().await
        {
            written??;
        }
        writing.spawn(async move { engine.put_subscription(&subscription).await });
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    Ok(())
}

pub(crate) fn http() -> Outcome<HttpTransport> {
    Ok(HttpTransport::builder().dangerous_allow_loopback().build()?)
}

/// Waits until `count` has reached the number, and then until every one of them is recorded as delivered.
pub(crate) async fn until_recorded<S: Store>(
    store: &S,
    deliveries: u64,
    count: impl Fn() -> u64,
) -> Outcome<Instant> {
    while count() < deliveries {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    loop {
        let stats = store.stats(StatsQuery::new(), store.now().await?).await?;
        if stats.waiting + stats.in_flight == 0 {
            if stats.undeliverable + stats.quarantined > 0 {
                return Err(format!("not everything was delivered: {stats:?}").into());
            }
            return Ok(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Deliveries a second, from the first call that enqueues until the last delivery is recorded.
pub(crate) async fn deliver<S: Store>(store: S, load: Load, receiver: &Receiver) -> Outcome<f64> {
    let engine = Engine::builder(store.clone()).start(http()?).await?;
    subscribe(&engine, 0..load.endpoints, &receiver.url("/hook"), &policy()).await?;
    let before = receiver.arrived();
    let began = Instant::now();
    load.hand_over(&store).await?;
    let ended = until_recorded(&store, load.deliveries, || receiver.arrived() - before).await?;
    engine.shutdown().await;
    Ok(load.deliveries as f64 / ended.duration_since(began).as_secs_f64())
}
