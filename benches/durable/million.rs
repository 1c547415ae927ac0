//! A million deliveries that wait on disk: what a worker that starts then holds in memory, and how soon it begins.

use core::time::Duration;
use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_engine::store::SqliteStore;
use gymhook_engine::{Answer, Engine, Sending, Transport};
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::Size;
use crate::load::{Load, policy, subscribe};
use crate::report::{Report, Row};
use crate::stores::Sqlite;

pub(crate) const TASK: &str = "start-up";

/// The argument that makes this program the one that starts up; the file is the next one.
pub(crate) const START_UP: &str = "--start-up";

/// What the program that starts up says.
#[derive(Serialize, Deserialize)]
struct Said {
    first_attempt_ms: f64,
    mebibytes_before: f64,
    mebibytes_after: f64,
}

pub(crate) async fn measure(size: Size, report: &mut Report) -> Outcome<()> {
    let (deliveries, endpoints) =
        if size.is_huge { (10_000_000, 10_000) } else { (size.pick(1_000_000, 50_000), 1_000) };
    let load = Load { deliveries, endpoints, callers: 8 };
    let fresh = Sqlite::fresh()?;
    let engine = Engine::builder(fresh.store.clone()).enqueue_only();
    subscribe(&engine, 0..endpoints, "http://127.0.0.1/", &policy()).await?;
    let began = Instant::now();
    load.hand_over(&fresh.store).await?;
    eprintln!("{} deliveries wait after {:?}", load.deliveries, began.elapsed());
    let file = fresh.store.path().to_owned();
    drop((engine, fresh.store));
    let ended =
        Command::new(std::env::current_exe()?).arg(START_UP).arg(file).kill_on_drop(true).output().await?;
    if !ended.status.success() {
        return Err(format!("starting up failed: {}", String::from_utf8_lossy(&ended.stderr)).into());
    }
    let said: Said = serde_json::from_slice(&ended.stdout)?;
    let task = format!("{TASK}, SQLite, {} waiting at {endpoints} endpoints", load.deliveries);
    report.add(Row {
        task: task.clone(),
        what: "from opening the file to the first attempt".to_owned(),
        result: format!("{:.0} ms", said.first_attempt_ms),
        goal: "< 2 s",
        met: Some(said.first_attempt_ms < 2_000.0),
        ..Row::default()
    });
    report.add(Row {
        task,
        what: "resident memory 3 s later, with SQLite's caches".to_owned(),
        result: format!("{:.0} MiB", said.mebibytes_after),
        ratio: format!("{:.0} MiB before", said.mebibytes_before),
        ..Row::default()
    });
    Ok(())
}

/// Tells of each attempt, and answers none.
pub(crate) struct Telling(pub(crate) UnboundedSender<Instant>);

impl Transport for Telling {
    async fn send(&self, _sending: Sending) -> Answer {
        // Once the first attempt is seen, nobody listens any more.
        let _ = self.0.send(Instant::now());
        core::future::pending().await
    }
}

/// Starts up on a file and says how it went: in a process of its own, so that its memory is its own.
pub(crate) async fn start_up(file: &str) -> Outcome<()> {
    let mebibytes_before = resident_mebibytes()?;
    let began = Instant::now();
    let (tell, mut told) = unbounded_channel();
    let engine = Engine::builder(SqliteStore::open(file)?).start(Telling(tell)).await?;
    let first = told.recv().await.ok_or("no attempt was made")?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let said = Said {
        first_attempt_ms: first.duration_since(began).as_secs_f64() * 1e3,
        mebibytes_before,
        mebibytes_after: resident_mebibytes()?,
    };
    println!("{}", serde_json::to_string(&said)?);
    drop(engine);
    // What is under way never ends.
    std::process::exit(0)
}

fn resident_mebibytes() -> Outcome<f64> {
    const LINE: &str = "VmRSS:";
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(LINE)).ok_or("no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}
