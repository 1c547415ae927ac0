//! Writes, reads, lists and deletes subscriptions, each write and deletion on a condition.

use gymhook_delivery::EndpointId;
use time::UtcDateTime;

use super::cut;
use super::tables::{Subscription, Tables, as_kept};
use crate::{Command, DeleteCondition, Page, StoreTime, SubscriptionQuery, SubscriptionRow, WriteCondition};

impl Tables {
    pub(super) fn put_subscription(
        &mut self,
        new: SubscriptionRow,
        condition: &WriteCondition,
        now: UtcDateTime,
    ) -> bool {
        let id = new.id;
        if let Some(old) = self.subscriptions.get_mut(&id) {
            if old.row.deleted_at.is_some() || old.row.direction() != new.direction() {
                return false;
            }
            let is_met = match condition {
                WriteCondition::Always => true,
                WriteCondition::New => false,
                WriteCondition::SameGym => old.row.gym == new.gym,
                WriteCondition::Unchanged(read) => old.row.has_same_configuration(read),
            };
            if !is_met {
                return false;
            }
            old.row = SubscriptionRow { record: old.row.record, deleted_at: None, ..new };
        } else {
            if let WriteCondition::Unchanged(_) = condition {
                return false;
            }
            let row = SubscriptionRow { record: as_kept(new.record), deleted_at: None, ..new };
            self.subscriptions
                .insert(id, Subscription { row, epoch: 0, leased_by: None, leased_until: i64::MIN });
        }
        if self.subscriptions.get(&id).is_some_and(|subscription| subscription.epoch > 0) {
            self.command(&[(id, Command::Reload)], now);
        }
        true
    }

    pub(super) fn subscription(&self, id: EndpointId) -> Option<SubscriptionRow> {
        self.subscriptions.get(&id).map(|subscription| subscription.row.clone())
    }

    pub(super) fn subscriptions(&self, query: &SubscriptionQuery) -> Page<SubscriptionRow, EndpointId> {
        let rows = self.subscriptions.values().map(|subscription| &subscription.row);
        let found = rows
            .filter(|row| row.deleted_at.is_none() && query.after.is_none_or(|after| row.id > after))
            .filter(|row| query.gym.as_ref().is_none_or(|gym| row.gym == *gym))
            .filter(|row| query.platform.as_ref().is_none_or(|platform| row.platform == *platform))
            .take((query.limit as usize).saturating_add(1))
            .cloned()
            .collect();
        Page::cut(found, query.limit, |last: &SubscriptionRow| last.id)
    }

    pub(super) fn delete_subscription(
        &mut self,
        id: EndpointId,
        condition: &DeleteCondition,
        now: UtcDateTime,
    ) -> bool {
        let Some(subscription) = self.living_mut(id) else { return false };
        let is_met = match condition {
            DeleteCondition::Always => true,
            DeleteCondition::Unchanged(read) => subscription.row.has_same_configuration(read),
        };
        if !is_met {
            return false;
        }
        subscription.row.deleted_at = Some(cut(now));
        subscription.leased_until = subscription.leased_until.min(StoreTime::floor(now).micros());
        self.commands.retain(|_, command| command.endpoint != id);
        self.end_under_way(id, now);
        true
    }

    /// A subscription that is not deleted.
    pub(super) fn living_mut(&mut self, id: EndpointId) -> Option<&mut Subscription> {
        self.subscriptions.get_mut(&id).filter(|subscription| subscription.row.deleted_at.is_none())
    }
}
