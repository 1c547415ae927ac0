//! How do I send webhooks so that none is lost, with nothing but a file?
//!
//! This is a long demonstration; `send_durably_small` is the short answer. It enqueues 2,000 notifications in an engine on a SQLite
//! file, and delivers them to a real server that is slow, fails, stalls, and now and then accepts one but answers 500. Press Ctrl-C
//! in the middle, or end it with `kill -9`, and run it again: it continues where it stopped. At the end it prints part of the log,
//! and the totals; the exit status is 0 only if the receiver has every delivery. Run it once more, and it begins with the next
//! 2,000. The server, its subscription and the transport are set up in `examples/src/loopback.rs`.
//!
//! `cargo run --release --example send_durably [FILE] [NUMBER]`

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gymhook::delivery::{EndpointPolicy, Limits};
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook_engine::store::{DeliveryQuery, Enqueued, NewNotification, SqliteStore};
use gymhook_engine::{DeliveryId, DeliveryLog, EndpointId, Engine};
use gymhook_examples::{AnyError, Progress, or_dash, receive_on_loopback, subscription, table, transport};
use http::StatusCode;

const ENDPOINT: EndpointId = EndpointId::from_u128(1);
const IN_FLIGHT: NonZeroU32 = NonZeroU32::MIN.saturating_add(23);
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    let file =
        env::args_os().nth(1).map_or_else(|| env::temp_dir().join("gymhook-send-durably.db"), PathBuf::from);
    let number = env::args().nth(2).map_or(Ok(2_000), |number| number.parse().map(NonZeroU64::get))?;

    let receiver = Arc::new(Receiver::open(&file.with_extension("received"))?);
    let url = receive_on_loopback({
        let receiver = Arc::clone(&receiver);
        move |arrived| Arc::clone(&receiver).answer(arrived.delivery)
    })
    .await?;

    let engine = Engine::builder(SqliteStore::open(&file)?)
        .limits(Limits::new(IN_FLIGHT).with_share_percent(100)) // one endpoint may have it all: there is only one
        .shutdown_grace(Duration::from_secs(5))
        .start(transport("gymhook-example")?)
        .await?;
    engine.put_subscription(&subscription(ENDPOINT, "berlin", &format!("{url}/hooks"), policy())?).await?;

    // What earlier runs left unfinished, or else the next batch.
    let total = (receiver.distinct() / number + 1) * number;
    let new = enqueue(&engine, total).await?;
    println!("{}: {total} deliveries, {new} of them new. Press Ctrl-C, and run it again.", file.display());

    let interrupted = deliver(&engine, total).await?;
    engine.shutdown().await;
    let kept = report(&engine, &receiver, total, interrupted).await?;
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn policy() -> EndpointPolicy {
    let delays = [100, 200, 400, 800, 800, 800, 800, 800, 800, 800].map(Duration::from_millis);
    let retry = RetryPolicy::new(RetrySchedule::fixed(delays.to_vec())).with_attempt_timeout(ATTEMPT_TIMEOUT);
    // It fails so often that a breaker would open, and stay open for longer than an example should take.
    EndpointPolicy::new(retry).with_max_in_flight(IN_FLIGHT).with_breaker(None)
}

