//! `Way`: chooses how deliveries are found, through which index, or by reading the whole log, by counting the entries
//! of each index.

use gymhook_delivery::EndpointId;
use gymhook_store::DeliveryQuery;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::is_rare;
use crate::error::Result;
use crate::row;

/// How the deliveries that a query asks for are found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a walk through all rows from the latest on, until a page is full.
    Walk,
    /// By the index of types, one type after the other.
    Types,
    /// By an index of endpoints, one endpoint after the other.
    Endpoints(Vec<EndpointId>),
}

/// Row by row, each is read eight times as fast as through an index, whose rows lie apart.
const ROWS_PER_INDEX_LOOKUP: i64 = 8;

impl Way {
    /// The one that reads the least if no page gets full.
    ///
    /// What an index answers by itself it answers. Otherwise the rows that each index leads to are counted, as far as it could
    /// be the fastest: to an eighth of the log, since from there on the walk is faster.
    pub(super) fn choose(connection: &Connection, query: &DeliveryQuery) -> Result<Self> {
        let is_rare = query.state.is_some_and(is_rare);
        let looks_at_rows = query.state.is_some() || query.from.is_some() || query.until.is_some();
        let endpoints = endpoints(connection, query)?;
        match endpoints {
            Some(endpoints) if is_rare || (query.event_types.is_empty() && !looks_at_rows) => {
                return Ok(Self::Endpoints(endpoints));
            }
            None if query.event_types.is_empty() => return Ok(Self::Walk),
            None if !looks_at_rows => return Ok(Self::Types),
            Some(_) | None => {}
        }
        let enough = rows(connection)? / ROWS_PER_INDEX_LOOKUP;
        let of_types = match query.event_types.as_slice() {
            [] => enough,
            types => count(connection, OF_TYPE, types.iter().cloned().map(Value::from), enough)?,
        };
        if let Some(endpoints) = endpoints {
            let ids = endpoints.iter().map(|id| Value::Blob(id.as_uuid().as_bytes().to_vec()));
            if count(connection, OF_ENDPOINT, ids, of_types)? < of_types {
                return Ok(Self::Endpoints(endpoints));
            }
        }
        Ok(if of_types < enough { Self::Types } else { Self::Walk })
    }
}

/// How many rows a walk goes through, if few of them were purged.
fn rows(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached(ROWS)?.query_row([], |row| row.get(0))?)
}

/// Each end is looked up; both in one query would read the whole table.
pub(super) const ROWS: &str = "SELECT coalesce((SELECT max(seq) FROM gymhook_deliveries) - (SELECT min(seq) FROM gymhook_deliveries) + 1, 0)";

pub(super) const OF_TYPE: &str = "INDEXED BY gymhook_deliveries_by_type WHERE event_type = ?1";
pub(super) const OF_ENDPOINT: &str = "INDEXED BY gymhook_deliveries_by_endpoint WHERE endpoint = ?1";

/// How many rows an index leads to for all of these values, or `enough` if that many are there.
fn count(
    connection: &Connection,
    of_one: &str,
    values: impl Iterator<Item = Value>,
    enough: i64,
) -> Result<i64> {
    let mut select = connection.prepare_cached(&counting(of_one))?;
    let mut found = 0;
    for value in values {
        if found >= enough {
            break;
        }
        found += select.query_row((value, enough - found), |row| row.get::<_, i64>(0))?;
    }
    Ok(found)
}

pub(super) fn counting(of_one: &str) -> String {
    format!("SELECT count(*) FROM (SELECT 1 FROM gymhook_deliveries {of_one} LIMIT ?2)")
}

/// Whose deliveries are to be looked through, one after the other; `None` if everybody's.
fn endpoints(connection: &Connection, query: &DeliveryQuery) -> Result<Option<Vec<EndpointId>>> {
    let of_gym = |condition: &str, value: Value| -> Result<Vec<EndpointId>> {
        let sql = format!("SELECT id FROM gymhook_subscriptions WHERE {condition}");
        let mut select = connection.prepare_cached(&sql)?;
        let mut endpoints = Vec::new();
        for endpoint in select.query_map([value], |found| row::id_or_skipped(found, 0))? {
            endpoints.extend(endpoint?.map(EndpointId::from));
        }
        Ok(endpoints)
    };
    match (query.endpoint, &query.gym) {
        (Some(endpoint), None) => Ok(Some(vec![endpoint])),
        (wanted, Some(gym)) => {
            let mut endpoints = of_gym("gym = ?1", Value::from(gym.clone()))?;
            endpoints.retain(|endpoint| wanted.is_none_or(|wanted| wanted == *endpoint));
            Ok(Some(endpoints))
        }
        (None, None) if query.state.is_some_and(is_rare) => Ok(Some(of_gym("?1", Value::from(1))?)),
        (None, None) => Ok(None),
    }
}
