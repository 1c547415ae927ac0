//! One round trip to the store: a write, and then the reads.
//!
//! The order matters. What is fetched was read after everything that the machine had said before was written, so a delivery
//! that has just ended is never read as one that waits.

use std::time::Instant;

use gymhook_delivery::{Attempt, EndpointId};
use time::UtcDateTime;

use super::clock::StoreClock;
use crate::clock;
use crate::foreign::{self, Place};
use crate::store::{
    Batch, Command, Committed, Fetch, Fetched, Lease, LeaseRequest, Leased, Store, StoreError,
    SubscriptionRow, WorkerId,
};

/// What a round trip is for.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    pub(crate) batch: Batch,
    /// The attempts that may be sent once the batch is on disk.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) fetches: Vec<Fetch>,
    pub(crate) leases: Vec<LeaseRequest>,
    /// Who looks for work at all endpoints, if somebody does: then the clock is read as well.
    pub(crate) polls: Option<WorkerId>,
}

/// What came of it. What was not got to, because something before it failed, is empty.
#[derive(Debug, Default)]
pub(crate) struct RoundTripResult {
    /// What was wanted; a batch that is not written yet is still in it.
    pub(crate) asked: RoundTrip,
    pub(crate) committed: Option<Committed>,
    pub(crate) fetched: Vec<Fetched>,
    /// What came of each request for leases.
    pub(crate) leased: Vec<Vec<Leased>>,
    pub(crate) reloaded: Vec<SubscriptionRow>,
    pub(crate) clock: Option<StoreClock>,
    /// When the next lease of another worker ends.
    pub(crate) next_lease_end: Option<UtcDateTime>,
    /// When the round trip began: leases last from then at least.
    pub(crate) began: Option<Instant>,
    pub(crate) error: Option<StoreError>,
}

impl RoundTrip {
    pub(crate) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.fetches.is_empty() && self.leases.is_empty() && self.polls.is_none()
    }

    /// Whether its batch was to be written under this lease.
    pub(crate) fn writes_under(&self, lease: &Lease) -> bool {
        self.batch.leases.contains(lease) || self.batch.renew.contains(lease)
    }

    /// Does it.
    pub(crate) async fn run<S: Store>(self, store: S, clock: StoreClock) -> RoundTripResult {
        let mut done =
            RoundTripResult { asked: self, began: Some(clock::monotonic()), ..RoundTripResult::default() };
        // A call that panics has failed like one whose answer was lost: whether it took effect is not known.
        let made = foreign::run(Place::Store, || done.make(&store, clock)).await;
        done.error = made.unwrap_or_else(|panicked| Err(panicked.into())).err();
        done
    }
}

impl RoundTripResult {
    async fn make<S: Store>(&mut self, store: &S, mut clock: StoreClock) -> Result<(), StoreError> {
        if self.asked.polls.is_some() {
            let at = clock::monotonic();
            clock = StoreClock::new(store.now().await?, at);
            self.clock = Some(clock);
        }
        if !self.asked.batch.is_empty() {
            self.committed = Some(store.commit(self.asked.batch.clone(), clock.now()).await?);
        }
        // One moment for all: a lease has run out by then, or it is one whose end is waited for.
        let now = clock.now();
        let Self { asked, fetched, reloaded, leased, .. } = &mut *self;
        // What is fetched is under a lease of before: neither needs the other.
        let (read, taken) = tokio::join!(
            async {
                if !asked.fetches.is_empty() {
                    *fetched = store.fetch(asked.fetches.clone(), now).await?;
                    for endpoint in reloads(fetched) {
                        reloaded.extend(store.subscription(endpoint).await?);
                    }
                }
                Ok::<(), StoreError>(())
            },
            async {
                for request in &asked.leases {
                    leased.push(store.lease(request.clone(), now).await?);
                }
                Ok(())
            },
        );
        read.and(taken)?;
        if let Some(worker) = self.asked.polls {
            self.next_lease_end = store.next_lease_end(worker, now).await?;
        }
        Ok(())
    }
}

fn reloads(fetched: &[Fetched]) -> impl Iterator<Item = EndpointId> {
    fetched
        .iter()
        .filter(|fetched| fetched.commands.iter().any(|pending| pending.command == Command::Reload))
        .map(|fetched| fetched.endpoint)
}
