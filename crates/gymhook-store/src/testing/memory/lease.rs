//! Leases endpoints that have work, and ends all leases.

use gymhook_delivery::{EndpointId, EndpointStatus, LeaseEpoch};
use time::UtcDateTime;

use super::tables::{Subscription, Tables};
use crate::{LeaseRequest, Leased, State, StoreTime, SubscriptionRow, WorkerId};

impl Tables {
    pub(super) fn lease(&mut self, request: &LeaseRequest, now: UtcDateTime) -> Vec<Leased> {
        let until = StoreTime::after(now, request.length).micros();
        let now = StoreTime::floor(now).micros();
        let is_wanted = |row: &SubscriptionRow| {
            row.direction() == request.direction
                && request.only.as_ref().is_none_or(|only| only.contains(&row.id))
        };
        let mut free: Vec<(i64, EndpointId)> = self
            .subscriptions
            .values()
            .filter(|subscription| is_wanted(&subscription.row))
            .filter(|subscription| subscription.lease(now).is_none() && self.has_work(subscription, now))
            .map(|subscription| (subscription.leased_until, subscription.row.id))
            .collect();
        free.sort_unstable();
        free.truncate(request.limit as usize);
        free.into_iter().filter_map(|(_, endpoint)| self.lease_one(endpoint, request.worker, until)).collect()
    }

    fn has_work(&self, subscription: &Subscription, now: i64) -> bool {
        let endpoint = subscription.row.id;
        let is_enabled = matches!(subscription.row.record.status, EndpointStatus::Enabled);
        let has_due = || self.in_state(endpoint, State::Waiting).next().is_some_and(|first| first.at <= now);
        let has_test = || self.due_tests(endpoint, now).next().is_some();
        let has_in_flight = || self.in_state(endpoint, State::InFlight).next().is_some();
        let has_command =
            || self.commands.values().any(|command| command.endpoint == endpoint && command.due <= now);
        subscription.row.deleted_at.is_none()
            && ((is_enabled && has_due()) || has_test() || has_in_flight() || has_command())
    }

    pub(super) fn due_tests(&self, endpoint: EndpointId, now: i64) -> impl Iterator<Item = u64> {
        let due = self.in_state(endpoint, State::Waiting).take_while(move |row| row.at <= now);
        due.map(|row| row.sequence)
            .filter(|sequence| self.deliveries.get(sequence).is_some_and(|row| row.columns.test))
    }

    fn lease_one(&mut self, endpoint: EndpointId, worker: WorkerId, until: i64) -> Option<Leased> {
        let subscription = self.living_mut(endpoint)?;
        subscription.epoch += 1;
        subscription.leased_by = Some(worker);
        subscription.leased_until = until;
        let epoch = LeaseEpoch::new(subscription.epoch);
        let subscription = subscription.row.clone();
        let sequences: Vec<u64> = self.in_state(endpoint, State::InFlight).map(|row| row.sequence).collect();
        let (in_flight, quarantined) = self.read_or_quarantine(&sequences);
        Some(Leased { subscription, epoch, in_flight, quarantined })
    }

    pub(super) fn end_leases(&mut self) {
        for subscription in self.subscriptions.values_mut() {
            subscription.leased_until = i64::MIN;
        }
        self.announcements.clear();
    }
}
