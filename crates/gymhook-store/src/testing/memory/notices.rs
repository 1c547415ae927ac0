//! Writes, claims and acknowledges notices for the owners of endpoints.

use core::time::Duration;

use time::UtcDateTime;
use uuid::Uuid;

use super::cut;
use super::tables::{HeldNotice, Tables};
use crate::{Notice, StoreTime};

impl Tables {
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
}
