//! Looking back, forgetting, and the keys of your own callers.

use core::time::Duration;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId, EndpointStatus};
use time::UtcDateTime;
use uuid::Uuid;

use super::cut;
use super::tables::{Delivery, HeldNotice, Tables};
use crate::StoreTime;
use crate::{
    ApiKeyRotation, ApiKeyRow, AttemptRow, DeliveryQuery, DeliveryRow, EndpointStats, Notice, Page, State,
    Stats, StoreError,
};

impl Tables {
    pub(super) fn delivery(&self, id: DeliveryId) -> Option<DeliveryRow> {
        self.row(id).map(|(order, row)| as_logged(order, row))
    }

    pub(super) fn deliveries(&self, query: &DeliveryQuery) -> Page<DeliveryRow> {
        let before = query.before.unwrap_or(u64::MAX);
        let rows = self.deliveries.range(..before).rev().map(|(order, row)| as_logged(*order, row));
        let mut found = rows
            .filter(|row| query.endpoint.is_none_or(|endpoint| row.endpoint == endpoint))
            .filter(|row| query.state.is_none_or(|state| row.state == state))
            .filter(|row| query.event_type.as_ref().is_none_or(|wanted| row.event_type == *wanted))
            .filter(|row| query.from.is_none_or(|from| row.enqueued_at >= from))
            .filter(|row| query.until.is_none_or(|until| row.enqueued_at < until))
            .filter(|row| query.gym.as_ref().is_none_or(|gym| self.is_of_gym(row.endpoint, gym)));
        let items: Vec<DeliveryRow> = found.by_ref().take(query.limit as usize).collect();
        let is_last = found.next().is_none();
        let next = items.last().map(|last| last.order).filter(|_| !is_last);
        Page { items, next }
    }

    fn is_of_gym(&self, endpoint: EndpointId, gym: &str) -> bool {
        self.subscriptions.get(&endpoint).is_some_and(|subscription| subscription.row.gym == gym)
    }

    pub(super) fn body(&self, id: DeliveryId) -> Option<Bytes> {
        self.row(id).map(|(_, row)| row.body.clone())
    }

    pub(super) fn attempts(&self, id: DeliveryId) -> Vec<AttemptRow> {
        self.row(id).map(|(_, row)| row.attempts.values().cloned().collect()).unwrap_or_default()
    }

    fn row(&self, id: DeliveryId) -> Option<(u64, &Delivery)> {
        let order = *self.orders.get(&id)?;
        Some((order, self.deliveries.get(&order)?))
    }

