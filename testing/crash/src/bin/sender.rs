//! A process that enqueues notifications and delivers them, until it is killed or its input ends.

#![allow(clippy::disallowed_methods, reason = "a real process lives in real time")]

use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use gymhook_crash_tests::character::{Character, endpoint_id, subscription};
use gymhook_crash_tests::enqueued::{EnqueueLog, Enqueued};
use gymhook_crash_tests::orders::{CrashPoint, Orders, Place, Signal};
use gymhook_crash_tests::random::Random;
use gymhook_crash_tests::repeat::until_answered;
use gymhook_crash_tests::sending::WireTransport;
use gymhook_crash_tests::{Failure, wire};
use gymhook_delivery::Limits;
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{NewNotification, PostgresStore, SqliteStore, Store, StoreError};
use gymhook_engine::{DeliveryId, Engine, Subscription, SubscriptionError};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

fn main() -> Result<(), Failure> {
    let threads = Orders::THREADS as usize;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(obey())
}

async fn obey() -> Result<(), Failure> {
    let orders: Orders = serde_json::from_str(&std::env::args().nth(1).ok_or("the orders are missing")?)?;
    match &orders.place {
        Place::Sqlite(path) => work(&orders, SqliteStore::open(path)?).await,
        Place::Postgres { url, schema } => {
            let schema = Schema::new(schema.clone())?;
            let connect = || PostgresStore::connect(url, PostgresOptions::new().with_schema(schema.clone()));
            work(&orders, until_available(connect).await?).await
        }
    }
}

/// Asks again while the store does not answer, and complains once.
async fn until_available<T, E, F>(ask: impl FnMut() -> F) -> Result<T, SubscriptionError>
where
    E: Into<SubscriptionError>,
    F: Future<Output = Result<T, E>>,
{
    let mut complained = false;
    let complain = |error: &StoreError| {
        if !core::mem::replace(&mut complained, true) {
            eprintln!("the store reports: {error}");
        }
    };
    until_answered(Duration::from_millis(20), complain, ask).await
}

async fn work<S: Store>(orders: &Orders, store: S) -> Result<(), Failure> {
    let store = FaultyStore::new(store);
    if let Some(point) = &orders.dies {
        arm(&store, point)?;
    }
    let transport = WireTransport::connect(&orders.folder)?;
    let max_in_flight = NonZeroU32::new(Orders::MAX_IN_FLIGHT).unwrap_or(NonZeroU32::MIN);
    let transport = Arc::new(transport);
    let start = || {
        Engine::builder(store.clone())
            .limits(Limits::new(max_in_flight))
            .lease_length(orders.lease)
            .poll_interval(Duration::from_millis(100))
            .max_endpoints(orders.max_endpoints)
            .window(NonZeroU32::new(16).unwrap_or(NonZeroU32::MIN))
            .idle_release(Duration::from_millis(300))
            .start(SharedTransport(Arc::clone(&transport)))
    };
    let engine = until_available(start).await?;
    let log = Arc::new(EnqueueLog::open(&orders.folder)?);
    let mut callers = JoinSet::new();
    for endpoint in &orders.endpoints {
        let subscription = subscription(*endpoint, orders.attempt_timeout())?;
        put(&engine, &subscription).await?;
        if orders.enqueues {
            let seed = orders.seed ^ (u64::from(*endpoint) << 32);
            callers.spawn(report(enqueue(engine.clone(), Arc::clone(&log), *endpoint, seed)));
        }
    }
    if orders.enqueues {
        callers.spawn(report(put_again_and_again(engine.clone(), orders.clone())));
    }
    // Until the process that started this closes its input.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    engine.shutdown().await;
    // Otherwise the runtime may end the store's tasks before theirs, and they would report a store that is closed.
    callers.shutdown().await;
    Ok(())
}

async fn put<S: Store>(engine: &Engine<S>, subscription: &Subscription) -> Result<(), Failure> {
    Ok(until_available(|| engine.put_subscription(subscription)).await?)
}

