//! Bodies that were lost or damaged, and whoever enqueues the same bytes again.

use gymhook_delivery::DeliveryState;
use rusqlite::{Connection, params};
use time::UtcDateTime;

use super::error::Result;
use super::row;
use gymhook_store::StoreTime;
use gymhook_store::mended;
use gymhook_store::{DeliveryColumns, NewNotification};

/// Gives a delivery its body if that is missing or damaged. Its digest has said that the bytes are the same, and whoever
/// enqueues it again may be the last one to have them.
pub(super) fn make_whole(connection: &Connection, sequence: i64, new: &NewNotification) -> Result<()> {
    let healed = connection
        .prepare_cached(
            "INSERT INTO gymhook_bodies (seq, body) VALUES (?1, ?2)
             ON CONFLICT (seq) DO UPDATE SET body = excluded.body WHERE body IS NOT excluded.body",
        )?
        .execute(params![sequence, new.body.as_ref()])?;
    if healed > 0 {
        tracing::error!(delivery = %new.id, "a delivery's body was missing or damaged: it was restored by enqueueing again");
    }
    Ok(())
}

/// Has a delivery that was quarantined for its body wait again. Returns its state if it was.
pub(super) fn mend(
    connection: &Connection,
    new: &NewNotification,
    order: u64,
    now: UtcDateTime,
) -> Result<Option<DeliveryState>> {
    let Some(held) = row::columns_by_id(connection, new.id)? else { return Ok(None) };
    let Some(record) = mended(&held, new, order, now) else { return Ok(None) };
    let columns = DeliveryColumns::from(&record);
    connection
        .prepare_cached(
            "UPDATE gymhook_deliveries SET seq = ?2, event_type = ?3, enqueued_at = ?4, state = ?5, at = ?6, code = ?7,
             round = ?8, attempt = ?9, sends = ?10, first_failure = ?11, probe = ?12, check_sum = ?13, origin = ?14
             WHERE seq = ?1",
        )?
        .execute(params![
            held.order,
            columns.order,
            new.event_type,
            StoreTime::floor(now).micros(),
            columns.state,
            columns.at,
            columns.code,
            columns.round,
            columns.attempt,
            columns.sends,
            columns.first_failure,
            columns.probe,
            columns.check,
            new.origin,
        ])?;
    let orders = params![held.order, columns.order];
    connection.prepare_cached("UPDATE gymhook_attempts SET seq = ?2 WHERE seq = ?1")?.execute(orders)?;
    connection.prepare_cached("DELETE FROM gymhook_bodies WHERE seq = ?1")?.execute([held.order])?;
    connection
        .prepare_cached("INSERT INTO gymhook_bodies (seq, body) VALUES (?1, ?2)")?
        .execute(params![columns.order, new.body.as_ref()])?;
    tracing::warn!(delivery = %new.id, "a quarantined delivery has its body back, and waits again");
    Ok(Some(record.state))
}
