//! `kept` and `forget`: find bodies that were kept because they could not be read, and delete one that has been read
//! again.

use gymhook_delivery::DeliveryId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Result;
use gymhook_store::{NewNotification, State};

/// Where this one is kept already, under its id.
pub(super) fn kept(connection: &Connection, new: &NewNotification) -> Result<Option<i64>> {
    if !new.unreadable {
        return Ok(None);
    }
    let mut select = connection.prepare_cached(
        "SELECT seq FROM gymhook_deliveries WHERE id = ?1 AND endpoint = ?2 AND digest = ?3 AND state = ?4",
    )?;
    let (id, endpoint, digest) = (new.id.as_uuid(), new.endpoint.as_uuid(), new.digest());
    let values = params![id.as_bytes(), endpoint.as_bytes(), digest.as_bytes(), State::Unreadable.code()];
    Ok(select.query_row(values, |row| row.get(0)).optional()?)
}

/// Forgets one that was read, if there is one.
pub(super) fn forget(connection: &Connection, kept: Option<DeliveryId>) -> Result<()> {
    let Some(kept) = kept else { return Ok(()) };
    let sequence: Option<i64> = connection
        .prepare_cached("DELETE FROM gymhook_deliveries WHERE id = ?1 AND state = ?2 RETURNING seq")?
        .query_row(params![kept.as_uuid().as_bytes(), State::Unreadable.code()], |row| row.get(0))
        .optional()?;
    if let Some(sequence) = sequence {
        connection.prepare_cached("DELETE FROM gymhook_bodies WHERE seq = ?1")?.execute([sequence])?;
    }
    Ok(())
}
