//! What the parts can do alone: a bare HTTP client, a bare store, and the disk.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_delivery::{DeliveryRecord, DeliveryState, End, Then};
use gymhook_engine::store::{
    AttemptOutcome, AttemptRow, Batch, Fetch, Lease, LeaseRequest, StatsQuery, Store, WorkerId,
};
use gymhook_engine::{Direction, Engine};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use time::UtcDateTime;
use tokio::task::JoinSet;

use crate::load::{BATCH, Load, body, policy, subscribe};

/// How often a second `fdatasync` returns after 300 bytes were appended to a file.
pub(crate) fn syncs(folder: &Path) -> Outcome<f64> {
    const SPAN: Duration = Duration::from_secs(1);
    let mut file = std::fs::File::create(folder.join("syncs"))?;
    let body = body();
    let (mut syncs, began) = (0_u32, Instant::now());
    while began.elapsed() < SPAN {
        file.write_all(&body)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
}

/// Unsigned requests a second: hyper-util's pooled client on 64 connections, and nothing else.
pub(crate) async fn http(url: &str, requests: u64) -> Outcome<f64> {
    const CONNECTIONS: usize = 64;
    let client: Client<HttpConnector, Full<bytes::Bytes>> =
        Client::builder(TokioExecutor::new()).build(HttpConnector::new());
    let sent = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (client, sent, url) = (client.clone(), Arc::clone(&sent), url.to_owned());
        senders.spawn(async move {
            let body = body();
            while sent.fetch_add(1, Ordering::Relaxed) < requests {
                let request =
                    Request::post(&url).body(Full::new(body.clone())).map_err(|error| error.to_string())?;
                let response = client.request(request).await.map_err(|error| error.to_string())?;
                response.into_body().collect().await.map_err(|error| error.to_string())?;
            }
            Ok::<(), String>(())
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    Ok(requests as f64 / began.elapsed().as_secs_f64())
}

/// Courses a second that a store writes: enqueued, begun with the body read, delivered with its attempt; in batches of 100, by
/// `size` at a time. Reading what is due is not timed.
pub(crate) async fn store<S: Store>(store: S, load: Load) -> Outcome<f64> {
    let engine = Engine::builder(store.clone()).enqueue_only();
    subscribe(&engine, 0..load.endpoints, "http://127.0.0.1/", &policy()).await?;
    let began = Instant::now();
    load.hand_over(&store).await?;
    let handed_over = began.elapsed();

    let mut lanes: Vec<Vec<Batches>> = (0..load.callers).map(|_| Vec::new()).collect();
    let lane_count = lanes.len();
    for (number, batches) in batches_by_endpoint(&store, load).await?.into_iter().enumerate() {
        if let Some(lane) = lanes.get_mut(number % lane_count) {
            lane.push(batches);
        }
    }
    let began = Instant::now();
    let mut writing = JoinSet::new();
    for lane in lanes {
        let store = store.clone();
        writing.spawn(async move {
            for batch in lane.into_iter().flatten() {
                let now = store.now().await?;
                store.commit(begun(&batch, now), now).await?;
                store.commit(delivered(&batch, now), now).await?;
            }
            Ok::<(), gymhook_engine::store::StoreError>(())
        });
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    let elapsed = handed_over + began.elapsed();
    let stats = store.stats(StatsQuery::new(), store.now().await?).await?;
    if stats.waiting + stats.in_flight > 0 {
        return Err(format!("the store loop left something behind: {stats:?}").into());
    }
    Ok(load.deliveries as f64 / elapsed.as_secs_f64())
}

type Batches = Vec<(Lease, Vec<DeliveryRecord>)>;

async fn batches_by_endpoint<S: Store>(store: &S, load: Load) -> Outcome<Vec<Batches>> {
    let now = store.now().await?;
    let request = LeaseRequest {
        worker: WorkerId::new(*gymhook_delivery::DeliveryId::from_u128(1).as_uuid()),
        direction: Direction::Outgoing,
        length: Duration::from_secs(600),
        limit: u32::MAX,
        only: None,
    };
    let mut all = Vec::new();
    for leased in store.lease(request, now).await? {
        let endpoint = leased.subscription.id;
        let limit = u32::try_from(load.deliveries)?;
        let fetch = Fetch { endpoint, ordered: false, after: None, limit };
        let lease = Lease { endpoint, epoch: leased.epoch };
        for fetched in store.fetch(vec![fetch], now).await? {
            let batches = fetched.deliveries.chunks(usize::try_from(BATCH)?);
            all.push(batches.map(|batch| (lease, batch.to_vec())).collect());
        }
    }
    Ok(all)
}

fn begun((lease, records): &(Lease, Vec<DeliveryRecord>), now: UtcDateTime) -> Batch {
    let state = DeliveryState::InFlight { lost_at: now + Duration::from_secs(60), then: Then::Decide };
    Batch {
        leases: vec![*lease],
        deliveries: records.iter().map(|record| DeliveryRecord { state, sends: 1, ..*record }).collect(),
        send: records.iter().map(|record| record.id).collect(),
        ..Batch::default()
    }
}

fn delivered((lease, records): &(Lease, Vec<DeliveryRecord>), now: UtcDateTime) -> Batch {
    let state = DeliveryState::Finished { at: now, end: End::Delivered };
    let attempt = |record: &DeliveryRecord| AttemptRow {
        delivery: record.id,
        sequence: record.sequence,
        send: 1,
        round: record.round,
        number: 1,
        began: Some(now),
        ended: now,
        outcome: AttemptOutcome::Response,
        status: Some(200),
        captured: None,
        detail: None,
    };
    Batch {
        leases: vec![*lease],
        deliveries: records.iter().map(|record| DeliveryRecord { state, sends: 1, ..*record }).collect(),
        attempts: records.iter().map(|record| (record.endpoint, attempt(record))).collect(),
        ..Batch::default()
    }
}
