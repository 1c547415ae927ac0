//! `others` and `announce`: what the workers of one direction know of one another.

use time::UtcDateTime;
use tokio_postgres::Row;

use super::connection::Lent;
use super::error::Result;
use gymhook_store::{Announcement, Direction, OtherWorkers, StoreTime, WorkerId};

/// What they have announced, and the end of a lease, if there is one, in a row without a worker.
const OTHERS: &str = "SELECT id, endpoints, wants_more, looked_at, counts_until FROM gymhook.workers
    WHERE counts_until > $1 AND id <> $2 AND incoming = $3
    UNION ALL (
        SELECT NULL, NULL, NULL, NULL, lease_until FROM gymhook.subscriptions
        WHERE deleted_at IS NULL AND lease_until > $1 AND lease_owner <> $2 AND incoming = $3
        ORDER BY lease_until, id LIMIT 1)
    ORDER BY 1";

/// Rows that their workers are about to write again are left alone.
const ANNOUNCE: &str = "WITH over AS (
        SELECT id FROM gymhook.workers WHERE counts_until <= $7 AND id <> $1 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM gymhook.workers w USING over WHERE w.id = over.id
    )
    INSERT INTO gymhook.workers (id, incoming, endpoints, wants_more, looked_at, counts_until)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET incoming = excluded.incoming, endpoints = excluded.endpoints,
        wants_more = excluded.wants_more, looked_at = excluded.looked_at, counts_until = excluded.counts_until";

pub(super) async fn others(
    lent: Lent<'_>,
    worker: WorkerId,
    direction: Direction,
    now: UtcDateTime,
) -> Result<OtherWorkers> {
    let incoming = direction == Direction::Incoming;
    let rows = lent.query(OTHERS, &[&StoreTime::floor(now).micros(), worker.as_uuid(), &incoming]).await?;
    lent.give_back().await?;
    let mut others = OtherWorkers::default();
    for read in &rows {
        match read.try_get(0)? {
            Some(id) => others.announcements.push(announcement(read, WorkerId::new(id), direction)?),
            None => others.next_lease_end = Some(StoreTime::from_micros(read.try_get(4)?).nearest()),
        }
    }
    Ok(others)
}

fn announcement(read: &Row, worker: WorkerId, direction: Direction) -> Result<Announcement> {
    Ok(Announcement {
        worker,
        direction,
        endpoints: u32::try_from(read.try_get::<_, i64>(1)?).unwrap_or(u32::MAX),
        wants_more: read.try_get(2)?,
        looked_at: StoreTime::from_micros(read.try_get(3)?).nearest(),
        counts_until: StoreTime::from_micros(read.try_get(4)?).nearest(),
    })
}

pub(super) async fn announce(lent: Lent<'_>, new: &Announcement, now: UtcDateTime) -> Result<()> {
    let (until, now) = (StoreTime::floor(new.counts_until).micros(), StoreTime::floor(now).micros());
    let incoming = new.direction == Direction::Incoming;
    if until <= now {
        lent.query("DELETE FROM gymhook.workers WHERE id = $1", &[new.worker.as_uuid()]).await?;
    } else {
        let (endpoints, looked_at) = (i64::from(new.endpoints), StoreTime::floor(new.looked_at).micros());
        let id = new.worker.as_uuid();
        lent.query(ANNOUNCE, &[id, &incoming, &endpoints, &new.wants_more, &looked_at, &until, &now]).await?;
    }
    lent.give_back().await
}
