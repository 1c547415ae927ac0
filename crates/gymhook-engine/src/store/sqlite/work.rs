//! Leasing, committing, fetching.

use std::collections::BTreeSet;

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, EndpointRecord, EndpointStatus, LeaseEpoch};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use time::UtcDateTime;

use super::error::Result;
use super::row::{self, DELIVERY};
use crate::micros;
use crate::store::row::body_digest;
use crate::store::{
    AttemptRow, Batch, Command, Committed, Cursor, DeliveryColumns, Fetch, Fetched, Lease, LeaseRequest,
    Leased, PendingCommand, State, StoreError, StoredNotification, SubscriptionRow,
};

pub(super) fn put_subscription(
    connection: &Connection,
    new: &SubscriptionRow,
    now: UtcDateTime,
) -> Result<bool> {
    let written = connection
        .prepare_cached(
            "INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record, disabled)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE
             SET gym = excluded.gym, settings = excluded.settings, secrets = excluded.secrets WHERE deleted_at IS NULL",
        )?
        .execute(params![
            new.id.as_uuid().as_bytes(),
            new.gym,
            new.settings,
            new.secrets,
            json(&new.record)?,
            is_disabled(&new.record),
        ])?;
    if written > 0 {
        super::enqueue::command(connection, &[(new.id, Command::Reload)], now)?;
    }
    Ok(written > 0)
}

pub(super) fn delete_subscription(connection: &Connection, id: EndpointId, now: UtcDateTime) -> Result<bool> {
    let deleted = connection
        .prepare_cached(
            "UPDATE gymhook_subscriptions SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
        )?
        .execute(params![id.as_uuid().as_bytes(), micros::floor(now)])?;
    Ok(deleted > 0)
}

const HAS_WORK: &str = "deleted_at IS NULL AND lease_until <= ?1 AND (
    (disabled = 0 AND EXISTS (SELECT 1 FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 0 AND d.at <= ?1))
    OR EXISTS (SELECT 1 FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 1)
    OR EXISTS (SELECT 1 FROM gymhook_commands c WHERE c.endpoint = s.id AND c.due <= ?1))";

/// The endpoints without an owner that have something to do. Only a look: whoever leases them looks again.
pub(super) fn find_work(
    connection: &Connection,
    only: Option<&[EndpointId]>,
    limit: u32,
    now: UtcDateTime,
) -> Result<Vec<EndpointId>> {
    let now = micros::floor(now);
    let mut found = Vec::new();
    if let Some(only) = only {
        let sql = format!("SELECT 1 FROM gymhook_subscriptions s WHERE id = ?2 AND {HAS_WORK}");
        let mut select = connection.prepare_cached(&sql)?;
        for endpoint in only {
            if found.len() < limit as usize && select.exists(params![now, endpoint.as_uuid().as_bytes()])? {
                found.push(*endpoint);
            }
        }
        return Ok(found);
    }
    let sql =
        format!("SELECT id FROM gymhook_subscriptions s WHERE {HAS_WORK} ORDER BY lease_until, id LIMIT ?2");
    let mut select = connection.prepare_cached(&sql)?;
    for endpoint in select.query_map(params![now, limit], |found| row::id(found, 0))? {
        found.push(EndpointId::from(endpoint?));
    }
    Ok(found)
}

pub(super) fn lease(
    connection: &Connection,
    wanted: &[EndpointId],
    request: &LeaseRequest,
    now: UtcDateTime,
) -> Result<Vec<Leased>> {
    let mut take = connection.prepare_cached(
        "UPDATE gymhook_subscriptions SET lease_owner = ?3, lease_until = ?4, lease_epoch = lease_epoch + 1
         WHERE id = ?1 AND deleted_at IS NULL AND lease_until <= ?2 RETURNING lease_epoch",
    )?;
    let mut leased = Vec::with_capacity(wanted.len());
    for endpoint in wanted {
        let id = endpoint.as_uuid().as_bytes();
        let until = micros::after(now, request.length);
        let values = params![id, micros::floor(now), request.worker.as_uuid().as_bytes(), until];
        let epoch: Option<i64> = take.query_row(values, |row| row.get(0)).optional()?;
        let Some(epoch) = epoch.and_then(|epoch| u64::try_from(epoch).ok()) else { continue };
        let Some(subscription) = row::subscription(connection, *endpoint)? else { continue };
        let (in_flight, damaged) = left_under_way(connection, *endpoint)?;
        row::quarantine(connection, &damaged)?;
        leased.push(Leased {
            subscription,
            epoch: LeaseEpoch::new(epoch),
            in_flight,
            quarantined: damaged.len() as u64,
        });
    }
    Ok(leased)
}

