//! Writes the rows of a batch: each table in one statement, with the values in arrays.

use std::collections::BTreeMap;

use gymhook_delivery::{DeliveryRecord, EndpointId, EndpointRecord};
use gymhook_store::{AttemptRow, DeliveryColumns, Notice, StoreTime, endpoint_record_to_json};
use uuid::Uuid;

use super::super::connection::{Lent, Prepared};
use super::super::error::Result;
use super::Claims;

pub(super) async fn write_deliveries<'r>(
    lent: &Lent<'_>,
    sql: &Prepared,
    claims: &Claims,
    records: impl Iterator<Item = &'r DeliveryRecord>,
) -> Result<()> {
    let claimed =
        records.filter_map(|record| Some((DeliveryColumns::from(record), claims.epoch(record.endpoint)?)));
    let (rows, epochs): (Vec<DeliveryColumns>, Vec<i64>) = claimed.unzip();
    if rows.is_empty() {
        return Ok(());
    }
    let numbers = |column: fn(&DeliveryColumns) -> i64| rows.iter().map(column).collect::<Vec<i64>>();
    let endpoints: Vec<Uuid> = rows.iter().map(|row| row.endpoint).collect();
    let states: Vec<i16> = rows.iter().map(|row| row.state).collect();
    let codes: Vec<i16> = rows.iter().map(|row| row.code).collect();
    let first_failures: Vec<Option<i64>> = rows.iter().map(|row| row.first_failure).collect();
    let probes: Vec<bool> = rows.iter().map(|row| row.probe).collect();
    lent.run(
        sql,
        &[
            &numbers(|row| row.sequence),
            &endpoints,
            &states,
            &numbers(|row| row.at),
            &codes,
            &numbers(|row| row.round),
            &numbers(|row| row.attempt),
            &numbers(|row| row.sends),
            &first_failures,
            &probes,
            &numbers(|row| row.check),
            &epochs,
        ],
    )
    .await?;
    Ok(())
}

/// Endpoints' records as they are written, of several of one endpoint the last.
pub(super) struct EndpointRows {
    ids: Vec<Uuid>,
    records: Vec<String>,
    disabled: Vec<bool>,
    epochs: Vec<i64>,
}

impl EndpointRows {
    pub(super) fn new(claims: &Claims, records: &[EndpointRecord]) -> Result<Self> {
        let latest: BTreeMap<EndpointId, &EndpointRecord> =
            records.iter().map(|record| (record.id, record)).collect();
        let mut rows =
            Self { ids: Vec::new(), records: Vec::new(), disabled: Vec::new(), epochs: Vec::new() };
        for (endpoint, record) in latest {
            let Some(epoch) = claims.epoch(endpoint) else { continue };
            rows.ids.push(*endpoint.as_uuid());
            rows.records.push(endpoint_record_to_json(record)?);
            rows.disabled.push(record.is_disabled());
            rows.epochs.push(epoch);
        }
        Ok(rows)
    }

    pub(super) async fn write(&self, lent: &Lent<'_>, sql: &Prepared) -> Result<()> {
        if !self.ids.is_empty() {
            lent.run(sql, &[&self.ids, &self.records, &self.disabled, &self.epochs]).await?;
        }
        Ok(())
    }
}

pub(super) async fn write_attempts(
    lent: &Lent<'_>,
    sql: &Prepared,
    claims: &Claims,
    attempts: &[(EndpointId, AttemptRow)],
) -> Result<()> {
    let claimed = attempts
        .iter()
        .filter_map(|(endpoint, row)| Some((row, (*endpoint.as_uuid(), claims.epoch(*endpoint)?))));
    let (rows, claimed): (Vec<&AttemptRow>, Vec<(Uuid, i64)>) = claimed.unzip();
    let (endpoints, epochs): (Vec<Uuid>, Vec<i64>) = claimed.into_iter().unzip();
    if rows.is_empty() {
        return Ok(());
    }
    let numbers = |column: fn(&AttemptRow) -> i64| rows.iter().map(|row| column(row)).collect::<Vec<i64>>();
    let began: Vec<Option<i64>> =
        rows.iter().map(|row| row.began.map(|at| StoreTime::floor(at).micros())).collect();
    let outcomes: Vec<&str> = rows.iter().map(|row| row.outcome.as_str()).collect();
    let statuses: Vec<Option<i32>> = rows.iter().map(|row| row.status.map(i32::from)).collect();
    let captured: Vec<Option<String>> =
        rows.iter().map(|row| row.captured.as_deref().map(without_nul)).collect();
    let details: Vec<Option<String>> =
        rows.iter().map(|row| row.detail.as_deref().map(without_nul)).collect();
    lent.run(
        sql,
        &[
            &numbers(|row| seq(row.sequence)),
            &numbers(|row| i64::from(row.send)),
            &numbers(|row| i64::from(row.round.get())),
            &numbers(|row| i64::from(row.number)),
            &began,
            &numbers(|row| StoreTime::floor(row.ended).micros()),
            &outcomes,
            &statuses,
            &captured,
            &details,
            &endpoints,
            &epochs,
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn write_notices(
    lent: &Lent<'_>,
    sql: &Prepared,
    claims: &Claims,
    notices: &[Notice],
) -> Result<()> {
    let (mut ids, mut endpoints, mut epochs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut times, mut changes) = (Vec::new(), Vec::new());
    for notice in notices {
        let Some(epoch) = claims.epoch(notice.endpoint) else { continue };
        ids.push(notice.id);
        endpoints.push(*notice.endpoint.as_uuid());
        times.push(StoreTime::floor(notice.at).micros());
        changes.push(Notice::change_to_text(notice.change));
        epochs.push(epoch);
    }
    if !ids.is_empty() {
        lent.run(sql, &[&ids, &endpoints, &times, &changes, &epochs]).await?;
    }
    Ok(())
}

/// PostgreSQL's text has no NUL, and what an endpoint answers must not keep the rest from being written.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(super) async fn drop_commands(
    lent: &Lent<'_>,
    sql: &Prepared,
    claims: &Claims,
    commands: &[(EndpointId, i64)],
) -> Result<()> {
    let (mut endpoints, mut numbers, mut epochs) = (Vec::new(), Vec::new(), Vec::new());
    for (endpoint, number) in commands {
        let Some(epoch) = claims.epoch(*endpoint) else { continue };
        endpoints.push(*endpoint.as_uuid());
        numbers.push(*number);
        epochs.push(epoch);
    }
    if !numbers.is_empty() {
        lent.run(sql, &[&endpoints, &numbers, &epochs]).await?;
    }
    Ok(())
}

pub(super) async fn write_leases(
    lent: &Lent<'_>,
    sql: &Prepared,
    claims: &Claims,
    leases: BTreeMap<EndpointId, (i64, bool)>,
) -> Result<()> {
    let (mut ids, mut until, mut released, mut epochs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (endpoint, (end, is_released)) in leases {
        let Some(epoch) = claims.epoch(endpoint) else { continue };
        ids.push(*endpoint.as_uuid());
        until.push(end);
        released.push(is_released);
        epochs.push(epoch);
    }
    if !ids.is_empty() {
        lent.run(sql, &[&ids, &until, &released, &epochs]).await?;
    }
    Ok(())
}

pub(super) fn seq(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
