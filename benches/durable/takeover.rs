//! A worker is killed: how soon another one goes on with its endpoints. And one joins: how soon it has half of them.

use core::time::Duration;
use std::collections::BTreeSet;
use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_engine::store::postgres::Schema;
use gymhook_engine::{Answer, Engine, Sending, Transport};
use tokio::sync::oneshot;

use crate::load::{Load, policy, subscribe};
use crate::report::{Report, Row};
use crate::stores::Postgres;
use crate::watched::{Accepting, Sightings, Watched};

pub(crate) const TASK: &str = "takeover";

const LEASE: Duration = Duration::from_secs(3);
const ENDPOINTS: u64 = 100;

pub(crate) async fn measure(postgres: &Postgres, report: &mut Report) -> Outcome<()> {
    let schema = postgres.fresh_schema()?;
    let store = postgres.store(&schema).await?;
    let enqueueing = Engine::builder(store.clone()).enqueue_only();
    // An attempt has to end well before its lease can.
    let retry = policy().retry().clone().with_attempt_timeout(LEASE / 4);
    subscribe(&enqueueing, 0..ENDPOINTS, "http://127.0.0.1/", &policy().with_retry(retry)).await?;
    let load = Load { deliveries: 20_000, endpoints: ENDPOINTS, callers: 4 };
    load.hand_over(&store).await?;

    let sightings = Sightings::default();
    let killed = Doomed::start(postgres, &schema, sightings.clone()).await?;
    let began = Instant::now();
    while seen_endpoints(&sightings, 0) < ENDPOINTS {
        if began.elapsed() > LEASE * 10 {
            return Err("the first worker does not get to every endpoint".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let survivor = Engine::builder(postgres.store(&schema).await?)
        .lease_length(LEASE)
        .start(Watched { inner: Accepting, sightings: sightings.clone() })
        .await?;
    let at = killed.kill();
    let by_then = sightings.len();
    while seen_endpoints(&sightings, by_then) < ENDPOINTS {
        if at.elapsed() > LEASE * 4 {
            return Err("nobody took over".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let gaps =
        sightings.all().into_iter().skip(by_then).map(|seen| (seen.endpoint, seen.at.duration_since(at)));
    let mut first = std::collections::BTreeMap::new();
    for (endpoint, gap) in gaps {
        first.entry(endpoint).or_insert(gap);
    }
    survivor.shutdown().await;
    let task = format!("{TASK}, PostgreSQL, leases of {} s, {ENDPOINTS} endpoints", LEASE.as_secs());
    let last = first.values().max().copied().unwrap_or_default();
    report.add(Row {
        task,
        what: "from a worker's end to the other's first attempt at the last of its endpoints".to_owned(),
        result: format!("{:.2} s", last.as_secs_f64()),
        ratio: format!("{:.2} leases", last.as_secs_f64() / LEASE.as_secs_f64()),
        goal: "≤ 1 lease",
        met: Some(last <= LEASE),
    });
    measure_joining(postgres, report).await
}

/// How long each answer takes while a worker joins, so that there is work for longer than that takes.
const ANSWER: Duration = Duration::from_millis(100);
/// The engine's default.
const POLL: Duration = Duration::from_secs(1);

async fn measure_joining(postgres: &Postgres, report: &mut Report) -> Outcome<()> {
    let schema = postgres.fresh_schema()?;
    let store = postgres.store(&schema).await?;
    subscribe(&Engine::builder(store.clone()).enqueue_only(), 0..ENDPOINTS, "http://127.0.0.1/", &policy())
        .await?;
    Load { deliveries: 20_000, endpoints: ENDPOINTS, callers: 4 }.hand_over(&store).await?;
    let start = async |sightings: &Sightings| {
        let transport = Watched { inner: AcceptingSlowly, sightings: sightings.clone() };
        let engine = Engine::builder(postgres.store(&schema).await?).start(transport).await?;
        Ok::<_, Box<dyn core::error::Error>>(engine)
    };
    let (busy, joined) = (Sightings::default(), Sightings::default());
    let first = start(&busy).await?;
    while seen_endpoints(&busy, 0) < ENDPOINTS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let second = start(&joined).await?;
    let began = Instant::now();
    while seen_endpoints(&joined, 0) < ENDPOINTS / 2 {
        if began.elapsed() > POLL * 20 {
            return Err("the second worker does not get half of the endpoints".into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed().saturating_sub(ANSWER);
    first.shutdown().await;
    second.shutdown().await;
    report.add(Row {
        task: format!("{TASK}, PostgreSQL, a worker joins a busy one, {ENDPOINTS} endpoints"),
        what: "from its start to its first attempt at half of the endpoints".to_owned(),
        result: format!("{:.2} s", took.as_secs_f64()),
        ratio: format!("{:.2} poll intervals", took.as_secs_f64() / POLL.as_secs_f64()),
        goal: "≤ 2 poll intervals",
        met: Some(took <= POLL * 2),
    });
    Ok(())
}

/// Sends nothing, and says after a while that it was accepted.
#[derive(Clone, Copy, Debug)]
struct AcceptingSlowly;

impl Transport for AcceptingSlowly {
    async fn send(&self, sending: Sending) -> Answer {
        tokio::time::sleep(ANSWER).await;
        Accepting.send(sending).await
    }
}

fn seen_endpoints(sightings: &Sightings, after: usize) -> u64 {
    sightings.all().into_iter().skip(after).map(|seen| seen.endpoint).collect::<BTreeSet<_>>().len() as u64
}

/// A worker whose runtime goes away under it, with its connections.
struct Doomed {
    end: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Doomed {
    async fn start(postgres: &Postgres, schema: &Schema, sightings: Sightings) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let store = {
            let (config, schema) = (postgres.config(), schema.clone());
            let connect =
                async { Postgres::connect(config, schema).await.map_err(|error| error.to_string()) };
            runtime.spawn(connect).await??
        };
        let builder = Engine::builder(store).lease_length(LEASE);
        let transport = Watched { inner: Accepting, sightings };
        let engine = runtime.spawn(builder.start(transport)).await??;
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            // Whoever started it may have gone: then it ends, too.
            drop(ended.blocking_recv());
            runtime.shutdown_timeout(Duration::ZERO);
            drop(engine);
        });
        Ok(Self { end, thread })
    }

    fn kill(self) -> Instant {
        drop(self.end);
        if self.thread.join().is_err() {
            eprintln!("the killed worker's thread panicked");
        }
        Instant::now()
    }
}