    pub(super) fn stats(&self, now: UtcDateTime) -> Stats {
        let mut stats = Stats::default();
        for subscription in self.subscriptions.values().filter(|one| one.row.deleted_at.is_none()) {
            stats.subscriptions += 1;
            stats.disabled += u64::from(subscription.row.record.status != EndpointStatus::Enabled);
            let endpoint = subscription.row.id;
            stats.waiting += self.count(endpoint, State::Waiting);
            stats.in_flight += self.count(endpoint, State::InFlight);
            stats.undeliverable += self.count(endpoint, State::Undeliverable);
            stats.quarantined += self.count(endpoint, State::Quarantined);
            stats.unreadable += self.count(endpoint, State::Unreadable);
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
        StoreTime::from_micros(first.at).to_utc().filter(|_| first.at <= StoreTime::floor(now).micros())
    }

    fn last_in(&self, endpoint: EndpointId, state: State) -> Option<UtcDateTime> {
        self.in_state(endpoint, state).last().and_then(|last| StoreTime::from_micros(last.at).to_utc())
    }

    pub(super) fn write_notice(&mut self, notice: &Notice) {
        if self.notices.iter().all(|held| held.notice.id != notice.id) {
            let notice = Notice { at: cut(notice.at), ..*notice };
            self.notices.push(HeldNotice { notice, claimed_until: i64::MIN, acknowledged_at: None });
        }
    }

    pub(super) fn claim_notices(&mut self, limit: u32, hold: Duration, now: UtcDateTime) -> Vec<Notice> {
        let (now, until) = (StoreTime::floor(now).micros(), StoreTime::after(now, hold).micros());
        let is_free = |held: &&mut HeldNotice| held.acknowledged_at.is_none() && held.claimed_until <= now;
        let free = self.notices.iter_mut().filter(is_free).take(limit as usize);
        free.map(|held| {
            held.claimed_until = until;
            held.notice
        })
        .collect()
    }

    pub(super) fn acknowledge_notices(&mut self, ids: &[Uuid], now: UtcDateTime) -> u64 {
        let is_new = |held: &&mut HeldNotice| held.acknowledged_at.is_none() && ids.contains(&held.notice.id);
        let new = self.notices.iter_mut().filter(is_new);
        new.map(|held| held.acknowledged_at = Some(StoreTime::floor(now).micros())).count() as u64
    }

    pub(super) fn purge(&mut self, before: UtcDateTime, limit: u32) -> u64 {
        let before = StoreTime::ceil(before).micros();
        self.notices.retain(|held| held.acknowledged_at.is_none_or(|at| at >= before));
        let is_over = |row: &Delivery| match State::from_code(row.columns.state) {
            Some(
                State::Delivered
                | State::Undeliverable
                | State::Cancelled
                | State::Quarantined
                | State::Unreadable,
            ) => row.columns.at < before,
            Some(State::Waiting | State::InFlight) | None => false,
        };
        let is_deleted = |row: &Delivery| {
            let subscription = self.subscriptions.get(&row.columns.endpoint.into());
            let deleted_at = subscription.and_then(|subscription| subscription.row.deleted_at);
            deleted_at.is_some_and(|at| StoreTime::floor(at).micros() < before)
        };
        let rows = self.deliveries.iter().filter(|(_, row)| is_over(row) || is_deleted(row));
        let orders: Vec<u64> = rows.map(|(order, _)| *order).take(limit as usize).collect();
        for order in &orders {
            self.forget(*order);
        }
        orders.len() as u64
    }

    pub(super) fn put_api_key(&mut self, key: ApiKeyRow) -> Result<(), StoreError> {
        if self.api_keys.values().any(|other| other.digest == key.digest && other.id != key.id) {
            return Err(StoreError::Conflict { what: "an API key with this digest" });
        }
        let ended = self.api_keys.get(&key.id).and_then(|old| old.revoked_at);
        let revoked_at = ended.into_iter().chain(key.revoked_at.map(cut)).min();
        let kept = ApiKeyRow { issued_at: cut(key.issued_at), revoked_at, ..key };
        self.api_keys.insert(kept.id, kept);
        Ok(())
    }

    pub(super) fn rotate_api_key(
        &mut self,
        rotation: &ApiKeyRotation,
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        let old = self.api_keys.get(&rotation.old).filter(|old| old.revoked_at.is_none());
        let Some(old) = old else { return Ok(None) };
        let successor = rotation.successor(old.label.clone(), old.writes);
        self.put_api_key(successor.clone())?;
        self.revoke_api_key(rotation.old, rotation.old_ends);
        Ok(Some(successor))
    }

    pub(super) fn revoke_api_key(&mut self, id: Uuid, at: UtcDateTime) -> bool {
        let Some(key) = self.api_keys.get_mut(&id) else { return false };
        let at = cut(at);
        key.revoked_at = Some(key.revoked_at.map_or(at, |before| before.min(at)));
        true
    }

    pub(super) fn api_key_by_digest(&self, digest: [u8; 32]) -> Option<ApiKeyRow> {
        self.api_keys.values().find(|key| key.digest == digest).cloned()
    }

    pub(super) fn api_keys(&self) -> Vec<ApiKeyRow> {
        let mut keys: Vec<ApiKeyRow> = self.api_keys.values().cloned().collect();
        keys.sort_by_key(|key| key.issued_at);
        keys
    }
}

fn as_logged(order: u64, row: &Delivery) -> DeliveryRow {
    DeliveryRow {
        record: row.columns.to_record().ok(),
        id: row.columns.id.into(),
        endpoint: row.columns.endpoint.into(),
        order,
        state: State::from_code(row.columns.state).unwrap_or(State::Quarantined),
        event_type: row.event_type.clone(),
        enqueued_at: row.enqueued_at,
        origin: row.origin.clone(),
    }
}
