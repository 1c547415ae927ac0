//! Counts deliveries by their state: `stats` for all or for a gym, `endpoint_stats` for one endpoint.

use gymhook_delivery::{EndpointId, EndpointStatus};
use time::UtcDateTime;

use super::tables::Tables;
use crate::{EndpointStats, State, Stats, StatsQuery, StoreTime, SubscriptionRow};

impl Tables {
    pub(super) fn stats(&self, query: &StatsQuery, now: UtcDateTime) -> Stats {
        let since = query.since(now).micros();
        let mut stats = Stats::default();
        let is_meant = |row: &SubscriptionRow| {
            row.deleted_at.is_none() && query.gym.as_ref().is_none_or(|gym| row.gym == *gym)
        };
        for subscription in self.subscriptions.values().filter(|one| is_meant(&one.row)) {
            stats.subscriptions += 1;
            stats.disabled += u64::from(subscription.row.record.status != EndpointStatus::Enabled);
            let endpoint = subscription.row.id;
            stats.waiting += self.count(endpoint, State::Waiting);
            stats.in_flight += self.count(endpoint, State::InFlight);
            stats.undeliverable += self.count(endpoint, State::Undeliverable);
            stats.quarantined += self.count(endpoint, State::Quarantined);
            stats.unreadable += self.count(endpoint, State::Unreadable);
            let ended = |state| self.in_state(endpoint, state).filter(|row| row.at >= since).count() as u64;
            stats.delivered += ended(State::Delivered);
            stats.given_up += ended(State::Undeliverable);
            stats.oldest_due = stats.oldest_due.into_iter().chain(self.oldest_due(endpoint, now)).min();
        }
        stats
    }

    pub(super) fn endpoint_stats(&self, id: EndpointId, now: UtcDateTime) -> Option<EndpointStats> {
        let subscription = self.subscriptions.get(&id)?;
        Some(EndpointStats {
            record: subscription.row.record,
            waiting: self.count(id, State::Waiting),
            in_flight: self.count(id, State::InFlight),
            undeliverable: self.count(id, State::Undeliverable),
            oldest_due: self.oldest_due(id, now),
            last_delivered: self.last_in(id, State::Delivered),
            last_undeliverable: self.last_in(id, State::Undeliverable),
            lease: subscription.lease(StoreTime::floor(now).micros()),
        })
    }

    fn count(&self, endpoint: EndpointId, state: State) -> u64 {
        self.in_state(endpoint, state).count() as u64
    }

    fn oldest_due(&self, endpoint: EndpointId, now: UtcDateTime) -> Option<UtcDateTime> {
        let first = self.in_state(endpoint, State::Waiting).next()?;
        (first.at <= StoreTime::floor(now).micros()).then(|| StoreTime::from_micros(first.at).nearest())
    }

    fn last_in(&self, endpoint: EndpointId, state: State) -> Option<UtcDateTime> {
        self.in_state(endpoint, state).last().map(|last| StoreTime::from_micros(last.at).nearest())
    }
}
