//! Reads the log: a delivery, its body, and a page of its attempts. `logged` writes the `SELECT` of a `DeliveryRow`, which
//! `find.rs` shares.

use bytes::Bytes;
use core::num::NonZeroU32;
use gymhook_delivery::DeliveryId;
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::Result;
use super::row::{self, DELIVERY};
use gymhook_store::StoreTime;
use gymhook_store::{AttemptQuery, AttemptRow, DeliveryRow, Page, State, StoreError};

pub(super) fn delivery(connection: &Connection, id: DeliveryId) -> Result<Option<DeliveryRow>> {
    let mut select = connection.prepare_cached(&logged("d.id = ?1"))?;
    let mut rows = select.query([id.as_uuid().as_bytes()])?;
    rows.next()?.map(read_delivery).transpose()
}

/// What [`read_delivery`] reads, of the deliveries `d` that fit a condition.
pub(super) fn logged(condition: &str) -> String {
    format!(
        "SELECT {DELIVERY}, event_type, enqueued_at, origin,
         (SELECT gym FROM gymhook_subscriptions s WHERE s.id = d.endpoint) AS gym,
         (SELECT platform FROM gymhook_subscriptions s WHERE s.id = d.endpoint) AS platform
         FROM gymhook_deliveries d WHERE {condition}"
    )
}

pub(super) fn read_delivery(row: &Row<'_>) -> Result<DeliveryRow> {
    let (sequence, record) = row::delivery(row)?;
    let negative =
        |_| StoreError::Damaged { problem: format!("the sequence number {sequence} of a delivery") };
    let state = i16::try_from(row.get::<_, i64>("state")?).ok().and_then(State::from_code);
    Ok(DeliveryRow {
        record: record.ok(),
        id: row::id(row, 1)?.into(),
        endpoint: row::id(row, 2)?.into(),
        gym: row.get::<_, Option<String>>("gym")?.unwrap_or_default(),
        platform: row.get::<_, Option<String>>("platform")?.unwrap_or_default(),
        sequence: u64::try_from(sequence).map_err(negative)?,
        state: state.unwrap_or(State::Quarantined),
        event_type: row.get("event_type")?,
        enqueued_at: StoreTime::from_micros(row.get("enqueued_at")?).nearest(),
        origin: row.get("origin")?,
    })
}

pub(super) fn body(connection: &Connection, id: DeliveryId) -> Result<Option<Bytes>> {
    let sql = "SELECT b.body FROM gymhook_deliveries d JOIN gymhook_bodies b USING (seq) WHERE d.id = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let body: Option<Vec<u8>> = select.query_row([id.as_uuid().as_bytes()], |row| row.get(0)).optional()?;
    Ok(body.map(Bytes::from))
}

pub(super) fn attempts(connection: &Connection, query: AttemptQuery) -> Result<Page<AttemptRow, u32>> {
    let id = query.delivery;
    let mut select = connection.prepare_cached(
        "SELECT a.seq, a.send, a.round, a.number, a.began, a.ended, a.outcome, a.status, a.captured, a.detail
         FROM gymhook_deliveries d JOIN gymhook_attempts a USING (seq)
         WHERE d.id = ?1 AND a.send > ?2 ORDER BY a.send LIMIT ?3",
    )?;
    let (after, most) = (query.after.map_or(-1, i64::from), i64::from(query.limit) + 1);
    let mut rows = select.query(params![id.as_uuid().as_bytes(), after, most])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        let send = || row.get("send").unwrap_or_default();
        let unreadable = |column| AttemptRow::unreadable(id, send(), column);
        attempts.push(read_attempt(row, id).map_err(unreadable)?);
    }
    Ok(Page::cut(attempts, query.limit, |last: &AttemptRow| last.send))
}

/// An attempt, or the column that cannot be read.
fn read_attempt(row: &Row<'_>, delivery: DeliveryId) -> core::result::Result<AttemptRow, &'static str> {
    let began: Option<i64> = column(row, "began")?;
    let outcome: String = column(row, "outcome")?;
    Ok(AttemptRow {
        delivery,
        sequence: column(row, "seq")?,
        send: column(row, "send")?,
        round: NonZeroU32::new(column(row, "round")?).ok_or("round")?,
        number: column(row, "number")?,
        began: began.map(|at| StoreTime::from_micros(at).to_utc().ok_or("began")).transpose()?,
        ended: StoreTime::from_micros(column(row, "ended")?).to_utc().ok_or("ended")?,
        outcome: outcome.parse().map_err(|_| "outcome")?,
        status: column(row, "status")?,
        captured: column(row, "captured")?,
        detail: column(row, "detail")?,
    })
}

fn column<T: FromSql>(row: &Row<'_>, name: &'static str) -> core::result::Result<T, &'static str> {
    row.get(name).map_err(|_| name)
}
