//! Leasing, committing, fetching.

use std::collections::BTreeSet;

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, EndpointRecord, EndpointStatus, LeaseEpoch};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use time::UtcDateTime;

use super::error::{Failure, Result};
use super::notices;
use super::row::{self, DELIVERY};
use gymhook_store::Direction;
use gymhook_store::StoreTime;
use gymhook_store::body_digest;
use gymhook_store::end_under_way;
use gymhook_store::{
    AttemptRow, Batch, Command, Committed, DeliveryColumns, Lease, LeaseRequest, Leased, State, StoreError,
    StoredNotification, SubscriptionRow, WorkerId,
};

pub(super) fn put_subscription(
    connection: &Connection,
    new: &SubscriptionRow,
    now: UtcDateTime,
) -> Result<bool> {
    let written = connection
        .prepare_cached(
            "INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record, disabled, incoming, url)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO UPDATE
             SET gym = excluded.gym, settings = excluded.settings, secrets = excluded.secrets, url = excluded.url
             WHERE deleted_at IS NULL AND incoming = excluded.incoming",
        )?
        .execute(params![
            new.id.as_uuid().as_bytes(),
            new.gym,
            new.settings,
            new.target.secrets(),
            json(&new.record)?,
            is_disabled(&new.record),
            new.direction() == Direction::Incoming,
            new.target.url(),
        ])?;
    if written > 0 {
        super::enqueue::command(connection, &[(new.id, Command::Reload)], now)?;
    }
    Ok(written > 0)
}

pub(super) fn delete_subscription(connection: &Connection, id: EndpointId, now: UtcDateTime) -> Result<bool> {
    let deleted = connection
        .prepare_cached(
            "UPDATE gymhook_subscriptions SET deleted_at = ?2, lease_until = min(lease_until, ?2)
             WHERE id = ?1 AND deleted_at IS NULL",
        )?
        .execute(params![id.as_uuid().as_bytes(), StoreTime::floor(now).micros()])?;
    if deleted == 0 {
        return Ok(false);
    }
    connection
        .prepare_cached("DELETE FROM gymhook_commands WHERE endpoint = ?1")?
        .execute([id.as_uuid().as_bytes()])?;
    let (under_way, damaged) = left_under_way(connection, id)?;
    row::quarantine(connection, &damaged)?;
    let end = |record| {
        let (ended, attempt) = end_under_way(record, now);
        (ended, (id, attempt))
    };
    let (records, attempts): (Vec<_>, Vec<_>) = under_way.iter().map(end).unzip();
    write_deliveries(connection, records.iter())?;
    write_attempts(connection, attempts.iter())?;
    Ok(true)
}

/// At the moment `?1`, in the direction `?2`.
const HAS_WORK: &str = "deleted_at IS NULL AND incoming = ?2 AND lease_until <= ?1 AND (
    (disabled = 0 AND EXISTS (SELECT 1 FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 0 AND d.at <= ?1))
    OR (disabled = 1 AND EXISTS (SELECT 1 FROM gymhook_deliveries d INDEXED BY gymhook_deliveries_tests
        WHERE d.endpoint = s.id AND d.test = 1 AND d.state = 0 AND d.at <= ?1))
    OR EXISTS (SELECT 1 FROM gymhook_deliveries d WHERE d.endpoint = s.id AND d.state = 1)
    OR EXISTS (SELECT 1 FROM gymhook_commands c WHERE c.endpoint = s.id AND c.due <= ?1))";

/// The endpoints without an owner that have something to do. Only a look: whoever leases them looks again.
pub(super) fn find_work(
    connection: &Connection,
    request: &LeaseRequest,
    now: UtcDateTime,
) -> Result<Vec<EndpointId>> {
    let (now, incoming) = (StoreTime::floor(now).micros(), request.direction == Direction::Incoming);
    let mut found = Vec::new();
    if let Some(only) = &request.only {
        let sql = format!("SELECT 1 FROM gymhook_subscriptions s WHERE id = ?3 AND {HAS_WORK}");
        let mut select = connection.prepare_cached(&sql)?;
        for endpoint in only {
            let values = params![now, incoming, endpoint.as_uuid().as_bytes()];
            if found.len() < request.limit as usize && select.exists(values)? {
                found.push(*endpoint);
            }
        }
        return Ok(found);
    }
    let sql =
        format!("SELECT id FROM gymhook_subscriptions s WHERE {HAS_WORK} ORDER BY lease_until, id LIMIT ?3");
    let mut select = connection.prepare_cached(&sql)?;
    for endpoint in select.query_map(params![now, incoming, request.limit], |found| row::id(found, 0))? {
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
        let until = StoreTime::after(now, request.length).micros();
        let values = params![id, StoreTime::floor(now).micros(), request.worker.as_uuid().as_bytes(), until];
        let epoch: Option<i64> = take.query_row(values, |row| row.get(0)).optional()?;
        let Some(epoch) = epoch.and_then(|epoch| u64::try_from(epoch).ok()) else { continue };
        let subscription = match row::subscription(connection, *endpoint) {
            Ok(Some(subscription)) => subscription,
            Ok(None) => continue,
            Err(Failure(error @ StoreError::Damaged { .. })) => {
                tracing::error!(%endpoint, %error, "a subscription cannot be read: the others go on");
                continue;
            }
            // Not the row's fault, and the transaction may be gone: what came after it would commit by itself.
            Err(error) => return Err(error),
        };
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

pub(super) fn next_lease_end(
    connection: &Connection,
    worker: WorkerId,
    now: UtcDateTime,
) -> Result<Option<UtcDateTime>> {
    let mut select = connection.prepare_cached(
        "SELECT min(lease_until) FROM gymhook_subscriptions
         WHERE deleted_at IS NULL AND lease_until > ?1 AND lease_owner <> ?2",
    )?;
    let end: Option<i64> = select
        .query_row(params![StoreTime::floor(now).micros(), worker.as_uuid().as_bytes()], |row| row.get(0))?;
    Ok(end.map(|at| StoreTime::from_micros(at).nearest()))
}

/// Ends every lease, because nobody else works on this file.
pub(super) fn end_leases(connection: &Connection) -> Result<()> {
    connection.execute("UPDATE gymhook_subscriptions SET lease_until = 0 WHERE lease_until > 0", [])?;
    Ok(())
}

/// Whether a lease is in force.
pub(super) fn is_leased(connection: &Connection, now: UtcDateTime) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM gymhook_subscriptions WHERE lease_until > ?1)";
    Ok(connection.query_row(sql, [StoreTime::floor(now).micros()], |row| row.get(0))?)
}

