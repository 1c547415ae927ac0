//! Looking back, and forgetting.

use bytes::Bytes;
use core::num::NonZeroU32;
use gymhook_delivery::{DeliveryId, EndpointId, LeaseEpoch};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use time::UtcDateTime;
use uuid::Uuid;

use super::error::Result;
use super::row::{self, DELIVERY};
use gymhook_store::StoreTime;
use gymhook_store::{
    AttemptRow, DeliveryRow, EndpointStats, LeaseHolder, State, Stats, StoreError, WorkerId,
};

pub(super) fn delivery(connection: &Connection, id: DeliveryId) -> Result<Option<DeliveryRow>> {
    let sql =
        format!("SELECT {DELIVERY}, event_type, enqueued_at, origin FROM gymhook_deliveries WHERE id = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([id.as_uuid().as_bytes()])?;
    rows.next()?.map(read_delivery).transpose()
}

pub(super) fn read_delivery(row: &Row<'_>) -> Result<DeliveryRow> {
    let (order, record) = row::delivery(row)?;
    let unreadable =
        |column: &str| StoreError::Damaged { problem: format!("delivery {order}: its {column}") };
    Ok(DeliveryRow {
        record: record.ok(),
        id: row::id(row, 1)?.into(),
        endpoint: row::id(row, 2)?.into(),
        order: u64::try_from(order).map_err(|_| unreadable("number"))?,
        state: State::from_code(row.get("state")?).ok_or_else(|| unreadable("state"))?,
        event_type: row.get("event_type")?,
        enqueued_at: row::time(row.get("enqueued_at")?)?,
        origin: row.get("origin")?,
    })
}

pub(super) fn body(connection: &Connection, id: DeliveryId) -> Result<Option<Bytes>> {
    let sql = "SELECT b.body FROM gymhook_deliveries d JOIN gymhook_bodies b USING (seq) WHERE d.id = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let body: Option<Vec<u8>> = select.query_row([id.as_uuid().as_bytes()], |row| row.get(0)).optional()?;
    Ok(body.map(Bytes::from))
}

pub(super) fn attempts(connection: &Connection, id: DeliveryId) -> Result<Vec<AttemptRow>> {
    let mut select = connection.prepare_cached(
        "SELECT a.seq, a.send, a.round, a.number, a.began, a.ended, a.outcome, a.status, a.captured, a.detail
         FROM gymhook_deliveries d JOIN gymhook_attempts a USING (seq) WHERE d.id = ?1 ORDER BY a.send",
    )?;
    let mut rows = select.query([id.as_uuid().as_bytes()])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        let round = NonZeroU32::new(row.get(2)?);
        attempts.push(AttemptRow {
            delivery: id,
            order: row.get(0)?,
            send: row.get(1)?,
            round: round
                .ok_or_else(|| StoreError::Damaged { problem: "an attempt of no round".to_owned() })?,
            number: row.get(3)?,
            began: row.get::<_, Option<i64>>(4)?.map(row::time).transpose()?,
            ended: row::time(row.get(5)?)?,
            outcome: row.get(6)?,
            status: row.get(7)?,
            captured: row.get(8)?,
            detail: row.get(9)?,
        });
    }
    Ok(attempts)
}

pub(super) fn stats(connection: &Connection, now: UtcDateTime) -> Result<Stats> {
    // Counted endpoint by endpoint, so that what was delivered long ago is not looked at.
    let mut select = connection.prepare_cached(
        "SELECT count(*), ifnull(sum(disabled), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 0)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 1)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 3)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 5)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 6)), 0),
           min((SELECT min(at) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 0 AND at <= ?1))
         FROM gymhook_subscriptions s WHERE deleted_at IS NULL",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Stats {
            subscriptions: row.get(0)?,
            disabled: row.get(1)?,
            waiting: row.get(2)?,
            in_flight: row.get(3)?,
            undeliverable: row.get(4)?,
            quarantined: row.get(5)?,
            unreadable: row.get(6)?,
            oldest_due: row.get::<_, Option<i64>>(7)?.and_then(|at| StoreTime::from_micros(at).to_utc()),
        })
    };
    Ok(select.query_row([StoreTime::floor(now).micros()], read)?)
}

