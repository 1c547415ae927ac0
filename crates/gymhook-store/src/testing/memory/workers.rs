//! What the workers of one direction know of one another: `announce` and `other_workers`.

use time::UtcDateTime;

use super::cut;
use super::tables::Tables;
use crate::{Announcement, Direction, OtherWorkers, StoreTime, WorkerId};

impl Tables {
    pub(super) fn other_workers(
        &self,
        worker: WorkerId,
        direction: Direction,
        now: UtcDateTime,
    ) -> OtherWorkers {
        let now = StoreTime::floor(now).micros();
        let living = self.subscriptions.values().filter(|subscription| subscription.row.deleted_at.is_none());
        let leases = living
            .filter(|subscription| subscription.row.direction() == direction)
            .filter_map(|subscription| subscription.lease(now));
        let next_lease_end = leases.filter(|lease| lease.worker != worker).map(|lease| lease.ends).min();
        let others = self.announcements.values().filter(|other| other.worker != worker);
        let counting = others.filter(|other| {
            other.direction == direction && StoreTime::floor(other.counts_until).micros() > now
        });
        OtherWorkers { next_lease_end, announcements: counting.copied().collect() }
    }

    pub(super) fn announce(&mut self, announcement: Announcement, now: UtcDateTime) {
        let (looked_at, counts_until) = (cut(announcement.looked_at), cut(announcement.counts_until));
        let kept = Announcement { looked_at, counts_until, ..announcement };
        self.announcements.insert(kept.worker, kept);
        let now = cut(now);
        self.announcements.retain(|_, held| held.counts_until > now);
    }
}
