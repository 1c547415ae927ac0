//! Durable deliveries a second, end to end on loopback, beside the ceilings of the same run.
//!
//! ```text
//! cargo bench -p gymhook-benches --bench durable -- [DELIVERIES]
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a bench reads the clock, and fails by panicking"
)]

use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use std::time::Instant;

use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret};
use gymhook_delivery::{DeliveryId, EndpointId, EndpointPolicy, Limits};
use gymhook_engine::store::{NewNotification, SqliteStore};
use gymhook_engine::{Answer, Engine, HttpTransport, Sending, Subscription, Transport};
use gymhook_retry::{Outcome, RetryPolicy, RetrySchedule};

#[derive(Clone, Default)]
struct Accepting(Arc<AtomicU64>);

impl Transport for Accepting {
    async fn send(&self, _sending: Sending) -> Answer {
        self.0.fetch_add(1, Ordering::Relaxed);
        Answer::new(Outcome::response(http::StatusCode::OK))
    }
}

fn main() {
    let count: u64 = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(50_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for endpoints in [1, 10, 100] {
            let rate = engine(Accepting::default(), "https://127.0.0.1/", count, endpoints).await;
            println!("engine, nothing sent, {endpoints} endpoints: {rate:.0}/s");
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(|_body: bytes::Bytes| async { "" });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        for endpoints in [1, 10, 100] {
            let transport = HttpTransport::builder().dangerous_allow_loopback().build().unwrap();
            let rate = engine(transport, &url, count, endpoints).await;
            println!("engine, HTTP, {endpoints} endpoints: {rate:.0}/s");
        }
    });
}

async fn engine<T: Transport>(transport: T, url: &str, count: u64, endpoints: u64) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
    let slots = NonZeroU32::new(256).unwrap();
    let engine = Engine::builder(store)
        .limits(Limits::new(slots).with_share_percent(100))
        .window(NonZeroU32::new(1_024).unwrap())
        .start(transport)
        .await
        .unwrap();
    let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(1), 3)))
        .with_max_in_flight(slots);
    for endpoint in 0..endpoints {
        let keys =
            Arc::new(Keyring::single("main", Secret::new("a secret of the benches").unwrap()).unwrap());
        let url = EndpointUrl::dangerous_without_rule(url).unwrap();
        let id = EndpointId::from_u128(u128::from(endpoint));
        let subscription = Subscription::new(id, "berlin", "point", url, keys, policy.clone());
        engine.put_subscription(&subscription).await.unwrap();
    }
    let body = bytes::Bytes::from(vec![b'x'; 300]);
    let began = Instant::now();
    let ids: Vec<u64> = (0..count).collect();
    let mut batches = Vec::new();
    for batch in ids.chunks(100) {
        let new = batch.iter().map(|id| {
            let endpoint = EndpointId::from_u128(u128::from(id % endpoints));
            NewNotification::new(
                DeliveryId::from_u128(u128::from(*id)),
                endpoint,
                "workout.created",
                body.clone(),
            )
        });
        batches.push(new.collect::<Vec<_>>());
    }
    for new in batches {
        for answer in engine.enqueue(new).await.unwrap() {
            let _ = answer.unwrap();
        }
    }
    let enqueued = began.elapsed();
    while engine.stats().await.unwrap().waiting + engine.stats().await.unwrap().in_flight > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!("  enqueued after {enqueued:?}");
    engine.shutdown().await;
    rate
}