pub(super) fn endpoint_stats(
    connection: &Connection,
    id: EndpointId,
    now: UtcDateTime,
) -> Result<Option<EndpointStats>> {
    let Some(subscription) = row::subscription(connection, id)? else { return Ok(None) };
    let mut select = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 0),
                (SELECT count(*) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 1),
                (SELECT count(*) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 3),
                (SELECT min(at) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 0 AND at <= ?2),
                (SELECT max(at) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 2),
                (SELECT max(at) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 3),
                lease_owner, lease_epoch, lease_until
         FROM gymhook_subscriptions WHERE id = ?1",
    )?;
    let read = |row: &Row<'_>| {
        Ok(EndpointStats {
            record: subscription.record,
            waiting: row.get(0)?,
            in_flight: row.get(1)?,
            undeliverable: row.get(2)?,
            oldest_due: row.get::<_, Option<i64>>(3)?.and_then(|at| StoreTime::from_micros(at).to_utc()),
            last_delivered: row.get::<_, Option<i64>>(4)?.and_then(|at| StoreTime::from_micros(at).to_utc()),
            last_undeliverable: row
                .get::<_, Option<i64>>(5)?
                .and_then(|at| StoreTime::from_micros(at).to_utc()),
            lease: lease_holder(row, 6, StoreTime::floor(now).micros())?,
        })
    };
    Ok(Some(select.query_row(params![id.as_uuid().as_bytes(), StoreTime::floor(now).micros()], read)?))
}

/// Reads an owner, a number and an end.
fn lease_holder(read: &Row<'_>, first: usize, now: i64) -> rusqlite::Result<Option<LeaseHolder>> {
    let until: i64 = read.get(first + 2)?;
    let owner: Option<[u8; 16]> = read.get(first)?;
    let Some(owner) = owner.filter(|_| until > now) else { return Ok(None) };
    Ok(Some(LeaseHolder {
        worker: WorkerId::new(Uuid::from_bytes(owner)),
        epoch: LeaseEpoch::new(read.get(first + 1)?),
        ends: StoreTime::from_micros(until).nearest(),
    }))
}

/// Rows that ended, or whose subscription was deleted, before a moment.
pub(super) fn find_purgeable(connection: &Connection, before: UtcDateTime, limit: u32) -> Result<Vec<i64>> {
    let mut endpoints = connection.prepare_cached("SELECT id, deleted_at FROM gymhook_subscriptions")?;
    let mut ended = connection.prepare_cached(
        "SELECT seq FROM gymhook_deliveries WHERE endpoint = ?1 AND state IN (2, 3, 4, 5, 6) AND at < ?2 LIMIT ?3",
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
        let (id, deleted_at): ([u8; 16], Option<i64>) = (endpoint.get(0)?, endpoint.get(1)?);
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

pub(super) fn purge(connection: &Connection, orders: &[i64], before: UtcDateTime) -> Result<u64> {
    // Looked at again: a redelivery may have begun in between.
    let mut delivery = connection.prepare_cached(
        "DELETE FROM gymhook_deliveries WHERE seq = ?1 AND ((state IN (2, 3, 4, 5, 6) AND at < ?2) OR endpoint IN
         (SELECT id FROM gymhook_subscriptions WHERE deleted_at < ?2))",
    )?;
    let mut body = connection.prepare_cached("DELETE FROM gymhook_bodies WHERE seq = ?1")?;
    let mut attempts = connection.prepare_cached("DELETE FROM gymhook_attempts WHERE seq = ?1")?;
    let mut purged = 0;
    for order in orders {
        if delivery.execute(params![order, StoreTime::ceil(before).micros()])? > 0 {
            body.execute([order])?;
            attempts.execute([order])?;
            purged += 1;
        }
    }
    Ok(purged)
}
