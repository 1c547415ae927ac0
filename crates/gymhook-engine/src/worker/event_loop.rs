//! `Worker::run`, the loop that waits for whatever comes next: a round trip that is done, an attempt that ended, a request, new
//! work in the store, or a time.

use core::time::Duration;
use std::time::Instant;

use gymhook_delivery::EndpointId;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinError, JoinHandle};

use super::round_trip::RoundTripResult;
use super::{Stop, Worker};
use crate::store::Store;
use crate::user_code::{self, Place};
use crate::worker_requests::Request;
use crate::{Transport, clock as clocks};

impl<S: Store, T: Transport> Worker<S, T> {
    /// Works until it is told to stop and everything under way has ended.
    pub(super) async fn run(&mut self, requests: &mut UnboundedReceiver<Request>) {
        let store = self.store.clone();
        let mut arrivals = Box::pin(arrived(&store, Duration::ZERO));
        let mut deaf_for = Duration::ZERO;
        loop {
            self.tick();
            self.drain_machine();
            self.start_round_trip();
            if self.is_done() {
                return;
            }
            if self.stop.is_some_and(|stop| clocks::monotonic() >= stop.store_until()) {
                return self.abandon();
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                done = join(&mut self.round_trip) => self.round_trip_ended(done),
                Some(ended) = self.ended.recv() => self.attempts_ended(ended),
                request = requests.recv(), if self.stop.is_none() => self.take_request(request),
                endpoints = &mut arrivals => {
                    deaf_for = if endpoints.is_some() { Duration::ZERO } else { longer(deaf_for) };
                    arrivals = Box::pin(arrived(&store, deaf_for));
                    self.work_arrived(&endpoints.unwrap_or_default());
                }
                () = tokio::time::sleep_until(wake.into()) => {
                    let now = self.clock.now();
                    self.machine.handle_timeout(now);
                }
            }
        }
    }

    pub(super) fn take_request(&mut self, request: Option<Request>) {
        match request {
            Some(Request::Look(endpoints)) => self.work_arrived(&endpoints),
            Some(Request::Stop { grace }) => self.begin_stop(grace),
            // Nobody holds the engine any more: the same as being told to stop.
            None => self.begin_stop(self.options.shutdown_grace),
        }
    }

    pub(super) fn begin_stop(&mut self, grace: Duration) {
        self.pulse.stopping();
        self.machine.drain();
        self.sharing.withdraw(self.clock.now());
        self.next_tick = clocks::monotonic();
        self.stop = Some(Stop { until: clocks::monotonic() + grace, gave_up: false });
    }

    /// Somebody says that there is work at these endpoints, or perhaps anywhere if there are none.
    pub(super) fn work_arrived(&mut self, endpoints: &[EndpointId]) {
        self.look_everywhere |= endpoints.is_empty();
        for endpoint in endpoints {
            match self.leased_endpoints.0.get_mut(endpoint) {
                Some(leased) if !leased.is_leaving() => {
                    leased.unseen = true;
                    self.to_fetch.insert(*endpoint);
                }
                Some(_) | None => {
                    self.to_lease.insert(*endpoint);
                }
            }
        }
    }

    /// When to wake up if nothing happens.
    fn next_wake(&self) -> Instant {
        let now = clocks::monotonic();
        let utc = self.clock.now();
        let due = self.due_elsewhere.first().map(|(at, _)| *at);
        let timed = [self.wake_at, due, self.next_lease_end].into_iter().flatten().min();
        let timed = timed.map(|at| now + Duration::try_from(at - utc).unwrap_or(Duration::ZERO));
        let again = self.failed.as_ref().map(|(_, at)| *at);
        let give_up = self.stop.filter(|stop| !stop.gave_up).map(|stop| stop.until);
        [timed, again, give_up].into_iter().flatten().fold(self.next_tick.min(self.next_look), Instant::min)
    }
}

/// Waits for word of new work, after a pause; `None` if the store panicked.
async fn arrived<S: Store>(store: &S, pause: Duration) -> Option<Vec<EndpointId>> {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    user_code::run(Place::Store, || store.work_arrived()).await.ok()
}

/// The pause after the next failure: a tenth of a second, twice as long each time, half a minute at most.
pub(super) fn longer(pause: Duration) -> Duration {
    (pause * 2).clamp(Duration::from_millis(100), Duration::from_secs(30))
}

/// Waits for a round trip that is under way; for ever, if none is.
async fn join(round_trip: &mut Option<JoinHandle<RoundTripResult>>) -> RoundTripResult {
    let Some(handle) = round_trip else { return core::future::pending().await };
    let done = handle.await;
    *round_trip = None;
    match done.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime is shutting down, and this task is next.
        Err(Err(_cancelled)) => core::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_visit_that_the_runtime_gave_up_is_no_panic() {
        let round_trip = tokio::spawn(core::future::pending::<RoundTripResult>());
        round_trip.abort();
        let waited = tokio::time::timeout(Duration::from_secs(1), join(&mut Some(round_trip))).await;
        assert!(waited.is_err(), "it never ends");
    }
}