fn left_under_way(connection: &Connection, endpoint: EndpointId) -> Result<(Vec<DeliveryRecord>, Vec<i64>)> {
    let sql = format!(
        "SELECT {DELIVERY} FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 1 ORDER BY at, seq"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut readable = Vec::new();
    let mut damaged = Vec::new();
    for found in select.query_map([endpoint.as_uuid().as_bytes()], row::delivery)? {
        match found? {
            (_, Ok(record)) => readable.push(record),
            (order, Err(_)) => damaged.push(order),
        }
    }
    Ok((readable, damaged))
}

/// Ends every lease, because nobody else works on this file.
pub(super) fn end_leases(connection: &Connection) -> Result<()> {
    connection.execute("UPDATE gymhook_subscriptions SET lease_until = 0 WHERE lease_until > 0", [])?;
    Ok(())
}

pub(super) fn commit(connection: &Connection, batch: &Batch, now: UtcDateTime) -> Result<Committed> {
    let (held, lost) = Fence::new(connection)?.judge(batch)?;
    let is_held = |endpoint: EndpointId| held.contains(&endpoint);

    write_deliveries(connection, batch.deliveries.iter().filter(|record| is_held(record.endpoint)))?;
    write_endpoints(connection, batch.endpoints.iter().filter(|record| is_held(record.id)))?;
    let attempts = batch.attempts.iter().filter(|(endpoint, _)| is_held(*endpoint));
    write_attempts(connection, attempts.map(|(_, attempt)| attempt))?;
    let mut done = connection.prepare_cached("DELETE FROM gymhook_commands WHERE number = ?1")?;
    for (_, number) in batch.commands.iter().filter(|(endpoint, _)| is_held(*endpoint)) {
        done.execute([number])?;
    }
    let mut prolong =
        connection.prepare_cached("UPDATE gymhook_subscriptions SET lease_until = ?2 WHERE id = ?1")?;
    let until = micros::after(now, batch.lease_length);
    for lease in batch.renew.iter().filter(|lease| is_held(lease.endpoint)) {
        prolong.execute(params![lease.endpoint.as_uuid().as_bytes(), until])?;
    }
    for endpoint in batch.release.iter().filter(|endpoint| is_held(**endpoint)) {
        prolong.execute(params![endpoint.as_uuid().as_bytes(), micros::floor(now)])?;
    }
    let wanted = batch.deliveries.iter().filter(|record| is_held(record.endpoint));
    let notifications = read_notifications(connection, wanted, &batch.send)?;
    Ok(Committed { lost, notifications })
}

/// Only the latest lease of an endpoint writes.
struct Fence<'c>(CachedStatement<'c>);

impl<'c> Fence<'c> {
    fn new(connection: &'c Connection) -> Result<Self> {
        let sql =
            "SELECT 1 FROM gymhook_subscriptions WHERE id = ?1 AND lease_epoch = ?2 AND deleted_at IS NULL";
        Ok(Self(connection.prepare_cached(sql)?))
    }

    /// The endpoints that the batch may write for, and those that it has lost.
    fn judge(&mut self, batch: &Batch) -> Result<(BTreeSet<EndpointId>, Vec<EndpointId>)> {
        let (mut held, mut lost) = (BTreeSet::new(), BTreeSet::new());
        for lease in batch.leases.iter().chain(&batch.renew) {
            let side = if self.holds(lease)? { &mut held } else { &mut lost };
            side.insert(lease.endpoint);
        }
        held.retain(|endpoint| !lost.contains(endpoint));
        Ok((held, lost.into_iter().collect()))
    }

    fn holds(&mut self, lease: &Lease) -> Result<bool> {
        let Ok(epoch) = i64::try_from(lease.epoch.get()) else { return Ok(false) };
        Ok(self.0.exists(params![lease.endpoint.as_uuid().as_bytes(), epoch])?)
    }
}

