//! Reads deliveries, bodies and attempts, counts deliveries, and purges what ended long ago, acknowledged notices included.

use core::num::NonZeroU32;

use bytes::Bytes;
use gymhook_delivery::{DeliveryId, EndpointId, LeaseEpoch};
use time::UtcDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::Result;
use super::row::{self, DELIVERY, Delivery};
use super::values::Value;
use gymhook_store::StoreTime;
use gymhook_store::{
    AttemptQuery, AttemptRow, DeliveryRow, EndpointStats, LeaseHolder, Page, State, Stats, StatsQuery,
    WorkerId,
};

/// The columns of a [`DeliveryRow`] in order; the name comes again, since it is there even if the record is damaged.
pub(super) fn logged(condition: &str) -> String {
    format!(
        "SELECT {DELIVERY}, n.event_type, n.enqueued_at, n.id, n.origin, s.gym, s.platform
         FROM gymhook.notifications n JOIN gymhook.deliveries d USING (seq)
         LEFT JOIN gymhook.subscriptions s ON s.id = d.endpoint WHERE {condition}"
    )
}

pub(super) fn read_logged(read: &Row) -> Result<DeliveryRow> {
    let delivery = Delivery::read(read, 0)?;
    Ok(DeliveryRow {
        record: delivery.record.ok(),
        id: read.try_get::<_, Uuid>(16)?.into(),
        endpoint: delivery.endpoint,
        gym: read.try_get::<_, Option<String>>(18)?.unwrap_or_default(),
        platform: read.try_get::<_, Option<String>>(19)?.unwrap_or_default(),
        sequence: row::count(delivery.seq),
        state: State::from_code(delivery.state).unwrap_or(State::Quarantined),
        event_type: read.try_get(14)?,
        enqueued_at: StoreTime::from_micros(read.try_get(15)?).nearest(),
        origin: read.try_get(17)?,
    })
}

pub(super) async fn delivery(lent: Lent<'_>, id: DeliveryId) -> Result<Option<DeliveryRow>> {
    let rows = lent.query(&logged("n.id = $1"), &[id.as_uuid()]).await?;
    lent.give_back().await?;
    rows.first().map(read_logged).transpose()
}

pub(super) async fn body(lent: Lent<'_>, id: DeliveryId) -> Result<Option<Bytes>> {
    let rows = lent.query("SELECT body FROM gymhook.notifications WHERE id = $1", &[id.as_uuid()]).await?;
    lent.give_back().await?;
    rows.first().map(|read| row::body(read, 0)).transpose()
}

pub(super) async fn attempts(lent: Lent<'_>, query: AttemptQuery) -> Result<Page<AttemptRow, u32>> {
    let sql =
        "SELECT a.seq, a.send, a.round, a.number, a.began, a.ended, a.outcome, a.status, a.captured, a.detail
        FROM gymhook.notifications n JOIN gymhook.attempts a USING (seq)
        WHERE n.id = $1 AND a.send > $2 ORDER BY a.send LIMIT $3";
    let (after, most) = (query.after.map_or(-1, i64::from), i64::from(query.limit) + 1);
    let rows = lent.query(sql, &[query.delivery.as_uuid(), &after, &most]).await?;
    lent.give_back().await?;
    let found = rows.iter().map(|read| read_attempt(read, query.delivery)).collect::<Result<_>>()?;
    Ok(Page::cut(found, query.limit, |last: &AttemptRow| last.send))
}

fn read_attempt(read: &Row, delivery: DeliveryId) -> Result<AttemptRow> {
    let send = u32::try_from(read.try_get::<_, i64>(1)?).unwrap_or_default();
    let unreadable = |column: &str| AttemptRow::unreadable(delivery, send, column);
    let number = |column: usize, name: &str| -> Result<u32> {
        let number = u32::try_from(read.try_get::<_, i64>(column)?);
        Ok(number.map_err(|_| unreadable(name))?)
    };
    let time = |at: i64, name: &str| StoreTime::from_micros(at).to_utc().ok_or_else(|| unreadable(name));
    let outcome: &str = read.try_get(6)?;
    let status: Option<i32> = read.try_get(7)?;
    let status = status.map(u16::try_from).transpose().map_err(|_| unreadable("status"))?;
    Ok(AttemptRow {
        delivery,
        sequence: row::count(read.try_get(0)?),
        send: number(1, "send")?,
        round: NonZeroU32::new(number(2, "round")?).ok_or_else(|| unreadable("round"))?,
        number: number(3, "number")?,
        began: read.try_get::<_, Option<i64>>(4)?.map(|at| time(at, "began")).transpose()?,
        ended: time(read.try_get(5)?, "ended")?,
        outcome: outcome.parse().map_err(|_| unreadable("outcome"))?,
        status,
        captured: read.try_get(8)?,
        detail: read.try_get(9)?,
    })
}

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

/// What a worker is writing is left for the next time. A row in no state that there is counts as quarantined.
pub(super) async fn purge(lent: Lent<'_>, before: UtcDateTime, limit: u32) -> Result<u64> {
    let sql = "WITH over AS (
        SELECT d.seq FROM gymhook.subscriptions s CROSS JOIN LATERAL (
            (SELECT d.seq FROM gymhook.deliveries d
             WHERE d.endpoint = s.id AND d.state IN (2, 3, 4, 5, 6) AND d.at < $1 LIMIT $2)
            UNION ALL
            (SELECT d.seq FROM gymhook.deliveries d
             WHERE d.endpoint = s.id AND d.state < 0 AND d.at < $1 LIMIT $2)
            UNION ALL
            (SELECT d.seq FROM gymhook.deliveries d
             WHERE d.endpoint = s.id AND d.state > 6 AND d.at < $1 LIMIT $2)
            UNION ALL
            (SELECT d.seq FROM gymhook.deliveries d
             WHERE s.deleted_at < $1 AND d.endpoint = s.id AND (d.state IN (0, 1) OR d.at >= $1) LIMIT $2)
        ) d LIMIT $2
    ), ended AS (
        SELECT d.seq FROM gymhook.deliveries d JOIN gymhook.subscriptions s ON s.id = d.endpoint
        WHERE d.seq IN (SELECT seq FROM over) AND (s.deleted_at < $1 OR (d.state NOT IN (0, 1) AND d.at < $1))
        FOR UPDATE OF d SKIP LOCKED
    ), deliveries AS (
        DELETE FROM gymhook.deliveries d USING ended WHERE d.seq = ended.seq RETURNING d.seq
    ), attempts AS (
        DELETE FROM gymhook.attempts a USING ended WHERE a.seq = ended.seq
    ), notifications AS (
        DELETE FROM gymhook.notifications n USING ended WHERE n.seq = ended.seq
    ), notices AS (
        DELETE FROM gymhook.notices n WHERE n.acknowledged_at < $1
    )
    SELECT count(*) FROM deliveries";
    let rows = lent.query(sql, &[&StoreTime::ceil(before).micros(), &i64::from(limit)]).await?;
    lent.give_back().await?;
    let purged = rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(row::count(purged.unwrap_or_default()))
}
