//! `RoundTrip`: one round trip to the store, a write and then the reads, and its `RoundTripResult`.
//!
//! The order matters. What is fetched was read after everything that the machine had said before was written, so a delivery
//! that has just ended is never read as one that waits.

use std::time::Instant;

use gymhook_delivery::{Attempt, EndpointId};
use time::UtcDateTime;

use super::clock::StoreClock;
use crate::Direction;
use crate::clock;
use crate::store::{
    Announcement, Batch, Command, Committed, Fetch, Fetched, Lease, LeaseRequest, Leased, OtherWorkers,
    Store, StoreError, SubscriptionRow, WorkerId,
};
use crate::user_code::{self, Place};

/// What a round trip is for.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    pub(crate) batch: Batch,
    /// What the other workers are told.
    pub(crate) announcement: Option<Announcement>,
    /// The attempts that may be sent once the batch is on disk.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) fetches: Vec<Fetch>,
    pub(crate) leases: Vec<LeaseRequest>,
    /// The look for work at all endpoints, if it is time for one: then the clock is read as well.
    pub(crate) look: Option<Look>,
}

/// A look for work at all endpoints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) worker: WorkerId,
    pub(crate) direction: Direction,
    /// Whether the worker knows already that another one wants more, and asks for no more than its share.
    pub(crate) knows_its_share: bool,
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
    /// The other workers, if somebody looked for work at all endpoints, and when.
    pub(crate) others: Option<(UtcDateTime, OtherWorkers)>,
    /// When the round trip began: leases last from then at least.
    pub(crate) began: Option<Instant>,
    pub(crate) error: Option<StoreError>,
}

impl RoundTrip {
    pub(crate) fn is_empty(&self) -> bool {
        self.batch.is_empty()
            && self.announcement.is_none()
            && self.fetches.is_empty()
            && self.leases.is_empty()
            && self.look.is_none()
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
        let made = user_code::run(Place::Store, || done.make(&store, clock)).await;
        done.error = made.unwrap_or_else(|panicked| Err(panicked.into())).err();
        done
    }
}

impl RoundTripResult {
    async fn make<S: Store>(&mut self, store: &S, mut clock: StoreClock) -> Result<(), StoreError> {
        if self.asked.look.is_some() {
            let at = clock::monotonic();
            clock = StoreClock::new(store.now().await?, at);
            self.clock = Some(clock);
        }
        if !self.asked.batch.is_empty() {
            self.committed = Some(store.commit(self.asked.batch.clone(), clock.now()).await?);
        }
        if let Some(announcement) = self.asked.announcement {
            store.announce(announcement, clock.now()).await?;
            self.asked.announcement = None;
        }
        // One moment for all: a lease has run out by then, or it is one whose end is waited for.
        let now = clock.now();
        let Self {
            asked: RoundTrip { fetches, leases, look, .. }, fetched, reloaded, leased, others, ..
        } = self;
        // What is fetched is under a lease of before: neither needs the other.
        let (read, taken) = tokio::join!(
            async {
                if !fetches.is_empty() {
                    *fetched = store.fetch(fetches.clone(), now).await?;
                    for endpoint in reloads(fetched) {
                        reloaded.extend(store.subscription(endpoint).await?);
                    }
                }
                Ok::<(), StoreError>(())
            },
            async {
                if let Some(Look { worker, direction, knows_its_share }) = *look {
                    let heard = store.other_workers(worker, direction, now).await?;
                    if !knows_its_share && heard.announcements.iter().any(|other| other.wants_more) {
                        // What was given up for that one has no owner. It is left to it, or for the next look.
                        leases.retain(|request| request.only.is_some());
                    }
                    *others = Some((now, heard));
                }
                for request in leases.iter() {
                    leased.push(store.lease(request.clone(), now).await?);
                }
                Ok(())
            },
        );
        read.and(taken)
    }
}

fn reloads(fetched: &[Fetched]) -> impl Iterator<Item = EndpointId> {
    fetched
        .iter()
        .filter(|fetched| fetched.commands.iter().any(|pending| pending.command == Command::Reload))
        .map(|fetched| fetched.endpoint)
}
