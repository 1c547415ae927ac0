//! Starts the worker again when it panics.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;

use super::{ABANDON_AFTER, Means, Worker, longer};
use crate::engine::{Pulse, Request};
use crate::foreign::{self, Place};
use crate::store::{Batch, Store, StoreError};
use crate::{Transport, clock, telemetry};

/// A worker that has run for so long was not brought down by what brought down the one before it.
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
        let Err(panicked) = foreign::run(Place::Worker, || worker.run(&mut requests)).await else { return };
        if clock::monotonic().duration_since(began) >= CALM {
            pause = Duration::ZERO;
        }
        pause = longer(pause);
        means.pulse.panicked(panicked.to_string(), worker.clock.now());
        foreign::tell(|| telemetry::worker_panicked(worker.id, pause));
        let left = foreign::run(Place::Worker, || worker.leave()).await.unwrap_or_default();
        let mut succession = Succession {
            left: left.into(),
            until: worker.stop.map(|stop| stop.until + ABANDON_AFTER),
            grace: means.options.shutdown_grace,
            pause,
        };
        let Some(next) = succession.begin(&means, &worker, &mut requests).await else { return };
        worker = next;
    }
}

/// Says so when the worker has ended, however that came about.
struct Alive(Arc<Pulse>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.stopped();
    }
}

/// From one worker to the next.
struct Succession {
    /// What the old one has not written.
    left: VecDeque<Batch>,
    /// Until when that is tried, if the worker was told to stop.
    until: Option<Instant>,
    grace: Duration,
    pause: Duration,
}

impl Succession {
    /// The next worker, once one can begin; `None` if the engine stops.
    async fn begin<S: Store, T: Transport>(
        &mut self,
        means: &Means<S, T>,
        old: &Worker<S, T>,
        requests: &mut UnboundedReceiver<Request>,
    ) -> Option<Worker<S, T>> {
        loop {
            self.wait(requests).await;
            let error = match self.try_once(means, old).await {
                Ok(next) => return next,
                Err(error) => error,
            };
            means.pulse.store_failed(&error, old.clock.now());
            self.pause = longer(self.pause);
            foreign::tell(|| telemetry::restart_failed(&error, self.pause));
            if self.until.is_some_and(|until| clock::monotonic() >= until) {
                // The leases run out by themselves.
                return None;
            }
        }
    }

    /// Waits for the pause, or until told to stop.
    async fn wait(&mut self, requests: &mut UnboundedReceiver<Request>) {
        let over = tokio::time::sleep(self.pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return,
                request = requests.recv(), if self.until.is_none() => match request {
                    // The next worker looks everywhere.
                    Some(Request::Look(_)) => {}
                    Some(Request::Stop { grace }) => return self.stop_within(grace),
                    None => return self.stop_within(self.grace),
                },
            }
        }
    }

    fn stop_within(&mut self, grace: Duration) {
        self.until = Some(clock::monotonic() + grace + ABANDON_AFTER);
    }

    async fn try_once<S: Store, T: Transport>(
        &mut self,
        means: &Means<S, T>,
        old: &Worker<S, T>,
    ) -> Result<Option<Worker<S, T>>, StoreError> {
        while let Some(batch) = self.left.front() {
            foreign::run(Place::Store, || means.store.commit(batch.clone(), old.clock.now())).await??;
            self.left.pop_front();
        }
        if self.until.is_some() {
            return Ok(None);
        }
        Ok(Some(foreign::run(Place::Store, || Worker::begin(means.clone())).await??))
    }
}
