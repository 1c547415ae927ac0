//! `delivery` and `subscription`: read the columns of a row into a record; `quarantine`: sets a row apart that cannot
//! be read. Rows of lists are read in `queries.rs`.

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId};
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, params};
use time::UtcDateTime;
use uuid::Uuid;

use super::error::{Failure, Result};
use gymhook_store::{
    DeliveryColumns, State, StoreError, StoreTime, SubscriptionRow, TargetColumns, UnreadableRow,
    endpoint_record_from_json,
};

/// The columns of a delivery's state: what each of its steps writes.
macro_rules! state_columns {
    () => {
        "state, at, code, round, attempt, sends, first_failure, probe, check_sum"
    };
}

/// Their values in a statement, which [`bind_state`] gives it. Others begin at `?10`.
macro_rules! state_values {
    () => {
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9"
    };
}

pub(super) use {state_columns, state_values};

/// Gives a statement the values of [`state_columns`].
pub(super) fn bind_state(statement: &mut Statement<'_>, row: &DeliveryColumns) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(1, row.state)?;
    statement.raw_bind_parameter(2, row.at)?;
    statement.raw_bind_parameter(3, row.code)?;
    statement.raw_bind_parameter(4, row.round)?;
    statement.raw_bind_parameter(5, row.attempt)?;
    statement.raw_bind_parameter(6, row.sends)?;
    statement.raw_bind_parameter(7, row.first_failure)?;
    statement.raw_bind_parameter(8, row.probe)?;
    statement.raw_bind_parameter(9, row.check)
}

/// The columns of a delivery, in the order in which [`delivery`] reads them.
pub(super) const DELIVERY: &str = concat!("seq, id, endpoint, digest, test, ", state_columns!());

/// The columns of a subscription, in the order in which [`read_subscription`] reads them.
const SUBSCRIPTION: &str = "id, gym, settings, secrets, record, deleted_at, incoming, url, platform";

pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(column).map(Uuid::from_bytes)
}

/// An id among others; `None` if it is not 16 bytes long, which is logged, so that the others are seen.
pub(super) fn id_or_skipped(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
    let id = Uuid::from_slice(&row.get::<_, Vec<u8>>(column)?).ok();
    if id.is_none() {
        tracing::error!("an id is not 16 bytes long: its row is skipped");
    }
    Ok(id)
}

/// What was read among others; `None` if its row is damaged, which is logged, so that the others are seen.
pub(super) fn or_skipped<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(Failure(error @ StoreError::Damaged { .. })) => {
            tracing::error!(%error, "a row cannot be read: it is skipped");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A delivery's row number, and its record if it can be read.
pub(super) fn delivery(
    row: &Row<'_>,
) -> rusqlite::Result<(i64, core::result::Result<DeliveryRecord, UnreadableRow>)> {
    let sequence: i64 = row.get(0)?;
    let damaged = UnreadableRow::Column { column: "id, endpoint, digest or number" };
    Ok((sequence, columns(row, sequence).map_err(|_| damaged).and_then(|columns| columns.to_record())))
}

fn columns(row: &Row<'_>, sequence: i64) -> rusqlite::Result<DeliveryColumns> {
    Ok(DeliveryColumns {
        sequence,
        id: id(row, 1)?,
        endpoint: id(row, 2)?,
        digest: row.get(3)?,
        test: row.get(4)?,
        state: row.get(5)?,
        at: row.get(6)?,
        code: row.get(7)?,
        round: row.get(8)?,
        attempt: row.get(9)?,
        sends: row.get(10)?,
        first_failure: row.get(11)?,
        probe: row.get(12)?,
        check: row.get(13)?,
    })
}

/// A delivery by its name: its row number, and its record if it can be read.
pub(super) fn delivery_by_id(
    connection: &Connection,
    id: DeliveryId,
) -> Result<Option<(i64, core::result::Result<DeliveryRecord, UnreadableRow>)>> {
    let mut select =
        connection.prepare_cached(&format!("SELECT {DELIVERY} FROM gymhook_deliveries WHERE id = ?1"))?;
    Ok(select.query_row([id.as_uuid().as_bytes()], delivery).optional()?)
}

/// The columns of a delivery's row by its name, whole or not; `None` if there is none, or one of them cannot be read.
pub(super) fn columns_by_id(connection: &Connection, id: DeliveryId) -> Result<Option<DeliveryColumns>> {
    let mut select =
        connection.prepare_cached(&format!("SELECT {DELIVERY} FROM gymhook_deliveries WHERE id = ?1"))?;
    let mut rows = select.query([id.as_uuid().as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(columns(row, row.get(0)?).ok())
}

/// Quarantines rows: nothing reads or writes them any more, and they are counted.
pub(super) fn quarantine(connection: &Connection, sequences: &[i64]) -> Result<()> {
    let mut update = connection.prepare_cached("UPDATE gymhook_deliveries SET state = ?2 WHERE seq = ?1")?;
    for sequence in sequences {
        update.execute(params![sequence, State::Quarantined.code()])?;
        tracing::error!(sequence, "a delivery's row cannot be read: it was quarantined");
    }
    Ok(())
}

pub(super) fn subscription(connection: &Connection, id: EndpointId) -> Result<Option<SubscriptionRow>> {
    let sql = format!("SELECT {SUBSCRIPTION} FROM gymhook_subscriptions WHERE id = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([id.as_uuid().as_bytes()])?;
    rows.next()?.map(read_subscription).transpose()
}

/// Subscriptions that fit a condition on the table's columns, as many of them as can be read: one that cannot takes no place in a
/// page, which would end early.
pub(super) fn subscriptions(
    connection: &Connection,
    condition: &str,
    values: impl rusqlite::Params,
    limit: usize,
) -> Result<Vec<SubscriptionRow>> {
    let sql = format!("SELECT {SUBSCRIPTION} FROM gymhook_subscriptions WHERE {condition}");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(values)?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        found.extend(or_skipped(read_subscription(row))?);
    }
    Ok(found)
}

fn read_subscription(row: &Row<'_>) -> Result<SubscriptionRow> {
    Ok(SubscriptionRow {
        id: EndpointId::from(id(row, 0)?),
        gym: row.get(1)?,
        platform: row.get(8)?,
        target: TargetColumns::from_columns(row.get(6)?, row.get(7)?, row.get(3)?)?,
        settings: row.get(2)?,
        record: endpoint_record_from_json(&row.get::<_, String>(4)?)?,
        deleted_at: row.get::<_, Option<i64>>(5)?.map(time).transpose()?,
    })
}

pub(super) fn time(micros: i64) -> Result<UtcDateTime> {
    let damaged = || StoreError::Damaged { problem: format!("no point in time: {micros} µs") };
    Ok(StoreTime::from_micros(micros).to_utc().ok_or_else(damaged)?)
}

/// The states that the SQL here names by number.
const _: () = assert!(
    State::Waiting.code() == 0
        && State::InFlight.code() == 1
        && State::Delivered.code() == 2
        && State::Undeliverable.code() == 3
        && State::Cancelled.code() == 4
        && State::Quarantined.code() == 5
        && State::Unreadable.code() == 6,
    "the queries name these by number"
);
