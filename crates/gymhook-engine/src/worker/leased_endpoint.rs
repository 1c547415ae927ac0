//! `LeasedEndpoint`: an endpoint that this worker has leased, and how far its deliveries were read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use gymhook_delivery::{EndpointId, LeaseEpoch};
use time::UtcDateTime;

use crate::Subscription;
use crate::options::Options;
use crate::store::{Cursor, Fetch, Fetched, Lease};

/// One endpoint under lease.
#[derive(Debug)]
pub(crate) struct LeasedEndpoint {
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) epoch: LeaseEpoch,
    /// Until when the lease lasts at least.
    pub(crate) ends: Instant,
    /// Where the scan of what is due goes on; `None` if the last one came to its end.
    more: Option<Cursor>,
    /// When the scan began that is under way, or the last one.
    pub(crate) scan_began: Instant,
    /// Whether a fetch is under way.
    pub(crate) fetching: bool,
    /// Whether something may have come that no fetch has seen.
    pub(crate) unseen: bool,
    pub(crate) next_due: Option<UtcDateTime>,
    /// Since when there is nothing to do.
    pub(crate) idle_since: Option<Instant>,
    /// Whether another worker is to have it: no attempt begins any more, and it is given back when none is in flight.
    pub(crate) giving_up: bool,
    /// Whether it is being given back.
    pub(crate) releasing: bool,
}

/// How long a scan goes on before it starts again from the earliest: what is committed late may be due early.
const SCAN_AGAIN: core::time::Duration = core::time::Duration::from_secs(2);

impl LeasedEndpoint {
    pub(crate) const fn new(
        subscription: Arc<Subscription>,
        epoch: LeaseEpoch,
        ends: Instant,
        now: Instant,
    ) -> Self {
        Self {
            subscription,
            epoch,
            ends,
            more: None,
            scan_began: now,
            fetching: false,
            unseen: true,
            next_due: None,
            idle_since: None,
            giving_up: false,
            releasing: false,
        }
    }

    /// Whether the store may hold deliveries that are due and not here.
    pub(crate) const fn has_more(&self) -> bool {
        self.unseen || self.more.is_some()
    }

    /// Whether this worker is done with it, or will be: nothing more is read for it.
    pub(crate) const fn is_leaving(&self) -> bool {
        self.giving_up || self.releasing
    }

    /// Whether a delivery fell due that is not here.
    pub(crate) fn fell_due(&self, now: UtcDateTime) -> bool {
        self.next_due.is_some_and(|due| due <= now)
    }

    /// Asks for what fills the window, given this many waiting deliveries; only for commands if they are enough.
    pub(crate) fn fetch(
        &mut self,
        endpoint: EndpointId,
        waiting: usize,
        options: &Options,
        now: Instant,
    ) -> Fetch {
        if now.duration_since(self.scan_began) > SCAN_AGAIN {
            self.more = None;
        }
        if self.more.is_none() {
            self.scan_began = now;
        }
        self.unseen = false;
        self.fetching = true;
        self.next_due = None;
        let window = options.window.get();
        let limit = match self.more {
            _ if waiting > options.low_water() => 0,
            Some(_) => window.saturating_sub(u32::try_from(waiting).unwrap_or(u32::MAX)),
            // From the start, those that are here are read once more.
            None => window,
        };
        Fetch { endpoint, ordered: self.subscription.policy().is_ordered(), after: self.more, limit }
    }

    /// Takes note of how far the fetch came.
    pub(crate) fn fetched(&mut self, fetch: &Fetch, fetched: &Fetched) {
        self.fetching = false;
        if fetch.limit == 0 {
            // Only commands were looked for.
            self.unseen = true;
        } else {
            self.more = fetched.more;
        }
        self.next_due = [self.next_due, fetched.next_due].into_iter().flatten().min();
    }
}

/// All endpoints under lease.
#[derive(Debug, Default)]
pub(crate) struct LeasedEndpoints(pub(crate) BTreeMap<EndpointId, LeasedEndpoint>);

impl LeasedEndpoints {
    /// The lease to write under.
    pub(crate) fn lease(&self, endpoint: EndpointId) -> Option<Lease> {
        self.0.get(&endpoint).map(|leased| Lease { endpoint, epoch: leased.epoch })
    }
}
