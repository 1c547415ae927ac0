//! `fetch`: reads the due deliveries, the due test events and the commands of leased endpoints, page by page.

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId};
use rusqlite::{Connection, params};
use time::UtcDateTime;

use super::error::Result;
use super::row::{self, DELIVERY};
use gymhook_store::StoreTime;
use gymhook_store::{Command, Cursor, Fetch, Fetched, PendingCommand};

/// What was fetched, and the rows that could not be read.
pub(super) fn fetch(
    connection: &Connection,
    wanted: &[Fetch],
    now: UtcDateTime,
) -> Result<(Vec<Fetched>, Vec<i64>)> {
    let mut damaged = Vec::new();
    let fetched =
        wanted.iter().map(|fetch| fetch_one(connection, fetch, now, &mut damaged)).collect::<Result<_>>()?;
    Ok((fetched, damaged))
}

fn fetch_one(
    connection: &Connection,
    fetch: &Fetch,
    now: UtcDateTime,
    damaged: &mut Vec<i64>,
) -> Result<Fetched> {
    let before = damaged.len();
    let (deliveries, more) = waiting(connection, fetch, now, damaged)?;
    let tests = tests(connection, fetch.endpoint, now, damaged)?;
    let next_due = if fetch.ordered { None } else { next_due(connection, fetch.endpoint, now)? };
    let commands = commands(connection, fetch.endpoint, now)?;
    let quarantined = (damaged.len() - before) as u64;
    Ok(Fetched { endpoint: fetch.endpoint, deliveries, tests, more, next_due, commands, quarantined })
}

/// Test events, which `gymhook_deliveries_tests` finds whatever waits before them.
pub(super) const TESTS: &str = "FROM gymhook_deliveries INDEXED BY gymhook_deliveries_tests
    WHERE endpoint = ?1 AND test = 1 AND state = 0 AND at <= ?2 ORDER BY at, seq LIMIT 100";

fn tests(
    connection: &Connection,
    endpoint: EndpointId,
    now: UtcDateTime,
    damaged: &mut Vec<i64>,
) -> Result<Vec<DeliveryRecord>> {
    let mut select = connection.prepare_cached(&format!("SELECT {DELIVERY} {TESTS}"))?;
    let mut tests = Vec::new();
    for found in select
        .query_map(params![endpoint.as_uuid().as_bytes(), StoreTime::floor(now).micros()], row::delivery)?
    {
        match found? {
            (_, Ok(record)) => tests.push(record),
            (sequence, Err(_)) if !damaged.contains(&sequence) => damaged.push(sequence),
            (_, Err(_)) => {}
        }
    }
    Ok(tests)
}

fn waiting(
    connection: &Connection,
    fetch: &Fetch,
    now: UtcDateTime,
    damaged: &mut Vec<i64>,
) -> Result<(Vec<DeliveryRecord>, Option<Cursor>)> {
    if fetch.limit == 0 {
        return Ok((Vec::new(), fetch.after));
    }
    let endpoint = fetch.endpoint.as_uuid().as_bytes();
    let sequence = fetch.after.map_or(-1, |after| i64::try_from(after.sequence).unwrap_or(i64::MAX));
    let mut read = Vec::new();
    if fetch.ordered {
        // The first one is found by state; from there on, nearly every row of the endpoint waits.
        let first =
            "SELECT max(?2, ifnull(min(seq), 0)) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 0";
        let after = sequence.saturating_add(1);
        let from: i64 =
            connection.prepare_cached(first)?.query_row(params![endpoint, after], |row| row.get(0))?;
        let sql = format!(
            "SELECT {DELIVERY} FROM gymhook_deliveries INDEXED BY gymhook_deliveries_by_endpoint
             WHERE endpoint = ?1 AND seq >= ?2 AND state = 0 ORDER BY seq LIMIT ?3"
        );
        let mut select = connection.prepare_cached(&sql)?;
        for found in select.query_map(params![endpoint, from, fetch.limit], due_and_delivery)? {
            read.push(found?);
        }
    } else {
        let due = fetch.after.map_or(i64::MIN, |after| StoreTime::ceil(after.due).micros());
        let sql = format!(
            "SELECT {DELIVERY} FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 0 AND at <= ?2
             AND (at, seq) > (?3, ?4) ORDER BY at, seq LIMIT ?5"
        );
        let mut select = connection.prepare_cached(&sql)?;
        let values = params![endpoint, StoreTime::floor(now).micros(), due, sequence, fetch.limit];
        for found in select.query_map(values, due_and_delivery)? {
            read.push(found?);
        }
    }
    let more = read.last().filter(|_| read.len() >= fetch.limit as usize);
    let more = more.map(|(due, sequence, _)| Cursor {
        due: StoreTime::from_micros(*due).nearest(),
        sequence: u64::try_from(*sequence).unwrap_or(0),
    });
    let mut deliveries = Vec::with_capacity(read.len());
    for (_, sequence, record) in read {
        match record {
            Ok(record) => deliveries.push(record),
            Err(_) => damaged.push(sequence),
        }
    }
    Ok((deliveries, more))
}

type DueDelivery = (i64, i64, core::result::Result<DeliveryRecord, gymhook_store::UnreadableRow>);

fn due_and_delivery(row: &rusqlite::Row<'_>) -> rusqlite::Result<DueDelivery> {
    let (sequence, record) = row::delivery(row)?;
    Ok((row.get("at")?, sequence, record))
}

fn next_due(connection: &Connection, endpoint: EndpointId, now: UtcDateTime) -> Result<Option<UtcDateTime>> {
    let sql = "SELECT min(at) FROM gymhook_deliveries WHERE endpoint = ?1 AND state = 0 AND at > ?2";
    let mut select = connection.prepare_cached(sql)?;
    let values = params![endpoint.as_uuid().as_bytes(), StoreTime::floor(now).micros()];
    let due: Option<i64> = select.query_row(values, |row| row.get(0))?;
    Ok(due.map(|at| StoreTime::from_micros(at).nearest()))
}

fn read_command(row: &rusqlite::Row<'_>) -> Option<Command> {
    let (name, delivery): (String, Option<[u8; 16]>) = (row.get(1).ok()?, row.get(2).ok()?);
    Command::from_parts(&name, delivery.map(|id| DeliveryId::from(uuid::Uuid::from_bytes(id))))
}

fn commands(connection: &Connection, endpoint: EndpointId, now: UtcDateTime) -> Result<Vec<PendingCommand>> {
    let mut select = connection.prepare_cached(
        "SELECT number, name, delivery FROM gymhook_commands WHERE endpoint = ?1 AND due <= ?2
         ORDER BY number LIMIT 10000",
    )?;
    let values = params![endpoint.as_uuid().as_bytes(), StoreTime::floor(now).micros()];
    let mut commands = Vec::new();
    for found in select.query_map(values, |row| Ok((row.get(0)?, read_command(row))))? {
        let (number, command) = found?;
        let Some(command) = command else {
            tracing::error!(number, "a command cannot be read: it is skipped");
            continue;
        };
        let record = match command.delivery() {
            Some(delivery) => row::delivery_by_id(connection, delivery)?.and_then(|(_, record)| record.ok()),
            None => None,
        };
        commands.push(PendingCommand { number, command, delivery: record });
    }
    Ok(commands)
}
