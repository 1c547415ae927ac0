//! Writes the rows of a batch, one by one: `write_deliveries`, `write_endpoints` and `write_attempts`.

use gymhook_delivery::{DeliveryRecord, EndpointId, EndpointRecord};
use rusqlite::{Connection, params};

use crate::error::Result;
use crate::row::{bind_state, state_columns, state_values};
use gymhook_store::{AttemptRow, DeliveryColumns, StoreTime, endpoint_record_to_json};

pub(crate) fn write_deliveries<'r>(
    connection: &Connection,
    records: impl Iterator<Item = &'r DeliveryRecord>,
) -> Result<()> {
    let mut update = connection.prepare_cached(concat!(
        "UPDATE gymhook_deliveries SET (",
        state_columns!(),
        ") = (",
        state_values!(),
        ") WHERE seq = ?10 AND endpoint = ?11 AND state <> 5"
    ))?;
    for record in records {
        let columns = DeliveryColumns::from(record);
        bind_state(&mut update, &columns)?;
        update.raw_bind_parameter(10, columns.sequence)?;
        update.raw_bind_parameter(11, columns.endpoint.as_bytes())?;
        update.raw_execute()?;
    }
    Ok(())
}

pub(super) fn write_endpoints<'r>(
    connection: &Connection,
    records: impl Iterator<Item = &'r EndpointRecord>,
) -> Result<()> {
    let mut update = connection
        .prepare_cached("UPDATE gymhook_subscriptions SET record = ?2, disabled = ?3 WHERE id = ?1")?;
    for record in records {
        update.execute(params![
            record.id.as_uuid().as_bytes(),
            endpoint_record_to_json(record)?,
            record.is_disabled()
        ])?;
    }
    Ok(())
}

pub(crate) fn write_attempts<'r>(
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
            i64::try_from(attempt.sequence).unwrap_or(i64::MAX),
            attempt.send,
            attempt.round.get(),
            attempt.number,
            attempt.began.map(|at| StoreTime::floor(at).micros()),
            StoreTime::floor(attempt.ended).micros(),
            attempt.outcome.as_str(),
            attempt.status,
            attempt.captured,
            attempt.detail,
            endpoint.as_uuid().as_bytes(),
        ])?;
    }
    Ok(())
}