/// Enqueues deliveries 1 to `total`, and returns how many of them are new. Those that were enqueued before keep their state: a
/// sender that does not know how far it got before it died enqueues all of them again, under the same ids.
async fn enqueue(engine: &Engine<SqliteStore>, total: u64) -> Result<usize, AnyError> {
    let notification = |number| {
        let body = format!(r#"{{"event":"checkin.created","data":{{"member":"m-{number}"}}}}"#);
        NewNotification::new(delivery(number), ENDPOINT, "checkin.created", body.into())
    };
    let mut new = 0;
    for first in (1..=total).step_by(500) {
        let batch = (first..=total).take(500).map(notification).collect();
        for enqueued in engine.enqueue(batch).await? {
            new += usize::from(enqueued? == Enqueued::New);
        }
    }
    Ok(new)
}

const fn delivery(number: u64) -> DeliveryId {
    DeliveryId::from_u128(number as u128)
}

/// Watches the engine until nothing is left to do, or somebody presses Ctrl-C; then returns `true`.
async fn deliver(engine: &Engine<SqliteStore>, total: u64) -> Result<bool, AnyError> {
    let mut ctrl_c = pin!(tokio::signal::ctrl_c());
    let mut progress = Progress::new(total);
    loop {
        let stats = engine.stats().await?;
        let left = stats.waiting + stats.in_flight;
        progress.show(total.saturating_sub(left), format!("delivered, {} under way", stats.in_flight));
        if left == 0 {
            progress.end();
            return Ok(false);
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
            pressed = &mut ctrl_c => {
                progress.end();
                println!("Stopping: no new attempt begins, those under way may end.");
                return pressed.map(|()| true).map_err(AnyError::from);
            }
        }
    }
}

/// Prints the log and the totals, and says whether every delivery is where it has to be.
async fn report(
    engine: &Engine<SqliteStore>,
    receiver: &Receiver,
    total: u64,
    interrupted: bool,
) -> Result<bool, AnyError> {
    println!("{}", receiver.totals());
    let stats = engine.stats().await?;
    let waiting = stats.waiting + stats.in_flight;
    let missing = (1..=total).filter(|number| !receiver.has(delivery(*number))).count();
    if interrupted {
        println!("{waiting} wait, in the file. Run it again: it goes on from there.");
        // What the receiver does not have must still be there.
        return Ok(u64::try_from(missing)? <= waiting);
    }
    println!("The deliveries that took the most attempts, of the last thousand:\n{}", log(engine).await?);
    println!(
        "{total} deliveries: {waiting} wait, {} given up, {missing} missing at the receiver",
        stats.undeliverable
    );
    Ok(waiting + stats.undeliverable + stats.quarantined == 0 && missing == 0 && receiver.distinct() == total)
}

async fn log(engine: &Engine<SqliteStore>) -> Result<impl std::fmt::Display, AnyError> {
    let latest = DeliveryQuery::new(1_000);
    let mut logs: Vec<DeliveryLog> = Vec::new();
    for row in engine.deliveries(latest).await?.items {
        logs.extend(engine.delivery(row.id).await?);
    }
    logs.sort_by_key(|log| (std::cmp::Reverse(log.attempts.len()), log.delivery.order));

    let mut rows =
        table(&["delivery", "state", "attempt", "after enqueueing", "outcome", "status", "what went wrong"]);
    for log in logs.iter().take(4) {
        for attempt in &log.attempts {
            let after = attempt
                .began
                .map(|began| format!("{} ms", (began - log.delivery.enqueued_at).whole_milliseconds()));
            rows.add_row([
                log.delivery.order.to_string(),
                log.delivery.state.as_str().to_owned(),
                attempt.send.to_string(),
                or_dash(after),
                attempt.outcome.clone(),
                or_dash(attempt.status),
                or_dash(attempt.detail.as_deref()),
            ]);
        }
    }
    Ok(rows)
}

// ---------------------------------------------------------------- the other side

/// A receiver with a bad day. It writes each delivery it accepts to an append-only file, before it answers.
struct Receiver {
    requests: AtomicU64,
    record: Mutex<Record>,
}

struct Record {
    file: File,
    /// How often it took each delivery.
    taken: BTreeMap<String, u64>,
}

impl Receiver {
    fn open(path: &Path) -> Result<Self, AnyError> {
        let file = File::options().create(true).append(true).open(path)?;
        let mut taken = BTreeMap::new();
        for line in fs::read_to_string(path)?.lines() {
            *taken.entry(line.to_owned()).or_default() += 1;
        }
        Ok(Self { requests: AtomicU64::new(0), record: Mutex::new(Record { file, taken }) })
    }

    async fn answer(self: Arc<Self>, delivery: String) -> StatusCode {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(25)).await;
        if request % 8 == 3 {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        if request % 100 == 60 {
            tokio::time::sleep(ATTEMPT_TIMEOUT * 3).await; // the sender hangs up meanwhile
        }
        match self.take(delivery) {
            Ok(()) if request % 30 == 10 => StatusCode::INTERNAL_SERVER_ERROR, // accepted, but not acknowledged
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// One `write` for each line: if this process is killed, a line is there whole or not at all. (A power failure would need a sync.)
    fn take(&self, delivery: String) -> io::Result<()> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.file.write_all(format!("{delivery}\n").as_bytes())?;
        *record.taken.entry(delivery).or_default() += 1;
        Ok(())
    }

    fn has(&self, delivery: DeliveryId) -> bool {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).taken.contains_key(&delivery.to_string())
    }

    fn distinct(&self) -> u64 {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).taken.len() as u64
    }

    fn totals(&self) -> String {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let again = record.taken.values().filter(|times| **times > 1).count();
        format!(
            "The receiver got {} requests in this run. In all runs it took {} deliveries, and was sent {} of them \
             a second time:\nat least once, always under the same id, so that it can tell.",
            self.requests.load(Ordering::Relaxed),
            record.taken.len(),
            again
        )
    }
}
