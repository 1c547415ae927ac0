//! Purges deliveries that ended long ago, and acknowledged notices.

use time::UtcDateTime;

use super::tables::{Delivery, Tables};
use crate::{State, StoreTime};

impl Tables {
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
}
