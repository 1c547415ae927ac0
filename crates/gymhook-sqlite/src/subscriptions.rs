//! Writes, lists and deletes subscriptions: `put` and `delete` on a condition, and `list` by page.

use gymhook_delivery::EndpointId;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use time::UtcDateTime;

use super::commands;
use super::error::Result;
use super::{commit, lease, row};
use gymhook_store::{
    Command, DeleteCondition, Direction, Page, StoreTime, SubscriptionQuery, SubscriptionRow, WriteCondition,
    end_under_way, endpoint_record_to_json,
};

pub(super) fn put(
    connection: &Connection,
    new: &SubscriptionRow,
    condition: &WriteCondition,
    now: UtcDateTime,
) -> Result<bool> {
    let is_written = match condition {
        WriteCondition::Always | WriteCondition::New | WriteCondition::SameGym => {
            create_or_replace(connection, new, condition)?
        }
        WriteCondition::Unchanged(read) => replace_unchanged(connection, new, read)?,
    };
    if is_written && was_leased(connection, new.id)? {
        commands::command(connection, &[(new.id, Command::Reload)], now)?;
    }
    Ok(is_written)
}

/// Whether any worker has read this subscription to send for it.
fn was_leased(connection: &Connection, id: EndpointId) -> Result<bool> {
    let mut select =
        connection.prepare_cached("SELECT 1 FROM gymhook_subscriptions WHERE id = ?1 AND lease_epoch > 0")?;
    Ok(select.exists([id.as_uuid().as_bytes()])?)
}

fn create_or_replace(
    connection: &Connection,
    new: &SubscriptionRow,
    condition: &WriteCondition,
) -> Result<bool> {
    let written = connection
        .prepare_cached(
            "INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record, disabled, incoming, url, platform)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE
             SET gym = excluded.gym, platform = excluded.platform, settings = excluded.settings, secrets = excluded.secrets,
                 url = excluded.url
             WHERE deleted_at IS NULL AND incoming = excluded.incoming AND ?10 AND (?11 OR gym = excluded.gym)",
        )?
        .execute(params![
            new.id.as_uuid().as_bytes(),
            new.gym,
            new.settings,
            new.target.secrets(),
            endpoint_record_to_json(&new.record)?,
            new.record.is_disabled(),
            new.direction() == Direction::Incoming,
            new.target.url(),
            new.platform,
            *condition != WriteCondition::New,
            *condition != WriteCondition::SameGym,
        ])?;
    Ok(written > 0)
}

/// If its configuration is still the one that was read.
fn replace_unchanged(connection: &Connection, new: &SubscriptionRow, read: &SubscriptionRow) -> Result<bool> {
    if read.id != new.id {
        return Ok(false);
    }
    let written = connection
        .prepare_cached(
            "UPDATE gymhook_subscriptions
             SET gym = ?2, platform = ?3, settings = ?4, secrets = ?5, url = ?6
             WHERE id = ?1 AND deleted_at IS NULL AND incoming = ?7
             AND gym = ?8 AND platform = ?9 AND settings = ?10 AND secrets IS ?11 AND url IS ?12",
        )?
        .execute(params![
            new.id.as_uuid().as_bytes(),
            new.gym,
            new.platform,
            new.settings,
            new.target.secrets(),
            new.target.url(),
            new.direction() == Direction::Incoming,
            read.gym,
            read.platform,
            read.settings,
            read.target.secrets(),
            read.target.url(),
        ])?;
    Ok(written > 0)
}

pub(super) fn delete(
    connection: &Connection,
    id: EndpointId,
    condition: &DeleteCondition,
    now: UtcDateTime,
) -> Result<bool> {
    let deleted = match condition {
        DeleteCondition::Always => connection
            .prepare_cached(
                "UPDATE gymhook_subscriptions SET deleted_at = ?2, lease_until = min(lease_until, ?2)
                 WHERE id = ?1 AND deleted_at IS NULL",
            )?
            .execute(params![id.as_uuid().as_bytes(), StoreTime::floor(now).micros()])?,
        DeleteCondition::Unchanged(read) => delete_unchanged(connection, id, read, now)?,
    };
    if deleted == 0 {
        return Ok(false);
    }
    connection
        .prepare_cached("DELETE FROM gymhook_commands WHERE endpoint = ?1")?
        .execute([id.as_uuid().as_bytes()])?;
    let (under_way, damaged) = lease::left_under_way(connection, id)?;
    row::quarantine(connection, &damaged)?;
    let end = |record| {
        let (ended, attempt) = end_under_way(record, now);
        (ended, (id, attempt))
    };
    let (records, attempts): (Vec<_>, Vec<_>) = under_way.iter().map(end).unzip();
    commit::rows::write_deliveries(connection, records.iter())?;
    commit::rows::write_attempts(connection, attempts.iter())?;
    Ok(true)
}

/// If its configuration is still the one that was read.
fn delete_unchanged(
    connection: &Connection,
    id: EndpointId,
    read: &SubscriptionRow,
    now: UtcDateTime,
) -> Result<usize> {
    if read.id != id {
        return Ok(0);
    }
    let deleted = connection
        .prepare_cached(
            "UPDATE gymhook_subscriptions SET deleted_at = ?2, lease_until = min(lease_until, ?2)
             WHERE id = ?1 AND deleted_at IS NULL AND incoming = ?3
             AND gym = ?4 AND platform = ?5 AND settings = ?6 AND secrets IS ?7 AND url IS ?8",
        )?
        .execute(params![
            id.as_uuid().as_bytes(),
            StoreTime::floor(now).micros(),
            read.direction() == Direction::Incoming,
            read.gym,
            read.platform,
            read.settings,
            read.target.secrets(),
            read.target.url(),
        ])?;
    Ok(deleted)
}

pub(super) fn list(
    connection: &Connection,
    query: &SubscriptionQuery,
) -> Result<Page<SubscriptionRow, EndpointId>> {
    let after =
        query.after.map_or(Value::Blob(Vec::new()), |id| Value::Blob(id.as_uuid().as_bytes().to_vec()));
    let most = (query.limit as usize).saturating_add(1);
    let found = match &query.gym {
        Some(gym) => {
            let condition =
                "gym = ?1 AND id > ?2 AND (?3 IS NULL OR platform = ?3) AND deleted_at IS NULL ORDER BY id";
            row::subscriptions(connection, condition, params![gym, after, query.platform], most)
        }
        None => {
            let condition = "id > ?1 AND (?2 IS NULL OR platform = ?2) AND deleted_at IS NULL ORDER BY id";
            row::subscriptions(connection, condition, params![after, query.platform], most)
        }
    }?;
    Ok(Page::cut(found, query.limit, |last: &SubscriptionRow| last.id))
}
