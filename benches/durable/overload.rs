//! Ten times more calls than the disk can serve: what a process holds in memory then, and whether it writes as much as at its best.
//!
//! Each case runs in a process of its own, so that its peak is its own. Calls arrive at a fixed rate, whatever became of those
//! before them, each with a body of its own; every second caller gives up early, as a client whose request timed out does. The
//! control has no bound: there the same calls must take more memory than the bound allows, else the measurement shows nothing.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gymhook_benches::Outcome;
use gymhook_benches::stats::median;
use gymhook_engine::Engine;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{PostgresStore, SqliteStore, StatsQuery, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::Size;
use crate::load::{body, notification, policy, subscribe};
use crate::report::{Report, Row, rate};
use crate::stores::{Postgres, Sqlite};

pub(crate) const TASK: &str = "overload";

/// The argument that makes this program one of the cases; its order is the next one.
pub(crate) const OBEY: &str = "--overload";

const ENDPOINTS: u64 = 10;

/// What a call brings.
const CALL_BYTES: usize = 256 << 10;

/// The bound of the queue: a quarter of the default, so that the store's own caches do not hide what it holds.
const QUEUE_BYTES: usize = 16 << 20;

/// How many times more arrive than can be served.
const TIMES: f64 = 10.0;

/// The number of callers that fill the connections, and no queue.
const FEW: u64 = 8;

/// A caller that gives up does so after this.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a process is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    place: Place,
    callers: Callers,
    seconds: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Place {
    Sqlite(PathBuf),
    Postgres { url: String, schema: String },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Callers {
    /// This number of callers, each of which waits for its answer before it calls again.
    Waiting(u64),
    /// This number of new callers a second.
    Arriving(f64),
    /// The same before a queue without bounds.
    ArrivingUnbounded(f64),
}

/// What a process saw.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Said {
    calls: u64,
    busy: u64,
    gave_up: u64,
    written_a_second: f64,
    /// By how many mebibytes the process was larger at its peak than before the first call.
    grew: f64,
}

/// What the callers of a process have seen so far.
#[derive(Debug, Default)]
struct Seen {
    calls: AtomicU64,
    busy: AtomicU64,
    gave_up: AtomicU64,
}

pub(crate) async fn measure(size: Size, server: &Postgres, report: &mut Report) -> Outcome<()> {
    compare("SQLite", size, report, || {
        let fresh = Sqlite::fresh()?;
        let place = Place::Sqlite(fresh.folder.path().join("overload.db"));
        Ok((place, Some(fresh)))
    })
    .await?;
    compare("PostgreSQL", size, report, || {
        let schema = server.fresh_schema()?.as_str().to_owned();
        Ok((Place::Postgres { url: server.url(), schema }, None))
    })
    .await?;
    place_check(size, report).await
}

async fn compare(
    store: &str,
    size: Size,
    report: &mut Report,
    fresh: impl Fn() -> Outcome<(Place, Option<Sqlite>)>,
) -> Outcome<()> {
    let seconds = if size.is_quick { 2.0 } else { 6.0 };
    let run = async |callers| {
        // The folder goes when the process is over.
        let (place, _folder) = fresh()?;
        in_a_process(Order { place, callers, seconds }).await
    };
    let task = format!("{TASK}, {store}");
    let few = run(Callers::Waiting(FEW)).await?;
    let mut best: Option<(u64, f64)> = None;
    for callers in [4, 16, 64] {
        let written = run(Callers::Waiting(callers)).await?.written_a_second;
        if best.is_none_or(|(_, most)| written > most) {
            best = Some((callers, written));
        }
    }
    let (callers, _) = best.ok_or("nothing was measured")?;
    let mut rounds = Vec::new();
    for _ in 0..size.pick(3, 1) {
        let at_best = run(Callers::Waiting(callers)).await?;
        let crowded = run(Callers::Arriving(at_best.written_a_second * TIMES)).await?;
        rounds.push((at_best, crowded));
    }
    let at_best = median(rounds.iter().map(|(best, _)| best.written_a_second));
    let ratio = median(rounds.iter().map(|(best, crowded)| crowded.written_a_second / best.written_a_second));
    report.add(Row {
        task: task.clone(),
        what: format!("{} KiB a call, {callers} callers that wait: its best", CALL_BYTES >> 10),
        result: rate(at_best),
        ..Row::default()
    });
    let total = |of: fn(&Said) -> u64| rounds.iter().map(|(_, crowded)| of(crowded)).sum::<u64>();
    report.add(Row {
        task: task.clone(),
        what: format!(
            "ten times as many arrive: of {} calls {} were sent away, {} gave up",
            total(|said| said.calls),
            total(|said| said.busy),
            total(|said| said.gave_up)
        ),
        result: rate(median(rounds.iter().map(|(_, crowded)| crowded.written_a_second))),
        ratio: format!("{ratio:.2} × the best"),
        goal: ">= 0.90",
        met: Some(ratio >= 0.9),
    });
    // Twice the queue's bytes in bodies, and as much as the queue for the allocator and for what is being written, beside what the
    // store itself takes for so few.
    let bound = few.grew + mebibytes(3 * QUEUE_BYTES);
    let most = rounds.iter().map(|(_, crowded)| crowded.grew).fold(0.0, f64::max);
    report.add(Row {
        task: task.clone(),
        what: format!(
            "memory more than before, at the most, with {:.0} MiB for the queue",
            mebibytes(QUEUE_BYTES)
        ),
        result: format!("{most:.0} MiB"),
        ratio: format!("{:.0} MiB with {FEW} callers", few.grew),
        goal: "< 3 × the queue more",
        met: Some(most < bound),
    });
    let unbounded = run(Callers::ArrivingUnbounded(at_best * TIMES)).await?;
    report.add(Row {
        task,
        what: "control: the same without a bound".to_owned(),
        result: format!("{:.0} MiB", unbounded.grew),
        ratio: format!("{:.1} × the bound", unbounded.grew / bound),
        goal: "> 2 × the bound",
        met: Some(unbounded.grew > 2.0 * bound),
    });
    Ok(())
}

/// What it costs to look, at each commit, whether the paths of the database, its log and its index still lead to what is open.
async fn place_check(size: Size, report: &mut Report) -> Outcome<()> {
    const LOOKS: u32 = 2;
    let fresh = Sqlite::fresh()?;
    subscribe(
        &Engine::builder(fresh.store.clone()).enqueue_only(),
        0..ENDPOINTS,
        "http://127.0.0.1/",
        &policy(),
    )
    .await?;
    let commits = size.pick(2_000, 200);
    let body = body();
    let began = Instant::now();
    for id in 0..commits {
        let now = fresh.store.now().await?;
        fresh.store.enqueue(vec![notification(id, id % ENDPOINTS, &body)], now).await?;
    }
    let commit = began.elapsed().as_secs_f64() / commits as f64;
    let files = ["", "-wal", "-shm"].map(|ending| {
        let mut path = fresh.store.path().as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    });
    let began = Instant::now();
    for _ in 0..commits {
        for file in files.iter().cycle().take(files.len() * LOOKS as usize) {
            core::hint::black_box(std::fs::metadata(file)?);
        }
    }
    let look = began.elapsed().as_secs_f64() / commits as f64;
    let share = look / commit;
    report.add(Row {
        task: format!("{TASK}, SQLite"),
        what: format!(
            "looking for the file: {} `stat` calls beside a commit of {:.2} ms",
            files.len() * LOOKS as usize,
            commit * 1e3
        ),
        result: format!("{:.1} µs", look * 1e6),
        ratio: format!("{:.2} % of a commit", share * 100.0),
        goal: "< 2 %",
        met: Some(share < 0.02),
    });
    Ok(())
}

async fn in_a_process(order: Order) -> Outcome<Said> {
    let ended = Command::new(std::env::current_exe()?)
        .arg(OBEY)
        .arg(serde_json::to_string(&order)?)
        .kill_on_drop(true)
        .output()
        .await?;
    if !ended.status.success() {
        return Err(format!("{order:?} failed: {}", String::from_utf8_lossy(&ended.stderr)).into());
    }
    let said: Said = serde_json::from_slice(&ended.stdout)?;
    eprintln!("{:?}: {said:?}", order.callers);
    Ok(said)
}

/// Does what it is told in this process, and says what it saw.
pub(crate) async fn obey(order: &str) -> Outcome<()> {
    let order: Order = serde_json::from_str(order)?;
    let is_bounded = !matches!(order.callers, Callers::ArrivingUnbounded(_));
    match &order.place {
        Place::Sqlite(path) => obey_on(&order, sqlite(path, is_bounded)?).await,
        Place::Postgres { url, schema } => {
            let options = PostgresOptions::new().with_schema(Schema::new(schema.clone())?);
            let options = if is_bounded {
                options.with_queue_bytes(QUEUE_BYTES).with_queue_wait(Duration::from_secs(1))
            } else {
                options
                    .with_queue_bytes(usize::MAX)
                    .with_queue_calls(usize::MAX)
                    .with_call_timeout(Duration::from_secs(3_600))
            };
            obey_on(&order, PostgresStore::connect(url, options).await?).await
        }
    }
}

fn sqlite(path: &Path, is_bounded: bool) -> Outcome<SqliteStore> {
    let options = SqliteStore::options();
    let options = if is_bounded {
        options.with_queue_bytes(QUEUE_BYTES).with_queue_wait(Duration::from_secs(1))
    } else {
        options.with_queue_bytes(usize::MAX).with_queue_calls(usize::MAX)
    };
    Ok(options.open(path)?)
}

async fn obey_on<S: Store>(order: &Order, store: S) -> Outcome<()> {
    let engine = Engine::builder(store.clone()).enqueue_only();
    subscribe(&engine, 0..ENDPOINTS, "http://127.0.0.1/", &policy()).await?;
    let before = peak_mebibytes()?;
    let (seen, began) = (Arc::new(Seen::default()), Instant::now());
    let until = began + Duration::from_secs_f64(order.seconds);
    match order.callers {
        Callers::Waiting(callers) => wait_in_turn(&store, &seen, callers, until).await?,
        Callers::Arriving(a_second) => {
            let tracker = TaskTracker::new();
            arrive(&store, &seen, a_second, until, &tracker).await;
            tracker.close();
            tracker.wait().await;
            // What callers left behind that gave up is written before this is.
            store.enqueue(vec![own(u64::MAX)], store.now().await?).await?;
        }
        // Writing all of it would take ten times as long.
        Callers::ArrivingUnbounded(a_second) => {
            arrive(&store, &seen, a_second, until, &TaskTracker::new()).await;
        }
    }
    let took = began.elapsed();
    let grew = peak_mebibytes()? - before;
    let written = match order.callers {
        Callers::ArrivingUnbounded(_) => 0,
        Callers::Waiting(_) | Callers::Arriving(_) => {
            store.stats(StatsQuery::new(), store.now().await?).await?.waiting
        }
    };
    let said = Said {
        calls: seen.calls.load(Ordering::Relaxed),
        busy: seen.busy.load(Ordering::Relaxed),
        gave_up: seen.gave_up.load(Ordering::Relaxed),
        written_a_second: written as f64 / took.as_secs_f64(),
        grew,
    };
    println!("{}", serde_json::to_string(&said)?);
    // What still waits is given up.
    std::process::exit(0)
}

async fn wait_in_turn<S: Store>(store: &S, seen: &Arc<Seen>, callers: u64, until: Instant) -> Outcome<()> {
    let mut calling = JoinSet::new();
    for _ in 0..callers {
        let (store, seen) = (store.clone(), Arc::clone(seen));
        calling.spawn(async move {
            while Instant::now() < until {
                let number = seen.calls.fetch_add(1, Ordering::Relaxed);
                let now = store.now().await?;
                store.enqueue(vec![own(number)], now).await?;
            }
            Ok::<(), StoreError>(())
        });
    }
    while let Some(called) = calling.join_next().await {
        called??;
    }
    Ok(())
}

/// New callers come at this rate, whether those before them have got through or not.
async fn arrive<S: Store>(store: &S, seen: &Arc<Seen>, a_second: f64, until: Instant, tracker: &TaskTracker) {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    while Instant::now() < until {
        ticks.tick().await;
        let due = began.elapsed().as_secs_f64() * a_second;
        while (seen.calls.load(Ordering::Relaxed) as f64) < due {
            let number = seen.calls.fetch_add(1, Ordering::Relaxed);
            tracker.spawn(call(store.clone(), Arc::clone(seen), number));
        }
    }
}

async fn call<S: Store>(store: S, seen: Arc<Seen>, number: u64) {
    let whole = async {
        let now = store.now().await?;
        store.enqueue(vec![own(number)], now).await
    };
    let patience = if number.is_multiple_of(2) { PATIENCE } else { Duration::MAX };
    let count = match tokio::time::timeout(patience, whole).await {
        Ok(Ok(_)) => return,
        Ok(Err(StoreError::Busy { .. })) => &seen.busy,
        Ok(Err(error)) => {
            eprintln!("a call failed: {error}");
            std::process::exit(1)
        }
        Err(_) => &seen.gave_up,
    };
    count.fetch_add(1, Ordering::Relaxed);
}

/// A notification with a body that nobody else has.
fn own(number: u64) -> gymhook_engine::store::NewNotification {
    let mut body = vec![b'x'; CALL_BYTES];
    body.splice(..8, number.to_be_bytes());
    notification(number, number % ENDPOINTS, &Bytes::from(body))
}

fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The most memory that this process has had.
fn peak_mebibytes() -> Outcome<f64> {
    const LINE: &str = "VmHWM:";
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(LINE)).ok_or("no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}
