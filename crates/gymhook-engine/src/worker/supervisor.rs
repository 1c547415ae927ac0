//! `supervise`: runs a worker, and starts the next one when it panics.

use core::pin::pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;

use super::event_loop::longer;
use super::{ABANDON_AFTER, Means, Worker};
use crate::health::Pulse;
use crate::store::{Batch, Store, StoreError};
use crate::user_code::{self, Place};
use crate::worker_requests::Request;
use crate::{Transport, clock, telemetry};

/// A worker that has run for this long was not brought down by what brought down the one before it.
const CALM: Duration = Duration::from_secs(60);

/// Runs a worker, and the next one whenever it panics, until it is told to stop.
pub(crate) async fn supervise<S: Store, T: Transport>(
    mut worker: Worker<S, T>,
    means: Means<S, T>,
    mut requests: UnboundedReceiver<Request>,
) {
    let _until_the_end = Alive(Arc::clone(&means.pulse));
    let mut pause = Duration::ZERO;
    loop {
        let began = clock::monotonic();
        let Err(panicked) = user_code::run(Place::Worker, || worker.run(&mut requests)).await else { return };
        if clock::monotonic().duration_since(began) >= CALM {
            pause = Duration::ZERO;
        }
        pause = longer(pause);
        means.pulse.panicked(panicked.to_string(), worker.clock.now());
        user_code::quietly(|| telemetry::worker_panicked(worker.id, pause));
        let mut succession = Succession {
            requests: &mut requests,
            until: worker.stop.map(|stop| stop.store_until()),
            grace: means.options.shutdown_grace,
        };
        let Some(next) = succession.begin(&means, &mut worker, pause).await else { return };
        worker = next;
    }
}

/// Reports that the worker has ended, however that came about.
struct Alive(Arc<Pulse>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.stopped();
    }
}

/// From one worker to the next.
struct Succession<'r> {
    requests: &'r mut UnboundedReceiver<Request>,
    /// Until when what the old one left is written, if the engine was told to stop.
    until: Option<Instant>,
    grace: Duration,
}

impl Succession<'_> {
    /// The next worker, once one can begin; `None` if the engine stops.
    async fn begin<S: Store, T: Transport>(
        &mut self,
        means: &Means<S, T>,
        old: &mut Worker<S, T>,
        mut pause: Duration,
    ) -> Option<Worker<S, T>> {
        let left = self.in_time(user_code::run(Place::Worker, || old.leave())).await?;
        let mut left = VecDeque::from(left.unwrap_or_default());
        loop {
            self.wait(pause).await;
            let error = match self.try_once(means, old, &mut left).await? {
                Ok(next) => return next,
                Err(error) => error,
            };
            means.pulse.store_failed(&error, old.clock.now());
            pause = longer(pause);
            user_code::quietly(|| telemetry::restart_failed(&error, pause));
            if self.until.is_some_and(|until| clock::monotonic() >= until) {
                return None;
            }
        }
    }

    /// Writes what the old one left, and begins the next worker, unless the engine stops; `None` if it stops and the store does
    /// not answer in time.
    async fn try_once<S: Store, T: Transport>(
        &mut self,
        means: &Means<S, T>,
        old: &mut Worker<S, T>,
        left: &mut VecDeque<Batch>,
    ) -> Option<Result<Option<Worker<S, T>>, StoreError>> {
        while let Some(batch) = left.front() {
            let now = old.clock.now();
            let commit = user_code::run(Place::Store, || means.store.commit(batch.clone(), now));
            match self.in_time(commit).await?.unwrap_or_else(|panicked| Err(panicked.into())) {
                Ok(committed) => {
                    user_code::quietly(|| telemetry::follow_ups_refused(&committed.refused));
                    user_code::quietly(|| old.attempts_logged(batch, &committed));
                    drop(left.pop_front());
                }
                Err(error) => return Some(Err(error)),
            }
        }
        if self.until.is_some() {
            return Some(Ok(None));
        }
        let next = self.in_time(user_code::run(Place::Store, || Worker::begin(means.clone()))).await?;
        let next = next.unwrap_or_else(|panicked| Err(panicked.into()));
        Some(next.map(|next| self.until.is_none().then_some(next)))
    }

    /// Waits for the pause, or until told to stop.
    async fn wait(&mut self, pause: Duration) {
        let was_told = self.until.is_some();
        let over = clock::monotonic() + pause;
        let over = self.until.map_or(over, |until| over.min(until));
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(over.into()) => return,
                request = self.requests.recv(), if self.until.is_none() => self.take(request),
            }
            if !was_told && self.until.is_some() {
                return;
            }
        }
    }

    /// Waits for this; `None` if the engine stops, and it did not come to its end in time.
    async fn in_time<R>(&mut self, work: impl Future<Output = R>) -> Option<R> {
        let mut work = pin!(work);
        loop {
            let until = self.until;
            let too_late = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => core::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = too_late => return None,
                request = self.requests.recv(), if self.until.is_none() => self.take(request),
            }
        }
    }

    fn take(&mut self, request: Option<Request>) {
        let grace = match request {
            // The next worker looks everywhere.
            Some(Request::Look(_)) => return,
            Some(Request::Stop { grace }) => grace,
            None => self.grace,
        };
        self.until = Some(clock::monotonic() + grace + ABANDON_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[tokio::test]
    async fn a_pause_ends_with_the_time_that_is_left_for_a_shutdown() {
        let (_engine, mut requests) = unbounded_channel();
        let until = Some(clock::monotonic() + Duration::from_millis(20));
        let mut succession = Succession { requests: &mut requests, until, grace: Duration::ZERO };
        let waited = succession.wait(Duration::from_secs(3_600));
        tokio::time::timeout(Duration::from_secs(60), waited).await.unwrap();
    }
}
