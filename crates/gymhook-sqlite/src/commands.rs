//! Stores commands for the workers of endpoints: `command` any, and `redeliver` one for each delivery that ended.

use gymhook_delivery::{DeliveryId, EndpointId};
use rusqlite::{Connection, params};
use time::UtcDateTime;

use super::enqueue::KnownEndpoints;
use super::error::Result;
use super::row;
use gymhook_store::{Command, Redelivery, State, StoreTime};

pub(super) fn command(
    connection: &Connection,
    commands: &[(EndpointId, Command)],
    due: UtcDateTime,
) -> Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO gymhook_commands (endpoint, due, name, delivery) SELECT ?1, ?2, ?3, ?4
         WHERE EXISTS (SELECT 1 FROM gymhook_subscriptions WHERE id = ?1 AND deleted_at IS NULL)",
    )?;
    for (endpoint, command) in commands {
        let delivery = command.delivery();
        let delivery = delivery.as_ref().map(|delivery| delivery.as_uuid().as_bytes());
        insert.execute(params![
            endpoint.as_uuid().as_bytes(),
            StoreTime::ceil(due).micros(),
            command.name(),
            delivery
        ])?;
    }
    Ok(())
}

pub(super) fn redeliver(connection: &Connection, which: &Redelivery, now: UtcDateTime) -> Result<u64> {
    if !KnownEndpoints::default().has(connection, which.endpoint)? {
        return Ok(0);
    }
    let states = if which.undeliverable_only {
        vec![State::Undeliverable]
    } else {
        vec![State::Delivered, State::Undeliverable, State::Cancelled]
    };
    let mut found = Vec::new();
    let mut select = connection.prepare_cached(
        "SELECT seq, id FROM gymhook_deliveries WHERE endpoint = ?1 AND state = ?2 AND at >= ?3 AND at < ?4",
    )?;
    let until = which.until.map_or(i64::MAX, |at| StoreTime::ceil(at).micros());
    for state in states {
        let bounds = params![
            which.endpoint.as_uuid().as_bytes(),
            state.code(),
            StoreTime::ceil(which.from).micros(),
            until
        ];
        let rows =
            select.query_map(bounds, |row| Ok((row.get::<_, i64>(0)?, row::id_or_skipped(row, 1)?)))?;
        for row in rows {
            let (sequence, id) = row?;
            found.extend(id.map(|id| (sequence, id)));
        }
    }
    found.sort_unstable_by_key(|(sequence, _)| *sequence);
    let again = |(_, id)| (which.endpoint, Command::Redeliver(DeliveryId::from(id)));
    let commands: Vec<(EndpointId, Command)> = found.into_iter().map(again).collect();
    command(connection, &commands, now)?;
    Ok(commands.len() as u64)
}
