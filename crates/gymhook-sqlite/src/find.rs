//! `deliveries`: finds deliveries for a list with filters, by one statement or several.

mod access_path;
mod latest;
mod statement;

use gymhook_delivery::EndpointId;
use rusqlite::Connection;

use self::access_path::Way;
use self::latest::Latest;
use super::error::Result;
use super::queries::{logged, read_delivery};
use super::row;
use gymhook_store::{DeliveryQuery, DeliveryRow, Page, State};

pub(super) fn deliveries(connection: &Connection, query: &DeliveryQuery) -> Result<Page<DeliveryRow>> {
    let limit = query.limit as usize;
    let found = find(connection, query, Way::choose(connection, query)?)?;
    let is_last = found.sequences.len() <= limit;
    let mut select = connection.prepare_cached(&logged("seq = ?1"))?;
    let mut items = Vec::new();
    for sequence in found.sequences.iter().rev().take(limit) {
        let mut rows = select.query([sequence])?;
        // It may be purged by now.
        if let Some(row) = rows.next()? {
            items.extend(row::or_skipped(read_delivery(row))?);
        }
    }
    let next = found.sequences.iter().rev().take(limit).next_back().filter(|_| !is_last);
    Ok(Page { items, next: next.and_then(|last| u64::try_from(*last).ok()) })
}

/// One more than wanted, which tells whether there is another page.
fn find(connection: &Connection, query: &DeliveryQuery, way: Way) -> Result<Latest> {
    let mut found = Latest::new(query.limit);
    match way {
        Way::Walk => found.look(connection, query, Look::Rows)?,
        Way::Types => {
            for event_type in &query.event_types {
                found.look(connection, query, Look::Type(event_type))?;
            }
        }
        Way::Endpoints(endpoints) => {
            for endpoint in endpoints {
                found.look(connection, query, Look::Endpoint(endpoint))?;
            }
        }
    }
    Ok(found)
}

/// What one statement looks through.
#[derive(Clone, Copy, Debug)]
enum Look<'q> {
    /// All rows, one after the other.
    Rows,
    /// Those of one type, by its index.
    Type(&'q str),
    /// Those of one endpoint, by an index.
    Endpoint(EndpointId),
}

/// Whether few deliveries are in this state, as a rule: then those are found by it. What is over makes up the log.
const fn is_rare(state: State) -> bool {
    match state {
        State::Waiting | State::InFlight | State::Undeliverable | State::Quarantined | State::Unreadable => {
            true
        }
        State::Delivered | State::Cancelled => false,
    }
}

#[cfg(test)]
mod tests;
