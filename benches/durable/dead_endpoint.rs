//! Ten endpoints that answer, beside one that never does and has a hundred thousand deliveries waiting.

use core::time::Duration;
use std::collections::BTreeMap;
use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_benches::stats::percentile;
use gymhook_delivery::DeliveryId;
use gymhook_engine::Engine;
use gymhook_engine::store::Store;

use crate::Size;
use crate::load::{body, http, notification, policy, subscribe};
use crate::receiver::Receiver;
use crate::report::{Report, Row};
use crate::stores::Sqlite;
use crate::watched::{Sightings, Watched};

pub(crate) const TASK: &str = "a dead endpoint";

const HEALTHY: u64 = 10;
const DEAD: u64 = HEALTHY;

pub(crate) async fn measure(size: Size, report: &mut Report) -> Outcome<()> {
    let dead = size.pick(100_000, 10_000);
    let seconds = size.pick(5, 2);
    let alone = waits(0, seconds).await?;
    let beside = waits(dead, seconds).await?;
    let [alone_99, beside_99] = [&alone, &beside].map(|waits| percentile(waits.iter().copied(), 99));
    let row = |what: String, milliseconds: f64| Row {
        task: TASK.to_owned(),
        what,
        result: format!("p99 {milliseconds:.1} ms"),
        ..Row::default()
    };
    report.add(row(format!("{HEALTHY} healthy endpoints alone, 1,000/s, enqueued to answered"), alone_99));
    report.add(Row {
        ratio: format!("{:.2} × alone", beside_99 / alone_99),
        goal: "≤ 2 × alone",
        met: Some(beside_99 <= 2.0 * alone_99),
        ..row(format!("beside one that never answers, {dead} waiting there"), beside_99)
    });
    Ok(())
}

/// How long the healthy endpoints' deliveries took, from being on disk to their answer, in milliseconds.
async fn waits(dead: u64, seconds: u64) -> Outcome<Vec<f64>> {
    const EVERY: Duration = Duration::from_millis(10);
    let receiver = Receiver::start().await?;
    let fresh = Sqlite::fresh()?;
    let sightings = Sightings::default();
    let transport = Watched { inner: http()?, sightings: sightings.clone() };
    let engine = Engine::builder(fresh.store.clone()).start(transport).await?;
    subscribe(&engine, 0..HEALTHY, &receiver.url("/hook"), &policy()).await?;
    let patient = policy();
    subscribe(&engine, DEAD..DEAD + 1, &receiver.url("/never"), &patient).await?;
    let body = body();
    let first_dead = 1 << 32;
    for from in (0..dead).step_by(1_000) {
        let batch = (from..dead.min(from + 1_000)).map(|id| notification(first_dead + id, DEAD, &body));
        engine.enqueue(batch.collect()).await?;
    }
    // Until the dead endpoint holds all the slots that it can get.
    tokio::time::sleep(Duration::from_secs(1)).await;

    let mut handed_over = BTreeMap::<DeliveryId, Instant>::new();
    let mut ticks = tokio::time::interval(EVERY);
    for tick in 0..(seconds * 100) {
        ticks.tick().await;
        let batch: Vec<_> =
            (0..HEALTHY).map(|endpoint| notification(tick * HEALTHY + endpoint, endpoint, &body)).collect();
        let ids: Vec<DeliveryId> = batch.iter().map(|new| new.id).collect();
        engine.enqueue(batch).await?;
        let now = Instant::now();
        handed_over.extend(ids.into_iter().map(|id| (id, now)));
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while receiver.arrived() < handed_over.len() as u64 {
        if Instant::now() > deadline {
            return Err("the healthy endpoints' deliveries do not come to an end".into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waits = sightings.all().into_iter().filter_map(|seen| {
        let since = handed_over.get(&seen.delivery)?;
        Some(seen.at.saturating_duration_since(*since).as_secs_f64() * 1e3)
    });
    let waits: Vec<f64> = waits.collect();
    stop(engine).await;
    Ok(waits)
}

/// What is under way at the dead endpoint is not waited for.
async fn stop<S: Store>(engine: Engine<S>) {
    if tokio::time::timeout(Duration::from_millis(100), engine.shutdown()).await.is_err() {
        eprintln!("the dead endpoint's attempts are left to themselves");
    }
}
