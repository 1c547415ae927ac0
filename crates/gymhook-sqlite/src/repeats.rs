//! `end_windows` and `first`: recognise, by its fingerprint, a repeat that has another id.

use gymhook_delivery::{DeliveryId, EndpointId};
use rusqlite::{Connection, OptionalExtension as _, params};
use time::UtcDateTime;

use super::error::Result;
use super::row;
use gymhook_store::{NewNotification, RepeatCheck};

pub(super) const END_WINDOWS: &str = "UPDATE gymhook_deliveries SET fingerprint = NULL
    WHERE endpoint = ?1 AND fingerprint = ?2 AND (enqueued_at <= ?3 OR state = 5)";

pub(super) const FIRST: &str =
    "SELECT seq, id, digest FROM gymhook_deliveries WHERE endpoint = ?1 AND fingerprint = ?2";

/// Takes the fingerprint from the one that has it, if its window is over, or its row is quarantined.
pub(super) fn end_windows(
    connection: &Connection,
    endpoint: EndpointId,
    check: &RepeatCheck,
    now: UtcDateTime,
) -> Result<()> {
    connection.prepare_cached(END_WINDOWS)?.execute(params![
        endpoint.as_uuid().as_bytes(),
        check.fingerprint,
        check.before_window(now)
    ])?;
    Ok(())
}

/// The one that a new one repeats.
pub(super) struct First {
    pub(super) sequence: i64,
    pub(super) delivery: DeliveryId,
    /// As it is there: a damaged one has any length.
    pub(super) digest: Vec<u8>,
}

pub(super) fn first(connection: &Connection, new: &NewNotification) -> Result<Option<First>> {
    let Some(check) = &new.repeat_check else { return Ok(None) };
    let mut select = connection.prepare_cached(FIRST)?;
    let values = params![new.endpoint.as_uuid().as_bytes(), check.fingerprint];
    let read = |found: &rusqlite::Row<'_>| {
        Ok(First { sequence: found.get(0)?, delivery: row::id(found, 1)?.into(), digest: found.get(2)? })
    };
    Ok(select.query_row(values, read).optional()?)
}
