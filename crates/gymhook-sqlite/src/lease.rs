//! `find_work` and `lease`: lease endpoints that have work, with what is in flight at each, and `end_leases`.

use gymhook_delivery::{DeliveryRecord, EndpointId, LeaseEpoch};
use rusqlite::{Connection, OptionalExtension as _, params};
use time::UtcDateTime;

use super::error::{Failure, Result};
use super::row::{self, DELIVERY};
use gymhook_store::{Direction, LeaseRequest, Leased, StoreError, StoreTime};

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
    let mut select = connection.prepare_cached(&find_anywhere())?;
    for endpoint in
        select.query_map(params![now, incoming, request.limit], |found| row::id_or_skipped(found, 0))?
    {
        found.extend(endpoint?.map(EndpointId::from));
    }
    Ok(found)
}

/// At the moment `?1`, in the direction `?2`, at most `?3` of them.
fn find_anywhere() -> String {
    format!(
        "SELECT id FROM gymhook_subscriptions s INDEXED BY gymhook_subscriptions_by_lease
         WHERE {HAS_WORK} ORDER BY lease_until, id LIMIT ?3"
    )
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
                tracing::error!(%endpoint, %error, "a subscription cannot be read: the others continue");
                continue;
            }
            // Not the row's fault, and the transaction may be gone: later statements would commit on their own.
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

pub(super) fn left_under_way(
    connection: &Connection,
    endpoint: EndpointId,
) -> Result<(Vec<DeliveryRecord>, Vec<i64>)> {
    let sql = format!(
        "SELECT {DELIVERY} FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 1 ORDER BY at, seq"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut readable = Vec::new();
    let mut damaged = Vec::new();
    for found in select.query_map([endpoint.as_uuid().as_bytes()], row::delivery)? {
        match found? {
            (_, Ok(record)) => readable.push(record),
            (sequence, Err(_)) => damaged.push(sequence),
        }
    }
    Ok((readable, damaged))
}

/// Ends every lease, and forgets what its workers announced, because nobody else works on this file.
pub(super) fn end_leases(connection: &Connection) -> Result<()> {
    connection.execute("UPDATE gymhook_subscriptions SET lease_until = 0 WHERE lease_until > 0", [])?;
    connection.execute("DELETE FROM gymhook_workers", [])?;
    Ok(())
}

/// Whether a lease is in force.
pub(super) fn is_leased(connection: &Connection, now: UtcDateTime) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM gymhook_subscriptions WHERE lease_until > ?1)";
    Ok(connection.query_row(sql, [StoreTime::floor(now).micros()], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::super::query_plan::query_plan;
    use super::*;

    /// Else each round trip reads every subscription, whole.
    #[test]
    fn who_looks_for_work_reads_the_index_of_leases_alone() {
        let plan = query_plan(&find_anywhere());
        let by_index = "USING COVERING INDEX gymhook_subscriptions_by_lease (lease_until<?)";
        assert!(plan.contains(by_index) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}
