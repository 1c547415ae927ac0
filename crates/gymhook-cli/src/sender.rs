//! Sends deliveries as a platform would, with its signature, its time limit and its retries: a `Plan` of `Delivery`s
//! for `send` and `replay`.

mod edit;
mod report;
mod tamper;

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use gymhook::retry::{AttemptNumber, Decision, Outcome, RetryAfter, RetryPolicy, draw, time_math};
use gymhook::send;
use gymhook::signature::Signer;
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use uuid::{Builder, Uuid};

pub(crate) use self::edit::{Edit, edit, edited};
pub(crate) use self::report::{Attempted, Next, Reporter};
pub(crate) use self::tamper::{Tamper, Tampering};
use crate::exchange::exchange;
use crate::failure::Failure;
use crate::http_client::HttpClient;
use crate::target::Target;

/// One body on its way.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: Id,
    /// The event's type, or the file it came from.
    pub(crate) label: Arc<str>,
    pub(crate) body: Bytes,
}

/// A delivery's id, which its copies share.
///
/// A random one is made when it is first read, since whoever takes the next delivery holds a lock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Id(Arc<OnceLock<String>>);

impl Id {
    pub(crate) fn as_str(&self) -> &str {
        self.0.get_or_init(|| random_id().to_string())
    }
}

impl From<String> for Id {
    fn from(id: String) -> Self {
        Self(Arc::new(OnceLock::from(id)))
    }
}

/// A random id: the digest of a count and of a number that is drawn once, as drawing takes a system call.
fn random_id() -> Uuid {
    static SEED: LazyLock<Uuid> = LazyLock::new(Uuid::new_v4);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let digest = Sha256::new().chain_update(SEED.as_bytes()).chain_update(count.to_be_bytes()).finalize();
    Builder::from_random_bytes(digest.first_chunk().copied().unwrap_or_default()).into_uuid()
}

/// How deliveries are sent.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) signer: Signer,
    pub(crate) client: HttpClient,
    pub(crate) target: Target,
    pub(crate) policy: RetryPolicy,
    /// Waits are this many times shorter.
    pub(crate) speed: f64,
    pub(crate) concurrency: usize,
    /// Deliveries a second.
    pub(crate) rate: Option<f64>,
    pub(crate) tampering: Option<Tampering>,
}

/// Room for what was attempted and is not reported yet.
const REPORTS: usize = 4_096;

/// Between two looks at what was attempted: a task that sleeps need not be woken by each attempt.
const PAUSE: Duration = Duration::from_millis(10);

