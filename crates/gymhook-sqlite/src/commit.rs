//! `commit`: writes a worker's batch under its leases, which `Fence` checks, and reads the notifications of the
//! attempts that the batch announces.

pub(super) mod rows;

use std::collections::BTreeSet;

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};
use time::UtcDateTime;

use self::rows::{write_attempts, write_deliveries, write_endpoints};
use super::error::{Failure, Result};
use super::row;
use super::{enqueue, notices};
use gymhook_store::{
    Batch, Committed, Lease, NewNotification, Refused, StoreError, StoreTime, StoredNotification, body_digest,
};

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
    let refused = enqueue_follow_ups(connection, &batch.held_follow_ups(is_held), now)?;
    Ok(Committed { lost, notifications, refused })
}

/// Those that are refused keep nothing else from being written.
fn enqueue_follow_ups(
    connection: &Connection,
    new: &[&NewNotification],
    now: UtcDateTime,
) -> Result<Vec<(DeliveryId, Refused)>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let enqueued = new.iter().map(|new| new.id).zip(enqueue::insert(connection, new, now)?);
    Ok(enqueued.filter_map(|(id, enqueued)| Some((id, enqueued.err()?))).collect())
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
        let sequence = i64::try_from(record.sequence).unwrap_or(i64::MAX);
        let read = |row: &rusqlite::Row<'_>| {
            let (body, at) = (row.get::<_, Vec<u8>>(2)?.into(), row.get(3)?);
            let (event_type, origin) = (row.get(0)?, row.get(1)?);
            Ok(row::time(at).map(|enqueued_at| StoredNotification { event_type, origin, body, enqueued_at }))
        };
        let read = select.query_row([sequence], read).optional().map_err(Failure::from);
        let read = match read.and_then(Option::transpose) {
            Ok(read) => read.filter(|read| body_digest(&read.body) == record.body),
            Err(Failure(StoreError::Damaged { .. })) => None,
            // Not the row's fault: it may be read the next time.
            Err(error) => return Err(error),
        };
        if read.is_none() {
            row::quarantine(connection, &[sequence])?;
        }
        found.push((record.id, read));
    }
    Ok(found)
}
