//! Reads the log: lists deliveries, and reads one delivery, its body and its attempts.

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId};

use super::tables::{Delivery, Tables};
use crate::{AttemptQuery, AttemptRow, DeliveryQuery, DeliveryRow, Page, State, SubscriptionRow};

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
}
