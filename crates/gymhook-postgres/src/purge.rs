//! Purges deliveries that ended long ago, with their bodies and attempts, and acknowledged notices.

use time::UtcDateTime;

use super::connection::Lent;
use super::error::Result;
use super::row;
use gymhook_store::StoreTime;

/// What a worker is writing is left for the next time. A row in no state that there is counts as quarantined.
pub(super) async fn purge(lent: Lent<'_>, before: UtcDateTime, limit: u32) -> Result<u64> {
    let sql = "WITH over AS (
        SELECT d.seq FROM gymhook.subscriptions s CROSS JOIN LATERAL (
            (SELECT d.seq FROM gymhook.deliveries d
             WHERE d.endpoint = s.id AND d.state IN (2, 3, 4, 5, 6) AND d.at < $1 LIMIT $2)
            UNION ALL
            (SELECT d.seq FROM gymhook.deliveries d
             WHERE d.endpoint = s.id AND d.state < 0 AND d.at < $1 LIMIT $2)
            UNION ALL
            (SELECT d.seq FROM gymhook.deliveries d
             WHERE d.endpoint = s.id AND d.state > 6 AND d.at < $1 LIMIT $2)
            UNION ALL
            (SELECT d.seq FROM gymhook.deliveries d
             WHERE s.deleted_at < $1 AND d.endpoint = s.id AND (d.state IN (0, 1) OR d.at >= $1) LIMIT $2)
        ) d LIMIT $2
    ), ended AS (
        SELECT d.seq FROM gymhook.deliveries d JOIN gymhook.subscriptions s ON s.id = d.endpoint
        WHERE d.seq IN (SELECT seq FROM over) AND (s.deleted_at < $1 OR (d.state NOT IN (0, 1) AND d.at < $1))
        FOR UPDATE OF d SKIP LOCKED
    ), deliveries AS (
        DELETE FROM gymhook.deliveries d USING ended WHERE d.seq = ended.seq RETURNING d.seq
    ), attempts AS (
        DELETE FROM gymhook.attempts a USING ended WHERE a.seq = ended.seq
    ), notifications AS (
        DELETE FROM gymhook.notifications n USING ended WHERE n.seq = ended.seq
    ), notices AS (
        DELETE FROM gymhook.notices n WHERE n.acknowledged_at < $1
    )
    SELECT count(*) FROM deliveries";
    let rows = lent.query(sql, &[&StoreTime::ceil(before).micros(), &i64::from(limit)]).await?;
    lent.give_back().await?;
    let purged = rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(row::count(purged.unwrap_or_default()))
}
