//! `write`, `claim` and `acknowledge`: notices for the owners of endpoints.

use core::time::Duration;

use rusqlite::{Connection, params};
use time::UtcDateTime;
use uuid::Uuid;

use super::error::Result;
use super::row;
use gymhook_store::Notice;
use gymhook_store::StoreTime;

pub(super) fn write<'n>(connection: &Connection, new: impl Iterator<Item = &'n Notice>) -> Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO gymhook_notices (id, endpoint, at, change) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
    )?;
    for notice in new {
        insert.execute(params![
            notice.id.as_bytes(),
            notice.endpoint.as_uuid().as_bytes(),
            StoreTime::floor(notice.at).micros(),
            Notice::change_to_text(notice.change),
        ])?;
    }
    Ok(())
}

pub(super) fn claim(
    connection: &Connection,
    limit: u32,
    hold: Duration,
    now: UtcDateTime,
) -> Result<Vec<Notice>> {
    let mut select = connection.prepare_cached(
        "SELECT number, id, endpoint, at, change FROM gymhook_notices
         WHERE acknowledged_at IS NULL AND claimed_until <= ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut claim =
        connection.prepare_cached("UPDATE gymhook_notices SET claimed_until = ?2 WHERE number = ?1")?;
    let until = StoreTime::after(now, hold).micros();
    let mut claimed = Vec::new();
    let mut rows = select.query(params![StoreTime::floor(now).micros(), limit])?;
    let mut numbers = Vec::new();
    while let Some(found) = rows.next()? {
        let number: i64 = found.get(0)?;
        let text: String = found.get(4)?;
        let Some(change) = Notice::change_from_text(&text) else {
            tracing::error!(number, "a notice cannot be read: it is skipped");
            continue;
        };
        let (id, endpoint) = (row::id(found, 1)?, row::id(found, 2)?.into());
        claimed.push(Notice { id, endpoint, at: row::time(found.get(3)?)?, change });
        numbers.push(number);
    }
    for number in numbers {
        claim.execute(params![number, until])?;
    }
    Ok(claimed)
}

pub(super) fn acknowledge(connection: &Connection, ids: &[Uuid], now: UtcDateTime) -> Result<u64> {
    let mut update = connection.prepare_cached(
        "UPDATE gymhook_notices SET acknowledged_at = ?2 WHERE id = ?1 AND acknowledged_at IS NULL",
    )?;
    let mut new = 0;
    for id in ids {
        new += update.execute(params![id.as_bytes(), StoreTime::floor(now).micros()])? as u64;
    }
    Ok(new)
}
