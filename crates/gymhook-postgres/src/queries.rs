//! Reads the log: a delivery, its body, and a page of its attempts. `logged` writes the `SELECT` of a `DeliveryRow`, which
//! `find.rs` shares.

use core::num::NonZeroU32;

use bytes::Bytes;
use gymhook_delivery::DeliveryId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::Result;
use super::row::{self, DELIVERY, Delivery};
use gymhook_store::StoreTime;
use gymhook_store::{AttemptQuery, AttemptRow, DeliveryRow, Page, State};

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