/// So that whoever leases an endpoint has to read its settings again now and then.
async fn put_again_and_again<S: Store>(engine: Engine<S>, orders: Orders) -> Result<(), Failure> {
    loop {
        for endpoint in &orders.endpoints {
            tokio::time::sleep(Duration::from_millis(150)).await;
            put(&engine, &subscription(*endpoint, orders.attempt_timeout())?).await?;
        }
    }
}

fn arm<S>(store: &FaultyStore<S>, point: &CrashPoint) -> Result<(), Failure> {
    let operation = Operation::from_name(&point.operation).ok_or("no such operation")?;
    let when = When::from_name(&point.when).ok_or("no such side")?;
    let (nth, signal, reached) = (point.nth, point.signal, AtomicU64::new(0));
    store.on(operation, when, move || {
        let reached = reached.fetch_add(1, Ordering::SeqCst) + 1;
        match signal {
            Signal::Kill if reached >= nth => signal_itself(rustix::process::Signal::KILL),
            Signal::Stop if reached == nth => signal_itself(rustix::process::Signal::STOP),
            Signal::Kill | Signal::Stop => {}
        }
    });
    Ok(())
}

/// As `kill` does it: nothing is reached until it goes on, if it does.
fn signal_itself(signal: rustix::process::Signal) {
    if let Err(error) = rustix::process::kill_process(rustix::process::getpid(), signal) {
        eprintln!("not killed: {error}");
        std::process::abort();
    }
}

async fn report(work: impl Future<Output = Result<(), Failure>>) {
    if let Err(error) = work.await {
        eprintln!("enqueueing stops: {error}");
        std::process::abort();
    }
}

/// One after the other, so that their order is known.
async fn enqueue<S: Store>(
    engine: Engine<S>,
    log: Arc<EnqueueLog>,
    endpoint: u32,
    seed: u64,
) -> Result<(), Failure> {
    let mut random = Random::new(seed);
    loop {
        let mut enqueued = Vec::new();
        let mut new = Vec::new();
        for _ in 0..=random.below(3) {
            let delivery = (u128::from(random.draw()) << 64) | u128::from(random.draw());
            // In order, everything behind it would wait as well.
            let is_held = !Character::of(endpoint).is_ordered() && random.below(50) == 0;
            let body = body(delivery, &mut random);
            let digest = wire::digest(&body);
            enqueued.push(Enqueued { delivery, endpoint, digest, is_held, asked: 0, acknowledged: None });
            let notification = NewNotification::new(
                DeliveryId::from_u128(delivery),
                endpoint_id(endpoint),
                "workout.created",
                body.into(),
            );
            new.push((notification, is_held));
        }
        log.asks(&enqueued)?;
        let now = until_available(|| engine.now()).await?;
        let held_until = now + Duration::from_secs(86_400);
        let new: Vec<NewNotification> = new
            .into_iter()
            .map(|(new, is_held)| NewNotification { not_before: is_held.then_some(held_until), ..new })
            .collect();
        for answer in until_available(|| engine.enqueue(new.clone())).await? {
            let _new_or_there_already = answer?;
        }
        log.acknowledged(&enqueued)?;
        tokio::time::sleep(Duration::from_millis(3 + random.below(20))).await;
    }
}

/// Bytes that no text encoding survives, of very different lengths.
fn body(delivery: u128, random: &mut Random) -> Vec<u8> {
    let mut body = delivery.to_be_bytes().to_vec();
    let words = if random.below(20) == 0 { 1_000 } else { random.below(40) };
    for _ in 0..words {
        body.extend_from_slice(&random.draw().to_le_bytes());
    }
    body
}

/// The engine wants one of its own each time it is started.
struct SharedTransport(Arc<WireTransport>);

impl gymhook_engine::Transport for SharedTransport {
    async fn send(&self, sending: gymhook_engine::Sending) -> gymhook_engine::Answer {
        self.0.send(sending).await
    }
}
