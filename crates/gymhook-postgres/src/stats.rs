//! Counts deliveries by their state: `stats` for all or for a gym, `endpoint_stats` for one endpoint, with the holder of its
//! lease.

use gymhook_delivery::{EndpointId, LeaseEpoch};
use time::UtcDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::Result;
use super::row;
use super::values::Value;
use gymhook_store::{EndpointStats, LeaseHolder, Stats, StatsQuery, StoreTime, WorkerId};

/// Counted endpoint by endpoint, so that what was delivered long ago is not looked at.
const COUNTS: &str = "CROSS JOIN LATERAL (
        SELECT (SELECT count(*) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 0) AS waiting,
            (SELECT count(*) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 1) AS in_flight,
            (SELECT count(*) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 3) AS undeliverable,
            (SELECT count(*) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 5) AS quarantined,
            (SELECT count(*) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 6) AS unreadable,
            (SELECT min(d.at) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 0 AND d.at <= $1) AS oldest
    ) c";

/// When the last ones ended that were delivered and given up: the ends of an index.
const LAST: &str = "(SELECT max(d.at) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 2),
    (SELECT max(d.at) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 3)";

/// What ended from `$2` on, counted likewise.
const ENDED: &str = "(SELECT count(*) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 2 AND d.at >= $2) AS delivered,
    (SELECT count(*) FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 3 AND d.at >= $2) AS given_up";

pub(super) async fn stats(lent: Lent<'_>, query: &StatsQuery, now: UtcDateTime) -> Result<Stats> {
    // PostgreSQL refuses a NUL instead of finding nothing.
    if query.gym.as_ref().is_some_and(|gym| gym.contains('\0')) {
        lent.give_back().await?;
        return Ok(Stats::default());
    }
    let mut values: Vec<&dyn Value> = Vec::new();
    let (now, since) = (StoreTime::floor(now).micros(), query.since(now).micros());
    values.extend([&now as &dyn Value, &since]);
    let mut condition = "s.deleted_at IS NULL".to_owned();
    if let Some(gym) = &query.gym {
        values.push(gym);
        condition += " AND s.gym = $3";
    }
    let sql = format!(
        "SELECT count(*), count(*) FILTER (WHERE s.disabled), coalesce(sum(c.waiting), 0)::bigint,
            coalesce(sum(c.in_flight), 0)::bigint, coalesce(sum(c.undeliverable), 0)::bigint,
            coalesce(sum(c.quarantined), 0)::bigint, coalesce(sum(c.unreadable), 0)::bigint, min(c.oldest),
            coalesce(sum(e.delivered), 0)::bigint, coalesce(sum(e.given_up), 0)::bigint
         FROM gymhook.subscriptions s {COUNTS} CROSS JOIN LATERAL (SELECT {ENDED}) e WHERE {condition}"
    );
    let rows = lent.query(&sql, &values).await?;
    lent.give_back().await?;
    let Some(read) = rows.first() else { return Ok(Stats::default()) };
    Ok(Stats {
        subscriptions: row::count(read.try_get(0)?),
        disabled: row::count(read.try_get(1)?),
        waiting: row::count(read.try_get(2)?),
        in_flight: row::count(read.try_get(3)?),
        undeliverable: row::count(read.try_get(4)?),
        quarantined: row::count(read.try_get(5)?),
        unreadable: row::count(read.try_get(6)?),
        oldest_due: read.try_get::<_, Option<i64>>(7)?.map(|at| StoreTime::from_micros(at).nearest()),
        delivered: row::count(read.try_get(8)?),
        given_up: row::count(read.try_get(9)?),
    })
}

pub(super) async fn endpoint_stats(
    lent: Lent<'_>,
    id: EndpointId,
    now: UtcDateTime,
) -> Result<Option<EndpointStats>> {
    let sql = format!(
        "SELECT {}, c.waiting, c.in_flight, c.undeliverable, c.oldest, {LAST}, s.lease_owner, s.lease_epoch, s.lease_until
         FROM gymhook.subscriptions s {COUNTS} WHERE s.id = $2",
        row::SUBSCRIPTION
    );
    let rows = lent.query(&sql, &[&StoreTime::floor(now).micros(), id.as_uuid()]).await?;
    lent.give_back().await?;
    let Some(read) = rows.first() else { return Ok(None) };
    let counts = row::SUBSCRIPTION_COLUMNS;
    Ok(Some(EndpointStats {
        record: row::subscription(read)?.record,
        waiting: row::count(read.try_get(counts)?),
        in_flight: row::count(read.try_get(counts + 1)?),
        undeliverable: row::count(read.try_get(counts + 2)?),
        oldest_due: read
            .try_get::<_, Option<i64>>(counts + 3)?
            .map(|at| StoreTime::from_micros(at).nearest()),
        last_delivered: read
            .try_get::<_, Option<i64>>(counts + 4)?
            .map(|at| StoreTime::from_micros(at).nearest()),
        last_undeliverable: read
            .try_get::<_, Option<i64>>(counts + 5)?
            .map(|at| StoreTime::from_micros(at).nearest()),
        lease: lease_holder(read, counts + 6, StoreTime::floor(now).micros())?,
    }))
}

/// Reads an owner, a number and an end.
fn lease_holder(read: &Row, first: usize, now: i64) -> Result<Option<LeaseHolder>> {
    let until: i64 = read.try_get(first + 2)?;
    let owner: Option<Uuid> = read.try_get(first)?;
    let Some(owner) = owner.filter(|_| until > now) else { return Ok(None) };
    Ok(Some(LeaseHolder {
        worker: WorkerId::new(owner),
        epoch: LeaseEpoch::new(row::count(read.try_get(first + 1)?)),
        ends: StoreTime::from_micros(until).nearest(),
    }))
}
