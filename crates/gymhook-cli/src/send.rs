//! Playing a platform: deliveries with its signature, its time limit and its retries.

mod edit;
mod report;
mod tamper;

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gymhook::retry::{AttemptNumber, Decision, Outcome, RetryAfter, RetryPolicy, draw, time_math};
use gymhook::send;
use gymhook::signature::Signer;
use time::UtcDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

pub(crate) use self::edit::{Edit, edit, edited};
pub(crate) use self::report::{Attempted, Next, Reporter};
pub(crate) use self::tamper::{Tamper, Tampering};
use crate::exchange::exchange;
use crate::failure::Failure;
use crate::target::{HttpClient, Target};

/// One body on its way.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    /// The event's type, or the file it came from.
    pub(crate) label: Arc<str>,
    pub(crate) body: Bytes,
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
const REPORTS: usize = 1_024;

/// Between two looks at what was attempted: a task that sleeps need not be woken by each attempt.
const PAUSE: Duration = Duration::from_millis(2);

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
async fn produce(plan: Arc<Plan>, deliveries: impl Iterator<Item = Delivery>, tell: mpsc::Sender<Attempted>) {
    let slots = Arc::new(Semaphore::new(plan.concurrency));
    let start = tokio::time::Instant::now();
    let mut running = JoinSet::new();
    for (number, delivery) in (0_u32..).zip(deliveries) {
        if let Some(rate) = plan.rate {
            tokio::time::sleep_until(start + Duration::from_secs_f64(f64::from(number) / rate)).await;
        }
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        running.spawn(deliver(Arc::clone(&plan), delivery, Arc::clone(&slots), slot, tell.clone()));
        while running.try_join_next().is_some() {}
    }
    drop(tell);
    while running.join_next().await.is_some() {}
}

/// One delivery from its first attempt to its end.
async fn deliver(
    plan: Arc<Plan>,
    delivery: Delivery,
    slots: Arc<Semaphore>,
    mut slot: OwnedSemaphorePermit,
    tell: mpsc::Sender<Attempted>,
) {
    let mut attempt = AttemptNumber::FIRST;
    // Waits are decided on a clock that runs as fast as the waits are short.
    let (began, started) = (UtcDateTime::now(), Instant::now());
    let mut first_failure = None;
    loop {
        let request = match plan.request(&delivery) {
            Ok(request) => request,
            Err(problem) => {
                let _ = tell.send(Attempted::not_sent(&delivery, attempt, problem)).await;
                return;
            }
        };
        let seen = exchange(&plan.client, request, plan.policy.attempt_timeout()).await;
        drop(slot);
        let now = time_math::later(began, started.elapsed().mul_f64(plan.speed));
        let outcome = shifted(seen.outcome, now);
        let decision = plan.policy.decide(attempt, first_failure, &outcome, draw(&delivery.id, attempt), now);
        first_failure = first_failure.or(Some(now));
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
        let _ = tell.send(Attempted::of(&delivery, attempt, seen, next)).await;
        let Next::Retry { attempt: following, wait } = next else { return };
        tokio::time::sleep(wait.div_f64(plan.speed)).await;
        attempt = following;
        let Ok(again) = Arc::clone(&slots).acquire_owned().await else { return };
        slot = again;
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
        let request = send::request(&self.signer, &self.target.url, &delivery.id, delivery.body.clone(), now);
        let request = request.map_err(|error| error.to_string())?;
        match &self.tampering {
            None => Ok(request),
            Some(tampering) => tampering.spoil(request, &self.signer.header_names()),
        }
    }
}
