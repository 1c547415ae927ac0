//! Purges deliveries that ended long ago, with their bodies and attempts, and acknowledged notices.

use rusqlite::{Connection, params};
use time::UtcDateTime;

use super::error::Result;
use gymhook_store::StoreTime;

/// Rows that ended, or whose subscription was deleted, before a moment. One in no state that there is counts as quarantined.
pub(super) fn find_ended(connection: &Connection, before: UtcDateTime, limit: u32) -> Result<Vec<i64>> {
    let mut endpoints = connection.prepare_cached("SELECT id, deleted_at FROM gymhook_subscriptions")?;
    let mut ended = connection.prepare_cached(
        "SELECT seq FROM gymhook_deliveries WHERE endpoint = ?1 AND state IN (2, 3, 4, 5, 6) AND at < ?2
         UNION ALL SELECT seq FROM gymhook_deliveries WHERE endpoint = ?1 AND state < 0 AND at < ?2
         UNION ALL SELECT seq FROM gymhook_deliveries WHERE endpoint = ?1 AND state > 6 AND at < ?2 LIMIT ?3",
    )?;
    let mut all =
        connection.prepare_cached("SELECT seq FROM gymhook_deliveries WHERE endpoint = ?1 LIMIT ?2")?;
    let before = StoreTime::ceil(before).micros();
    let mut found: Vec<i64> = Vec::new();
    let mut rows = endpoints.query([])?;
    while let Some(endpoint) = rows.next()? {
        let left = i64::from(limit).saturating_sub(i64::try_from(found.len()).unwrap_or(i64::MAX));
        if left <= 0 {
            break;
        }
        let (id, deleted_at): (Vec<u8>, Option<i64>) = (endpoint.get(0)?, endpoint.get(1)?);
        let rows = if deleted_at.is_some_and(|deleted| deleted < before) {
            all.query_map(params![id, left], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?
        } else {
            ended
                .query_map(params![id, before, left], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<i64>>>()?
        };
        found.extend(rows);
    }
    Ok(found)
}

pub(super) fn purge_ended(connection: &Connection, sequences: &[i64], before: UtcDateTime) -> Result<u64> {
    // Looked at again: a redelivery may have begun in between.
    let mut delivery = connection.prepare_cached(
        "DELETE FROM gymhook_deliveries WHERE seq = ?1 AND ((state NOT IN (0, 1) AND at < ?2) OR endpoint IN
         (SELECT id FROM gymhook_subscriptions WHERE deleted_at < ?2))",
    )?;
    let mut body = connection.prepare_cached("DELETE FROM gymhook_bodies WHERE seq = ?1")?;
    let mut attempts = connection.prepare_cached("DELETE FROM gymhook_attempts WHERE seq = ?1")?;
    let mut purged = 0;
    for sequence in sequences {
        if delivery.execute(params![sequence, StoreTime::ceil(before).micros()])? > 0 {
            body.execute([sequence])?;
            attempts.execute([sequence])?;
            purged += 1;
        }
    }
    Ok(purged)
}

/// Whether there are any to forget, so that nothing is written if not.
pub(super) fn has_acknowledged_notices(connection: &Connection, before: UtcDateTime) -> Result<bool> {
    let sql = "SELECT 1 FROM gymhook_notices WHERE acknowledged_at < ?1";
    Ok(connection.prepare_cached(sql)?.exists([StoreTime::ceil(before).micros()])?)
}

pub(super) fn purge_notices(connection: &Connection, before: UtcDateTime) -> Result<()> {
    let sql = "DELETE FROM gymhook_notices WHERE acknowledged_at < ?1";
    connection.prepare_cached(sql)?.execute([StoreTime::ceil(before).micros()])?;
    Ok(())
}