fn write_deliveries<'r>(
    connection: &Connection,
    records: impl Iterator<Item = &'r DeliveryRecord>,
) -> Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE gymhook_deliveries SET state = ?2, at = ?3, code = ?4, round = ?5, attempt = ?6, sends = ?7,
         first_failure = ?8, probe = ?9, check_sum = ?10 WHERE seq = ?1 AND state <> 5",
    )?;
    for record in records {
        let columns = DeliveryColumns::from(record);
        update.execute(params![
            columns.order,
            columns.state,
            columns.at,
            columns.code,
            columns.round,
            columns.attempt,
            columns.sends,
            columns.first_failure,
            columns.probe,
            columns.check,
        ])?;
    }
    Ok(())
}

fn write_endpoints<'r>(
    connection: &Connection,
    records: impl Iterator<Item = &'r EndpointRecord>,
) -> Result<()> {
    let mut update = connection
        .prepare_cached("UPDATE gymhook_subscriptions SET record = ?2, disabled = ?3 WHERE id = ?1")?;
    for record in records {
        update.execute(params![record.id.as_uuid().as_bytes(), json(record)?, is_disabled(record)])?;
    }
    Ok(())
}

fn write_attempts<'r>(connection: &Connection, attempts: impl Iterator<Item = &'r AttemptRow>) -> Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO gymhook_attempts (seq, send, round, number, began, ended, outcome, status, captured, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (seq, send) DO NOTHING",
    )?;
    for attempt in attempts {
        insert.execute(params![
            i64::try_from(attempt.order).unwrap_or(i64::MAX),
            attempt.send,
            attempt.round.get(),
            attempt.number,
            attempt.began.map(micros::floor),
            micros::floor(attempt.ended),
            attempt.outcome,
            attempt.status,
            attempt.captured,
            attempt.detail,
        ])?;
    }
    Ok(())
}

fn read_notifications<'r>(
    connection: &Connection,
    records: impl Iterator<Item = &'r DeliveryRecord>,
    wanted: &[DeliveryId],
) -> Result<Vec<(DeliveryId, Option<StoredNotification>)>> {
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    let mut select = connection.prepare_cached(
        "SELECT d.event_type, b.body FROM gymhook_deliveries d JOIN gymhook_bodies b USING (seq)
         WHERE d.seq = ?1 AND d.state <> 5",
    )?;
    let mut found = Vec::with_capacity(wanted.len());
    for record in records.filter(|record| wanted.binary_search(&record.id).is_ok()) {
        let order = i64::try_from(record.order).unwrap_or(i64::MAX);
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?));
        let row = select.query_row([order], read).ok();
        let row = row.filter(|(_, body)| body_digest(body) == record.body);
        if row.is_none() {
            row::quarantine(connection, &[order])?;
        }
        let read = row.map(|(event_type, body)| StoredNotification { event_type, body: body.into() });
        found.push((record.id, read));
    }
    Ok(found)
}

/// What was fetched, and the rows that could not be read.
pub(super) fn fetch(
    connection: &Connection,
    wanted: &[Fetch],
    now: UtcDateTime,
) -> Result<(Vec<Fetched>, Vec<i64>)> {
    let mut damaged = Vec::new();
    let fetched =
        wanted.iter().map(|fetch| fetch_one(connection, fetch, now, &mut damaged)).collect::<Result<_>>()?;
    Ok((fetched, damaged))
}

fn fetch_one(
    connection: &Connection,
    fetch: &Fetch,
    now: UtcDateTime,
    damaged: &mut Vec<i64>,
) -> Result<Fetched> {
    let before = damaged.len();
    let (deliveries, more) = waiting(connection, fetch, now, damaged)?;
    let next_due = if fetch.ordered { None } else { next_due(connection, fetch.endpoint, now)? };
    let commands = commands(connection, fetch.endpoint, now)?;
    let quarantined = (damaged.len() - before) as u64;
    Ok(Fetched { endpoint: fetch.endpoint, deliveries, more, next_due, commands, quarantined })
}

