//! What happens when one of my workers dies?
//!
//! This is a long demonstration. It starts a private PostgreSQL from the installed programs, and four worker processes that share
//! its work by leasing endpoints. In the middle of 2,400 deliveries one of them is killed. The others wait until its leases
//! expire, and take over its endpoints. It prints which worker got which endpoints, and when; the exit status is 0 only if every
//! delivery has arrived at the receiver, and each of the killed worker's endpoints has moved to another worker. The receiver, its
//! subscriptions and the transport are set up in `examples/src/loopback.rs`.
//!
//! `cargo run --release --example many_workers`

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io;
use std::num::NonZeroU32;
use std::process::{ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gymhook::delivery::EndpointPolicy;
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook_engine::store::postgres::PostgresOptions;
use gymhook_engine::store::{NewNotification, PostgresStore, Stats};
use gymhook_engine::{DeliveryId, EndpointId, Engine};
use gymhook_examples::{AnyError, Arrived, Progress, receive_on_loopback, subscription, table, transport};
use gymhook_test_postgres::{Server, StartError};
use http::StatusCode;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const WORKERS: [&str; 4] = ["worker-1", "worker-2", "worker-3", "worker-4"];
const ENDPOINTS: u32 = 24;
const DELIVERIES_EACH: u32 = 100;
const DELIVERIES: u64 = ENDPOINTS as u64 * DELIVERIES_EACH as u64;

/// The number of endpoints that a worker takes at once, and that it may hold: three workers can hold them all.
const ENDPOINTS_AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(5);
const ENDPOINTS_PER_WORKER: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);
/// Short, so that the example is: the default is 90 s.
const LEASE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(250);

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [role, database, name] if role == "worker" => work(database, name).await,
        _ => oversee().await,
    }
}

/// What each worker process does: nothing but run an engine, until the overseer closes the pipe or is gone.
async fn work(database: &str, name: &str) -> Result<ExitCode, AnyError> {
    let engine = Engine::builder(PostgresStore::connect(database, PostgresOptions::new()).await?)
        .lease_length(LEASE)
        .poll_interval(POLL)
        .max_endpoints(ENDPOINTS_PER_WORKER)
        .lease_batch(ENDPOINTS_AT_ONCE)
        .start(transport(name)?)
        .await?;
    println!("ready");
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())).await??;
    engine.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

async fn oversee() -> Result<ExitCode, AnyError> {
    let server = match Server::start() {
        Ok(server) => server,
        Err(StartError::Missing(_)) => {
            eprintln!(
                "This example needs the programs of PostgreSQL 13 or newer, and they are not installed: `apt-get install \
                 postgresql` (Debian, Ubuntu), `brew install postgresql` (macOS)."
            );
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.to_string().into()),
    };
    let receiver = Arc::new(Receiver::default());
    let url = receive_on_loopback({
        let receiver = Arc::clone(&receiver);
        move |arrived| Arc::clone(&receiver).answer(arrived)
    })
    .await?;

    let store = PostgresStore::connect(&server.url(), PostgresOptions::new()).await?;
    let engine = Engine::builder(store).enqueue_only();
    for endpoint in 1..=ENDPOINTS {
        let hook = subscription(id(endpoint), "berlin", &format!("{url}/{endpoint:02}"), policy())?;
        engine.put_subscription(&hook).await?;
    }
    let mut workers = BTreeMap::new();
    for name in WORKERS {
        workers.insert(name, start(&server.url(), name).await?);
    }
    println!("{} workers are there, PostgreSQL is at {}", workers.len(), server.url());
    enqueue_all(&engine).await?;

    let mut progress = Progress::new(DELIVERIES);
    wait_until(&engine, &mut progress, |stats| stats.waiting + stats.in_flight < DELIVERIES * 3 / 5).await?;
    let killing = kill_the_busiest(&mut workers, &receiver).await?;
    progress.say(&format!("{} (process {}) is killed", killing.worker, killing.process));
    wait_until(&engine, &mut progress, |stats| stats.waiting + stats.in_flight == 0).await?;
    progress.end();

    let mut ended_well = true;
    for (name, mut worker) in workers {
        drop(worker.stdin.take());
        let status = worker.wait().await?;
        println!("{name} was told to stop: {status}");
        ended_well &= status.success();
    }
    let given_up = engine.stats().await?.undeliverable;
    let kept = report(&receiver.arrivals(), &killing, given_up)?;
    Ok(if kept && ended_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn policy() -> EndpointPolicy {
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(200), 10))
        .with_attempt_timeout(LEASE / 4); // no more than half a lease
    EndpointPolicy::new(retry).with_max_in_flight(NonZeroU32::MIN.saturating_add(1))
}

const fn id(endpoint: u32) -> EndpointId {
    EndpointId::from_u128(endpoint as u128)
}

const fn delivery(number: u64) -> DeliveryId {
    DeliveryId::from_u128(number as u128)
}