pub(super) fn commit(connection: &Connection, batch: &Batch, now: UtcDateTime) -> Result<Committed> {
    let (held, lost) = Fence::new(connection)?.judge(batch)?;
    let is_held = |endpoint: EndpointId| held.contains(&endpoint);

    write_deliveries(connection, batch.deliveries.iter().filter(|record| is_held(record.endpoint)))?;
    write_endpoints(connection, batch.endpoints.iter().filter(|record| is_held(record.id)))?;
    let attempts = batch.attempts.iter().filter(|(endpoint, _)| is_held(*endpoint));
    write_attempts(connection, attempts)?;
    notices::write(connection, batch.notices.iter().filter(|notice| is_held(notice.endpoint)))?;
    let mut done =
        connection.prepare_cached("DELETE FROM gymhook_commands WHERE number = ?1 AND endpoint = ?2")?;
    for (endpoint, number) in batch.commands.iter().filter(|(endpoint, _)| is_held(*endpoint)) {
        done.execute(params![number, endpoint.as_uuid().as_bytes()])?;
    }
    let mut prolong =
        connection.prepare_cached("UPDATE gymhook_subscriptions SET lease_until = ?2 WHERE id = ?1")?;
    let until = StoreTime::after(now, batch.lease_length).micros();
    for lease in batch.renew.iter().filter(|lease| is_held(lease.endpoint)) {
        prolong.execute(params![lease.endpoint.as_uuid().as_bytes(), until])?;
    }
    for endpoint in batch.release.iter().filter(|endpoint| is_held(**endpoint)) {
        prolong.execute(params![endpoint.as_uuid().as_bytes(), StoreTime::floor(now).micros()])?;
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
         first_failure = ?8, probe = ?9, check_sum = ?10 WHERE seq = ?1 AND endpoint = ?11 AND state <> 5",
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
            columns.endpoint.as_bytes(),
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

fn write_attempts<'r>(
    connection: &Connection,
    attempts: impl Iterator<Item = &'r (EndpointId, AttemptRow)>,
) -> Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO gymhook_attempts (seq, send, round, number, began, ended, outcome, status, captured, detail)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
         WHERE EXISTS (SELECT 1 FROM gymhook_deliveries WHERE seq = ?1 AND endpoint = ?11)
         ON CONFLICT (seq, send) DO NOTHING",
    )?;
    for (endpoint, attempt) in attempts {
        insert.execute(params![
            i64::try_from(attempt.order).unwrap_or(i64::MAX),
            attempt.send,
            attempt.round.get(),
            attempt.number,
            attempt.began.map(|at| StoreTime::floor(at).micros()),
            StoreTime::floor(attempt.ended).micros(),
            attempt.outcome,
            attempt.status,
            attempt.captured,
            attempt.detail,
            endpoint.as_uuid().as_bytes(),
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
        "SELECT d.event_type, d.origin, b.body, d.enqueued_at FROM gymhook_deliveries d JOIN gymhook_bodies b USING (seq)
         WHERE d.seq = ?1 AND d.state <> 5",
    )?;
    let mut found = Vec::with_capacity(wanted.len());
    for record in records.filter(|record| wanted.binary_search(&record.id).is_ok()) {
        let order = i64::try_from(record.order).unwrap_or(i64::MAX);
        let read = |row: &rusqlite::Row<'_>| {
            let (body, at) = (row.get::<_, Vec<u8>>(2)?.into(), row.get(3)?);
            let (event_type, origin) = (row.get(0)?, row.get(1)?);
            Ok(row::time(at).map(|enqueued_at| StoredNotification { event_type, origin, body, enqueued_at }))
        };
        let read = select.query_row([order], read).optional().map_err(Failure::from);
        let read = match read.and_then(Option::transpose) {
            Ok(read) => read.filter(|read| body_digest(&read.body) == record.body),
            Err(Failure(StoreError::Damaged { .. })) => None,
            // Not the row's fault: it may be read the next time.
            Err(error) => return Err(error),
        };
        if read.is_none() {
            row::quarantine(connection, &[order])?;
        }
        found.push((record.id, read));
    }
    Ok(found)
}

fn json(record: &EndpointRecord) -> Result<String> {
    let invalid =
        |error| StoreError::Invalid { problem: format!("an endpoint's record cannot be written: {error}") };
    Ok(serde_json::to_string(record).map_err(invalid)?)
}

const fn is_disabled(record: &EndpointRecord) -> bool {
    matches!(record.status, EndpointStatus::Disabled { .. })
}

/// The states that the SQL here names by number.
const _: () = assert!(
    State::Waiting.code() == 0
        && State::InFlight.code() == 1
        && State::Quarantined.code() == 5
        && State::Unreadable.code() == 6,
    "the queries name these by number"
);
