//! Counts deliveries by their state: `stats` for all or for a gym, `endpoint_stats` for one endpoint, with the holder of its
//! lease.

use gymhook_delivery::{EndpointId, LeaseEpoch};
use rusqlite::{Connection, Row, params};
use time::UtcDateTime;
use uuid::Uuid;

use super::error::Result;
use super::row;
use gymhook_store::{EndpointStats, LeaseHolder, Stats, StatsQuery, StoreTime, WorkerId};

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