async fn start(database: &str, name: &str) -> Result<Child, AnyError> {
    let mut worker = Command::new(env::current_exe()?)
        .args(["worker", database, name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let said = worker.stdout.take().ok_or("its output is piped")?;
    match BufReader::new(said).lines().next_line().await? {
        Some(_ready) => Ok(worker),
        None => Err(format!("{name} did not start").into()),
    }
}

async fn enqueue_all(engine: &Engine<PostgresStore>) -> Result<(), AnyError> {
    let mut numbers = 1_u64..;
    for _ in 0..DELIVERIES_EACH {
        let one_for_each = (1..=ENDPOINTS).zip(numbers.by_ref()).map(|(endpoint, number)| {
            let body = format!(r#"{{"event":"checkin.created","data":{{"member":"m-{number}"}}}}"#);
            NewNotification::new(delivery(number), id(endpoint), "checkin.created", body.into())
        });
        for enqueued in engine.enqueue(one_for_each.collect()).await? {
            let _new = enqueued?;
        }
    }
    Ok(())
}

async fn wait_until(
    engine: &Engine<PostgresStore>,
    progress: &mut Progress,
    holds: impl Fn(&Stats) -> bool,
) -> Result<(), AnyError> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        let stats = engine.stats().await?;
        progress.show(DELIVERIES - stats.waiting - stats.in_flight, "delivered");
        if holds(&stats) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("nobody works any more: waited for a minute".into())
}

/// A worker that was killed, and what it had.
struct Killing {
    worker: &'static str,
    process: u32,
    at: Instant,
    endpoints: BTreeSet<String>,
}

/// Kills the worker that the most endpoints have last heard of: no farewell, as if its machine had gone.
async fn kill_the_busiest(
    workers: &mut BTreeMap<&'static str, Child>,
    receiver: &Receiver,
) -> Result<Killing, AnyError> {
    let last: BTreeMap<String, String> =
        receiver.arrivals().into_iter().map(|(_, arrived)| (arrived.path, arrived.sender)).collect();
    let held_by = |name: &str| {
        last.iter().filter(|(_, worker)| *worker == name).map(|(path, _)| path.clone()).collect()
    };
    let held: BTreeMap<&'static str, BTreeSet<String>> =
        workers.keys().map(|name| (*name, held_by(name))).collect();
    let (worker, endpoints) =
        held.into_iter().max_by_key(|(_, held)| held.len()).ok_or("there are workers")?;
    let mut child = workers.remove(worker).ok_or("it is one of them")?;
    let process = child.id().ok_or("it runs")?;
    child.kill().await?; // SIGKILL
    Ok(Killing { worker, process, at: Instant::now(), endpoints })
}

fn report(arrivals: &[(Instant, Arrived)], killing: &Killing, given_up: u64) -> Result<bool, AnyError> {
    let mut moved = table(&["endpoint", "was", "is", "first heard of after", "in leases"]);
    let is_complete = |endpoint: &str| {
        let before = arrivals.iter().filter(|(at, arrived)| *at <= killing.at && arrived.path == endpoint);
        let deliveries: BTreeSet<&str> = before.map(|(_, arrived)| arrived.delivery.as_str()).collect();
        deliveries.len() == DELIVERIES_EACH as usize
    };
    let mut stranded = 0;
    for endpoint in &killing.endpoints {
        let after = |(at, arrived): &&(Instant, Arrived)| {
            *at > killing.at && arrived.path == *endpoint && arrived.sender != killing.worker
        };
        match arrivals.iter().find(after) {
            Some((at, arrived)) => {
                let after = at.duration_since(killing.at);
                let leases = format!("{:.2}", after.as_secs_f64() / LEASE.as_secs_f64());
                moved.add_row([endpoint, killing.worker, &arrived.sender, &format!("{after:.1?}"), &leases]);
            }
            None if is_complete(endpoint) => {
                moved.add_row([endpoint, killing.worker, "nothing was left", "-", "-"]);
            }
            None => {
                moved.add_row([endpoint, killing.worker, "nobody", "-", "-"]);
                stranded += 1;
            }
        }
    }
    println!("{moved}");

    let mut work = table(&["worker", "requests", "endpoints"]);
    for name in WORKERS {
        let theirs = || arrivals.iter().filter(|(_, arrived)| arrived.sender == name);
        let endpoints: BTreeSet<&str> = theirs().map(|(_, arrived)| arrived.path.as_str()).collect();
        work.add_row([name.to_owned(), theirs().count().to_string(), endpoints.len().to_string()]);
    }
    println!("{work}");

    let arrived: BTreeSet<&str> = arrivals.iter().map(|(_, arrived)| arrived.delivery.as_str()).collect();
    let missing =
        (1..=DELIVERIES).filter(|number| !arrived.contains(delivery(*number).to_string().as_str())).count();
    println!(
        "{} deliveries arrived, {} of them again since nobody knew how they had ended; {missing} missing, {given_up} given up",
        arrived.len(),
        arrivals.len() - arrived.len()
    );
    Ok(missing == 0 && given_up == 0 && stranded == 0 && u64::try_from(arrived.len())? == DELIVERIES)
}

/// Takes everything, not at once, and remembers which worker it came from.
#[derive(Default)]
struct Receiver(Mutex<Vec<(Instant, Arrived)>>);

impl Receiver {
    async fn answer(self: Arc<Self>, arrived: Arrived) -> StatusCode {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), arrived));
        tokio::time::sleep(Duration::from_millis(40)).await;
        StatusCode::NO_CONTENT
    }

    fn arrivals(&self) -> Vec<(Instant, Arrived)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
