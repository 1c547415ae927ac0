//! Reads deliveries, bodies and attempts, counts deliveries, and purges what ended long ago, acknowledged notices included.

use bytes::Bytes;
use core::num::NonZeroU32;
use gymhook_delivery::{DeliveryId, EndpointId, LeaseEpoch};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use time::UtcDateTime;
use uuid::Uuid;

use super::error::Result;
use super::row::{self, DELIVERY};
use gymhook_store::StoreTime;
use gymhook_store::{
    AttemptQuery, AttemptRow, DeliveryRow, EndpointStats, LeaseHolder, Page, State, Stats, StatsQuery,
    StoreError, WorkerId,
};

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

/// At the moment `?1`; what ended is counted from `?2` on. Counted endpoint by endpoint, so that what ended before is not looked at.
const STATS: &str = "SELECT count(*), ifnull(sum(disabled), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 0)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 1)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 3)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 5)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 6)), 0),
           min((SELECT min(at) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 0 AND at <= ?1)),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 2 AND at >= ?2)), 0),
           ifnull(sum((SELECT count(*) FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 3 AND at >= ?2)), 0)
         FROM gymhook_subscriptions s WHERE deleted_at IS NULL";

pub(super) fn stats(connection: &Connection, query: &StatsQuery, now: UtcDateTime) -> Result<Stats> {
    let (now, since) = (StoreTime::floor(now).micros(), query.since(now).micros());
    let read = |row: &Row<'_>| {
        Ok(Stats {
            subscriptions: row.get(0)?,
            disabled: row.get(1)?,
            waiting: row.get(2)?,
            in_flight: row.get(3)?,
            undeliverable: row.get(4)?,
            quarantined: row.get(5)?,
            unreadable: row.get(6)?,
            oldest_due: row.get::<_, Option<i64>>(7)?.map(|at| StoreTime::from_micros(at).nearest()),
            delivered: row.get(8)?,
            given_up: row.get(9)?,
        })
    };
    Ok(match &query.gym {
        None => connection.prepare_cached(STATS)?.query_row([now, since], read)?,
        Some(gym) => {
            let sql = format!("{STATS} AND gym = ?3");
            connection.prepare_cached(&sql)?.query_row(params![now, since, gym], read)?
        }
    })
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
            oldest_due: row.get::<_, Option<i64>>(3)?.map(|at| StoreTime::from_micros(at).nearest()),
            last_delivered: row.get::<_, Option<i64>>(4)?.map(|at| StoreTime::from_micros(at).nearest()),
            last_undeliverable: row.get::<_, Option<i64>>(5)?.map(|at| StoreTime::from_micros(at).nearest()),
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

/// Rows that ended, or whose subscription was deleted, before a moment. One in no state that there is counts as quarantined.
pub(super) fn find_purgeable(connection: &Connection, before: UtcDateTime, limit: u32) -> Result<Vec<i64>> {
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

pub(super) fn purge(connection: &Connection, sequences: &[i64], before: UtcDateTime) -> Result<u64> {
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

#[cfg(test)]
mod tests {
    use super::super::query_plan::query_plan;
    use super::*;

    #[test]
    fn what_ended_is_counted_in_its_index_from_the_first_moment_on() {
        for sql in [STATS.to_owned(), format!("{STATS} AND gym = ?3")] {
            let plan = query_plan(&sql);
            let of_window =
                "USING COVERING INDEX gymhook_deliveries_by_state (endpoint=? AND state=? AND at>?)";
            assert_eq!(plan.matches(of_window).count(), 2, "{plan}");
            assert!(!plan.contains("SCAN d"), "{plan}");
        }
        let of_gym = query_plan(&format!("{STATS} AND gym = ?3"));
        assert!(of_gym.contains("gymhook_subscriptions_by_gym (gym=?)"), "{of_gym}");
    }
}
