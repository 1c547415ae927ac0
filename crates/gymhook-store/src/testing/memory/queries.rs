//! Reads deliveries, bodies and attempts, counts deliveries, and purges those that ended long ago. Notices and API keys are
//! here, too.

use core::time::Duration;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId, EndpointStatus};
use time::UtcDateTime;
use uuid::Uuid;

use super::cut;
use super::tables::{Delivery, HeldNotice, Tables};
use crate::StoreTime;
use crate::{
    ApiKeyQuery, ApiKeyRotation, ApiKeyRow, AttemptQuery, AttemptRow, DeliveryQuery, DeliveryRow,
    EndpointStats, Notice, Page, State, Stats, StatsQuery, StoreError, SubscriptionRow,
};

impl Tables {
    pub(super) fn delivery(&self, id: DeliveryId) -> Option<DeliveryRow> {
        self.row(id).map(|(sequence, row)| self.as_logged(sequence, row))
    }

    pub(super) fn deliveries(&self, query: &DeliveryQuery) -> Page<DeliveryRow> {
        let before = query.before.unwrap_or(u64::MAX);
        let rows =
            self.deliveries.range(..before).rev().map(|(sequence, row)| self.as_logged(*sequence, row));
        let found = rows
            .filter(|row| query.endpoint.is_none_or(|endpoint| row.endpoint == endpoint))
            .filter(|row| query.state.is_none_or(|state| row.state == state))
            .filter(|row| query.event_types.is_empty() || query.event_types.contains(&row.event_type))
            .filter(|row| query.from.is_none_or(|from| row.enqueued_at >= from))
            .filter(|row| query.until.is_none_or(|until| row.enqueued_at < until))
            .filter(|row| query.gym.as_ref().is_none_or(|gym| self.is_of_gym(row.endpoint, gym)));
        let found = found.take((query.limit as usize).saturating_add(1)).collect();
        Page::cut(found, query.limit, |last: &DeliveryRow| last.sequence)
    }

    fn as_logged(&self, sequence: u64, row: &Delivery) -> DeliveryRow {
        let endpoint = row.columns.endpoint.into();
        let subscription = self.subscriptions.get(&endpoint);
        let text = |of: fn(&SubscriptionRow) -> &String| {
            subscription.map(|subscription| of(&subscription.row).clone()).unwrap_or_default()
        };
        DeliveryRow {
            record: row.columns.to_record().ok(),
            id: row.columns.id.into(),
            endpoint,
            gym: text(|row| &row.gym),
            platform: text(|row| &row.platform),
            sequence,
            state: State::from_code(row.columns.state).unwrap_or(State::Quarantined),
            event_type: row.event_type.clone(),
            enqueued_at: row.enqueued_at,
            origin: row.origin.clone(),
        }
    }

    fn is_of_gym(&self, endpoint: EndpointId, gym: &str) -> bool {
        self.subscriptions.get(&endpoint).is_some_and(|subscription| subscription.row.gym == gym)
    }

    pub(super) fn body(&self, id: DeliveryId) -> Option<Bytes> {
        self.row(id).map(|(_, row)| row.body.clone())
    }

    pub(super) fn attempts(&self, query: &AttemptQuery) -> Page<AttemptRow, u32> {
        let attempts = self.row(query.delivery).into_iter().flat_map(|(_, row)| row.attempts.values());
        let found = attempts
            .filter(|attempt| query.after.is_none_or(|after| attempt.send > after))
            .take((query.limit as usize).saturating_add(1))
            .cloned()
            .collect();
        Page::cut(found, query.limit, |last: &AttemptRow| last.send)
    }

    fn row(&self, id: DeliveryId) -> Option<(u64, &Delivery)> {
        let sequence = *self.sequences.get(&id)?;
        Some((sequence, self.deliveries.get(&sequence)?))
    }

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
            )
            | None => row.columns.at < before,
            Some(State::Waiting | State::InFlight) => false,
        };
        let is_deleted = |row: &Delivery| {
            let subscription = self.subscriptions.get(&row.columns.endpoint.into());
            let deleted_at = subscription.and_then(|subscription| subscription.row.deleted_at);
            deleted_at.is_some_and(|at| StoreTime::floor(at).micros() < before)
        };
        let rows = self.deliveries.iter().filter(|(_, row)| is_over(row) || is_deleted(row));
        let sequences: Vec<u64> = rows.map(|(sequence, _)| *sequence).take(limit as usize).collect();
        for sequence in &sequences {
            self.forget(*sequence);
        }
        sequences.len() as u64
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
        if self.api_keys.contains_key(&rotation.id) {
            return Err(StoreError::Conflict { what: "an API key with this id" });
        }
        let successor = rotation.successor(old.owner.clone(), old.label.clone(), old.rights);
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

    pub(super) fn api_key(&self, id: Uuid) -> Option<ApiKeyRow> {
        self.api_keys.get(&id).cloned()
    }

    pub(super) fn api_key_by_digest(&self, digest: [u8; 32]) -> Option<ApiKeyRow> {
        self.api_keys.values().find(|key| key.digest == digest).cloned()
    }

    pub(super) fn api_keys(&self, query: &ApiKeyQuery) -> Page<ApiKeyRow, Uuid> {
        let place = |key: &ApiKeyRow| (key.issued_at, key.id);
        let is_of_gym = |key: &ApiKeyRow| query.gym.as_ref().is_none_or(|gym| key.owner.gym() == Some(gym));
        let after = query.after.map(|after| {
            let key = self.api_keys.get(&after).filter(|key| is_of_gym(key));
            key.map(place)
        });
        let is_meant = |key: &&ApiKeyRow| {
            is_of_gym(key) && after.is_none_or(|after| after.is_some_and(|after| place(key) > after))
        };
        let mut keys: Vec<ApiKeyRow> = self.api_keys.values().filter(is_meant).cloned().collect();
        keys.sort_by_key(place);
        keys.truncate((query.limit as usize).saturating_add(1));
        Page::cut(keys, query.limit, |last: &ApiKeyRow| last.id)
    }
}