fn waiting(
    connection: &Connection,
    fetch: &Fetch,
    now: UtcDateTime,
    damaged: &mut Vec<i64>,
) -> Result<(Vec<DeliveryRecord>, Option<Cursor>)> {
    if fetch.limit == 0 {
        return Ok((Vec::new(), fetch.after));
    }
    let endpoint = fetch.endpoint.as_uuid().as_bytes();
    let order = fetch.after.map_or(-1, |after| i64::try_from(after.order).unwrap_or(i64::MAX));
    let mut read = Vec::new();
    if fetch.ordered {
        // The first one is found by state; from there on, nearly every row of the endpoint waits.
        let first = "SELECT max(?2 + 1, ifnull(min(seq), 0)) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 0";
        let from: i64 =
            connection.prepare_cached(first)?.query_row(params![endpoint, order], |row| row.get(0))?;
        let sql = format!(
            "SELECT {DELIVERY} FROM gymhook_deliveries INDEXED BY gymhook_deliveries_by_endpoint
             WHERE endpoint = ?1 AND seq >= ?2 AND state = 0 ORDER BY seq LIMIT ?3"
        );
        let mut select = connection.prepare_cached(&sql)?;
        for found in select.query_map(params![endpoint, from, fetch.limit], due_and_delivery)? {
            read.push(found?);
        }
    } else {
        let due = fetch.after.map_or(i64::MIN, |after| micros::ceil(after.due));
        let sql = format!(
            "SELECT {DELIVERY} FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 0 AND at <= ?2
             AND (at, seq) > (?3, ?4) ORDER BY at, seq LIMIT ?5"
        );
        let mut select = connection.prepare_cached(&sql)?;
        let values = params![endpoint, micros::floor(now), due, order, fetch.limit];
        for found in select.query_map(values, due_and_delivery)? {
            read.push(found?);
        }
    }
    let more = read.last().filter(|_| read.len() >= fetch.limit as usize);
    let more = more.and_then(|(due, order, _)| {
        Some(Cursor { due: micros::to_utc(*due)?, order: u64::try_from(*order).ok()? })
    });
    let mut deliveries = Vec::with_capacity(read.len());
    for (_, order, record) in read {
        match record {
            Ok(record) => deliveries.push(record),
            Err(_) => damaged.push(order),
        }
    }
    Ok((deliveries, more))
}

type DueDelivery = (i64, i64, core::result::Result<DeliveryRecord, crate::store::UnreadableRow>);

fn due_and_delivery(row: &rusqlite::Row<'_>) -> rusqlite::Result<DueDelivery> {
    let (order, record) = row::delivery(row)?;
    Ok((row.get("at")?, order, record))
}

fn next_due(connection: &Connection, endpoint: EndpointId, now: UtcDateTime) -> Result<Option<UtcDateTime>> {
    let sql = "SELECT min(at) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 0 AND at > ?2";
    let mut select = connection.prepare_cached(sql)?;
    let values = params![endpoint.as_uuid().as_bytes(), micros::floor(now)];
    let due: Option<i64> = select.query_row(values, |row| row.get(0))?;
    Ok(due.and_then(micros::to_utc))
}

fn commands(connection: &Connection, endpoint: EndpointId, now: UtcDateTime) -> Result<Vec<PendingCommand>> {
    let mut select = connection.prepare_cached(
        "SELECT number, name, delivery FROM gymhook_commands WHERE endpoint = ?1 AND due <= ?2 ORDER BY number",
    )?;
    let values = params![endpoint.as_uuid().as_bytes(), micros::floor(now)];
    let read = |row: &rusqlite::Row<'_>| {
        let delivery: Option<[u8; 16]> = row.get(2)?;
        Ok((
            row.get(0)?,
            row.get::<_, String>(1)?,
            delivery.map(|id| DeliveryId::from(uuid::Uuid::from_bytes(id))),
        ))
    };
    let mut commands = Vec::new();
    for found in select.query_map(values, read)? {
        let (number, name, delivery) = found?;
        let Some(command) = Command::from_parts(&name, delivery) else {
            tracing::error!(number, "an order cannot be read: it is left alone");
            continue;
        };
        let record = match delivery {
            Some(delivery) => row::delivery_by_id(connection, delivery)?.and_then(|(_, record)| record.ok()),
            None => None,
        };
        commands.push(PendingCommand { number, command, delivery: record });
    }
    Ok(commands)
}

fn json(record: &EndpointRecord) -> Result<String> {
    serde_json::to_string(record).map_err(|error| StoreError::Invalid {
        problem: format!("an endpoint's record cannot be written: {error}"),
    })
}

const fn is_disabled(record: &EndpointRecord) -> bool {
    matches!(record.status, EndpointStatus::Disabled { .. })
}

/// The states that the SQL here names by number.
const _: () = assert!(
    State::Waiting.code() == 0 && State::InFlight.code() == 1 && State::Quarantined.code() == 5,
    "the queries name these by number"
);
