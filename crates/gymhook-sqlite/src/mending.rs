//! `mend` and `make_whole`: replace a lost or damaged body when the same notification is enqueued again.

use gymhook_delivery::DeliveryState;
use rusqlite::{Connection, params};
use time::UtcDateTime;

use super::error::Result;
use super::row;
use super::row::{bind_state, state_columns, state_values};
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
    sequence: u64,
    now: UtcDateTime,
) -> Result<Option<DeliveryState>> {
    let Some(held) = row::columns_by_id(connection, new.id)? else { return Ok(None) };
    let Some(record) = mended(&held, new, sequence, now) else { return Ok(None) };
    let columns = DeliveryColumns::from(&record);
    let mut update = connection.prepare_cached(concat!(
        "UPDATE gymhook_deliveries SET (",
        state_columns!(),
        ") = (",
        state_values!(),
        "), seq = ?10, event_type = ?11, enqueued_at = ?12, origin = ?13 WHERE seq = ?14"
    ))?;
    bind_state(&mut update, &columns)?;
    update.raw_bind_parameter(10, columns.sequence)?;
    update.raw_bind_parameter(11, &new.event_type)?;
    update.raw_bind_parameter(12, StoreTime::floor(now).micros())?;
    update.raw_bind_parameter(13, &new.origin)?;
    update.raw_bind_parameter(14, held.sequence)?;
    update.raw_execute()?;
    let sequences = params![held.sequence, columns.sequence];
    connection.prepare_cached("UPDATE gymhook_attempts SET seq = ?2 WHERE seq = ?1")?.execute(sequences)?;
    connection.prepare_cached("DELETE FROM gymhook_bodies WHERE seq = ?1")?.execute([held.sequence])?;
    connection
        .prepare_cached("INSERT INTO gymhook_bodies (seq, body) VALUES (?1, ?2)")?
        .execute(params![columns.sequence, new.body.as_ref()])?;
    tracing::warn!(delivery = %new.id, "a quarantined delivery has its body back, and waits again");
    Ok(Some(record.state))
}