/// Sends everything, reporting as it goes; Ctrl-C ends it with what there is.
pub(crate) async fn run(
    plan: Plan,
    deliveries: impl Iterator<Item = Delivery> + Send + 'static,
    reporter: &mut Reporter<'_>,
) -> Result<(), Failure> {
    let plan = Arc::new(plan);
    let (tell, mut told) = mpsc::channel(REPORTS);
    let start = Instant::now();
    // Not in this task: it runs on a thread that would have to be woken for each delivery.
    let mut sending = JoinSet::new();
    sending.spawn(produce(Arc::clone(&plan), deliveries, tell));
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    let mut reports = Vec::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut interrupted => {
                reporter.finish(start.elapsed(), true)?;
                return Err(Failure::Interrupted);
            }
            count = told.recv_many(&mut reports, REPORTS) => {
                if count == 0 {
                    break;
                }
                reporter.report_all(reports.drain(..))?;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    reporter.finish(start.elapsed(), false)
}

/// Starts deliveries as rate and concurrency allow, and waits for them all.
///
/// As many tasks as may send at a time make the first attempts: a task for each delivery, and one that starts them, would
/// wake one another for every request. What has to be retried is a task of its own, since it waits for long.
async fn produce(
    plan: Arc<Plan>,
    deliveries: impl Iterator<Item = Delivery> + Send + 'static,
    tell: mpsc::Sender<Attempted>,
) {
    let slots = Semaphore::new(plan.concurrency);
    let sending = Arc::new(Sending { start: tokio::time::Instant::now(), slots, tell, plan });
    let deliveries = Arc::new(Mutex::new((0_u32..).zip(deliveries)));
    let mut running = JoinSet::new();
    for _ in 0..sending.plan.concurrency {
        let (sending, deliveries) = (Arc::clone(&sending), Arc::clone(&deliveries));
        running.spawn(async move {
            let mut retried = JoinSet::new();
            let next = || deliveries.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some((number, delivery)) = next() {
                if let Some(again) = sending.begin(number, delivery).await {
                    let sending = Arc::clone(&sending);
                    retried.spawn(async move { sending.retry(again).await });
                }
                while retried.try_join_next().is_some() {}
            }
            while retried.join_next().await.is_some() {}
        });
    }
    drop(sending);
    while running.join_next().await.is_some() {}
}

/// What all deliveries share.
struct Sending {
    plan: Arc<Plan>,
    start: tokio::time::Instant,
    slots: Semaphore,
    tell: mpsc::Sender<Attempted>,
}

/// A delivery between two attempts.
struct Underway {
    delivery: Delivery,
    attempt: AttemptNumber,
    /// Waits are decided on a clock that runs as fast as the waits are short: when it began, on both clocks.
    began: UtcDateTime,
    started: Instant,
    first_failure: Option<UtcDateTime>,
    /// Before the next attempt.
    wait: Duration,
}

impl Sending {
    /// The first attempt, when its time has come; what is left if it has to be retried.
    async fn begin(&self, number: u32, delivery: Delivery) -> Option<Underway> {
        if let Some(rate) = self.plan.rate {
            tokio::time::sleep_until(self.start + Duration::from_secs_f64(f64::from(number) / rate)).await;
        }
        let _slot = self.slots.acquire().await.ok()?;
        let (attempt, began, started) = (AttemptNumber::FIRST, UtcDateTime::now(), Instant::now());
        let first = Underway { delivery, attempt, began, started, first_failure: None, wait: Duration::ZERO };
        self.attempt(first).await
    }

    /// All attempts but the first. Nobody is kept waiting while it waits.
    async fn retry(&self, mut again: Underway) {
        loop {
            tokio::time::sleep(again.wait.div_f64(self.plan.speed)).await;
            let Ok(_slot) = self.slots.acquire().await else { return };
            match self.attempt(again).await {
                Some(failed) => again = failed,
                None => return,
            }
        }
    }

    async fn attempt(&self, mut underway: Underway) -> Option<Underway> {
        let Underway { delivery, attempt, began, started, first_failure, wait } = &mut underway;
        let plan = &*self.plan;
        let request = match plan.request(delivery) {
            Ok(request) => request,
            Err(problem) => {
                let _ = self.tell.send(Attempted::not_sent(delivery, *attempt, problem)).await;
                return None;
            }
        };
        let seen = exchange(&plan.client, request, plan.policy.attempt_timeout()).await;
        let now = time_math::later(*began, started.elapsed().mul_f64(plan.speed));
        let outcome = shifted(seen.outcome, now);
        let drawn = draw(delivery.id.as_str(), *attempt);
        let decision = plan.policy.decide(*attempt, *first_failure, &outcome, drawn, now);
        *first_failure = first_failure.or(Some(now));
        let next = match decision {
            Decision::Delivered => Next::Delivered,
            Decision::EndpointGone => Next::EndpointGone,
            Decision::Undeliverable { .. } => Next::Undeliverable,
            // What was tampered with should be refused: repeating it shows nothing.
            Decision::RetryAt { .. } if plan.tampering.is_some() => Next::Undeliverable,
            Decision::RetryAt { at, attempt, .. } => {
                Next::Retry { attempt, wait: time_math::elapsed(now, at) }
            }
        };
        let _ = self.tell.send(Attempted::of(delivery, *attempt, seen, next)).await;
        let Next::Retry { attempt: following, wait: until_then } = next else { return None };
        (*attempt, *wait) = (following, until_then);
        Some(underway)
    }
}

/// An outcome whose `Retry-After` counts from `now` of another clock.
fn shifted(outcome: Outcome, now: UtcDateTime) -> Outcome {
    let Outcome::Response { status, retry_after: Some(wish) } = outcome else { return outcome };
    let remaining = wish.remaining(UtcDateTime::now());
    Outcome::Response { status, retry_after: Some(RetryAfter::from(time_math::later(now, remaining))) }
}

impl Plan {
    fn request(&self, delivery: &Delivery) -> Result<http::Request<Bytes>, String> {
        let now = self.tampering.as_ref().map_or_else(UtcDateTime::now, Tampering::now);
        let (id, body) = (delivery.id.as_str(), delivery.body.clone());
        let request = send::request(&self.signer, &self.target.url, id, body, now);
        let request = request.map_err(|error| error.to_string())?;
        match &self.tampering {
            None => Ok(request),
            Some(tampering) => tampering.spoil(request, &self.signer.header_names()),
        }
    }
}
