//! `claim` and `acknowledge`: notices for the owners of endpoints.

use core::time::Duration;

use time::UtcDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::Result;
use super::row;
use gymhook_store::Notice;
use gymhook_store::StoreTime;

/// Rows that another process is about to claim are left alone.
const CLAIM: &str = "WITH free AS (
        SELECT number FROM gymhook.notices WHERE acknowledged_at IS NULL AND claimed_until <= $1
        ORDER BY number LIMIT $2 FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE gymhook.notices n SET claimed_until = $3 FROM free WHERE n.number = free.number
        RETURNING n.number, n.id, n.endpoint, n.at, n.change
    )
    SELECT number, id, endpoint, at, change FROM claimed ORDER BY number";

pub(super) async fn claim(
    lent: Lent<'_>,
    limit: u32,
    hold: Duration,
    now: UtcDateTime,
) -> Result<Vec<Notice>> {
    let rows = lent
        .query(
            CLAIM,
            &[&StoreTime::floor(now).micros(), &i64::from(limit), &StoreTime::after(now, hold).micros()],
        )
        .await?;
    lent.give_back().await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for read in &rows {
        claimed.extend(notice(read)?);
    }
    Ok(claimed)
}

fn notice(read: &Row) -> Result<Option<Notice>> {
    let Some(change) = Notice::change_from_text(read.try_get(4)?) else {
        tracing::error!(number = read.try_get::<_, i64>(0)?, "a notice cannot be read: it is skipped");
        return Ok(None);
    };
    let endpoint = read.try_get::<_, Uuid>(2)?.into();
    Ok(Some(Notice { id: read.try_get(1)?, endpoint, at: row::time(read.try_get(3)?)?, change }))
}

pub(super) async fn acknowledge(lent: Lent<'_>, ids: &Vec<Uuid>, now: UtcDateTime) -> Result<u64> {
    let sql = "WITH told AS (
            UPDATE gymhook.notices SET acknowledged_at = $2
            WHERE id = ANY ($1::uuid[]) AND acknowledged_at IS NULL RETURNING 1
        ) SELECT count(*) FROM told";
    let rows = lent.query(sql, &[ids, &StoreTime::floor(now).micros()]).await?;
    lent.give_back().await?;
    Ok(row::count(rows.first().map(|read| read.try_get(0)).transpose()?.unwrap_or_default()))
}
