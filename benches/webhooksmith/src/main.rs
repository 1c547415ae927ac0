//! The same work by the crate `webhooksmith`, for the table of durable delivery: enqueue in transactions of 100, deliver over
//! HTTP, record.
//!
//! ```text
//! gymhook-benches-webhooksmith sqlite|postgres DATABASE-URL ENDPOINT-URL DELIVERIES
//! ```
//!
//! It prints one line of JSON: `{"enqueued_in": seconds, "delivered_in": seconds}`, both since the first was enqueued.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::oneshot;
use webhooksmith::{SqliteEngine, WebhookEngine};

const SECRET: &str = "a secret of the benches";
const EVENT: &str = "workout.created";
/// The number that share a transaction, and a claim where that can be chosen.
const BATCH: u64 = 100;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [store, database, endpoint, deliveries] = words.as_slice() else {
        return Err("usage: sqlite|postgres DATABASE-URL ENDPOINT-URL DELIVERIES".into());
    };
    let deliveries = deliveries.parse()?;
    let (enqueued, delivered) = match store.as_str() {
        "sqlite" => on_sqlite(database, endpoint, deliveries).await?,
        "postgres" => on_postgres(database, endpoint, deliveries).await?,
        other => return Err(format!("no store {other}").into()),
    };
    println!("{}", json!({ "enqueued_in": enqueued.as_secs_f64(), "delivered_in": delivered.as_secs_f64() }));
    Ok(())
}

/// A body of 300 bytes.
fn payload() -> Value {
    json!({ "text": "x".repeat(289) })
}

/// Its two engines have the same methods and no trait in common.
macro_rules! work {
    ($engine:ident, $endpoint:expr, $deliveries:expr) => {{
        $engine.migrate().await?;
        let endpoint = $engine.register($endpoint, SECRET).await?.id;
        let began = Instant::now();
        for batch in 0..$deliveries.div_ceil(BATCH) {
            let mut transaction = $engine.pool().begin().await?;
            for _ in 0..BATCH.min($deliveries - batch * BATCH) {
                $engine.send_in_tx(EVENT, payload(), endpoint, &mut transaction).await?;
            }
            transaction.commit().await?;
        }
        let enqueued = began.elapsed();
        // In a task of its own: a query that waits in between would keep the only connection to a SQLite file.
        let (tell, told) = oneshot::channel();
        let watched = Arc::clone(&$engine);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                match watched.queue_stats().await {
                    Ok(stats) if stats.pending + stats.delivering > 0 => {}
                    _ => return tell.send(()),
                }
            }
        });
        $engine.run_graceful(async { drop(told.await) }).await;
        let delivered = began.elapsed();
        let stats = $engine.queue_stats().await?;
        if u64::try_from(stats.delivered)? != $deliveries {
            return Err(format!("{} of {} were delivered", stats.delivered, $deliveries).into());
        }
        Ok((enqueued, delivered))
    }};
}

async fn on_sqlite(
    database: &str,
    endpoint: &str,
    deliveries: u64,
) -> Result<(Duration, Duration), Box<dyn Error>> {
    let engine = SqliteEngine::builder().database_url(database).allow_insecure_urls().build().await?;
    let engine = Arc::new(engine);
    work!(engine, endpoint, deliveries)
}

async fn on_postgres(
    database: &str,
    endpoint: &str,
    deliveries: u64,
) -> Result<(Duration, Duration), Box<dyn Error>> {
    let engine = WebhookEngine::builder()
        .database_url(database)
        .allow_insecure_urls()
        .batch_size(i64::try_from(BATCH)?)
        .build()
        .await?;
    let engine = Arc::new(engine);
    work!(engine, endpoint, deliveries)
}
