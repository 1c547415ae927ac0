//! `others` and `announce`: what the workers of one direction know of one another.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use time::UtcDateTime;

use super::error::Result;
use super::row;
use gymhook_store::{Announcement, Direction, OtherWorkers, StoreTime, WorkerId};

/// After the moment `?1`, of another worker than `?2`, in the direction `?3`.
const NEXT_END: &str =
    "SELECT lease_until FROM gymhook_subscriptions INDEXED BY gymhook_subscriptions_by_lease
    WHERE deleted_at IS NULL AND lease_until > ?1 AND lease_owner <> ?2 AND incoming = ?3 ORDER BY lease_until LIMIT 1";

const ANNOUNCED: &str = "SELECT id, endpoints, wants_more, looked_at, counts_until FROM gymhook_workers
    WHERE counts_until > ?1 AND id <> ?2 AND incoming = ?3 ORDER BY id";

pub(super) fn others(
    connection: &Connection,
    worker: WorkerId,
    direction: Direction,
    now: UtcDateTime,
) -> Result<OtherWorkers> {
    let incoming = direction == Direction::Incoming;
    let values = params![StoreTime::floor(now).micros(), worker.as_uuid().as_bytes(), incoming];
    let end: Option<i64> =
        connection.prepare_cached(NEXT_END)?.query_row(values, |row| row.get(0)).optional()?;
    let mut select = connection.prepare_cached(ANNOUNCED)?;
    let mut rows = select.query(values)?;
    let mut announcements = Vec::new();
    while let Some(found) = rows.next()? {
        announcements.push(read(found, direction)?);
    }
    Ok(OtherWorkers { next_lease_end: end.map(|at| StoreTime::from_micros(at).nearest()), announcements })
}

fn read(row: &Row<'_>, direction: Direction) -> Result<Announcement> {
    Ok(Announcement {
        worker: WorkerId::new(row::id(row, 0)?),
        direction,
        endpoints: row.get(1)?,
        wants_more: row.get(2)?,
        looked_at: StoreTime::from_micros(row.get(3)?).nearest(),
        counts_until: StoreTime::from_micros(row.get(4)?).nearest(),
    })
}

pub(super) fn announce(connection: &Connection, new: &Announcement, now: UtcDateTime) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO gymhook_workers (id, incoming, endpoints, wants_more, looked_at, counts_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            new.worker.as_uuid().as_bytes(),
            new.direction == Direction::Incoming,
            new.endpoints,
            new.wants_more,
            StoreTime::floor(new.looked_at).micros(),
            StoreTime::floor(new.counts_until).micros(),
        ])?;
    connection
        .prepare_cached("DELETE FROM gymhook_workers WHERE counts_until <= ?1")?
        .execute([StoreTime::floor(now).micros()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::query_plan::query_plan;
    use super::*;

    /// Else each look for work reads every subscription, whole.
    #[test]
    fn the_next_end_is_read_in_the_index_of_leases_alone() {
        let plan = query_plan(NEXT_END);
        let by_index = "USING COVERING INDEX gymhook_subscriptions_by_lease (lease_until>?)";
        assert!(plan.contains(by_index) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
