//! API keys of your own callers.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use time::UtcDateTime;
use uuid::Uuid;

use super::error::Result;
use super::row;
use gymhook_store::StoreTime;
use gymhook_store::{ApiKeyRotation, ApiKeyRow, StoreError};

pub(super) fn put(connection: &Connection, key: &ApiKeyRow) -> Result<()> {
    let digest_taken = connection
        .prepare_cached("SELECT 1 FROM gymhook_api_keys WHERE digest = ?1 AND id <> ?2")?
        .exists(params![key.digest, key.id.as_bytes()])?;
    if digest_taken {
        return Err(StoreError::Conflict { what: "an API key with this digest" }.into());
    }
    connection
        .prepare_cached(
            "INSERT INTO gymhook_api_keys (id, digest, label, writes, issued_at, revoked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET digest = excluded.digest,
             label = excluded.label, writes = excluded.writes, issued_at = excluded.issued_at,
             revoked_at = min(ifnull(revoked_at, excluded.revoked_at), ifnull(excluded.revoked_at, revoked_at))",
        )?
        .execute(params![
            key.id.as_bytes(),
            key.digest,
            key.label,
            key.writes,
            StoreTime::floor(key.issued_at).micros(),
            key.revoked_at.map(|at| StoreTime::floor(at).micros()),
        ])?;
    Ok(())
}

/// Two statements, which are one step in the writer's transaction.
pub(super) fn rotate(connection: &Connection, rotation: &ApiKeyRotation) -> Result<Option<ApiKeyRow>> {
    let ended = connection
        .prepare_cached(
            "UPDATE gymhook_api_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL RETURNING label, writes",
        )?
        .query_row(params![rotation.old.as_bytes(), StoreTime::floor(rotation.old_ends).micros()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((label, writes)) = ended else { return Ok(None) };
    let successor = rotation.successor(label, writes);
    put(connection, &successor)?;
    Ok(Some(successor))
}

pub(super) fn revoke(connection: &Connection, id: Uuid, at: UtcDateTime) -> Result<bool> {
    let revoked = connection
        .prepare_cached(
            "UPDATE gymhook_api_keys SET revoked_at = min(ifnull(revoked_at, ?2), ?2) WHERE id = ?1",
        )?
        .execute(params![id.as_bytes(), StoreTime::floor(at).micros()])?;
    Ok(revoked > 0)
}

pub(super) fn by_digest(connection: &Connection, digest: [u8; 32]) -> Result<Option<ApiKeyRow>> {
    let sql =
        "SELECT id, digest, label, writes, issued_at, revoked_at FROM gymhook_api_keys WHERE digest = ?1";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([digest])?;
    rows.next()?.map(read).transpose()
}

pub(super) fn all(connection: &Connection) -> Result<Vec<ApiKeyRow>> {
    let sql = "SELECT id, digest, label, writes, issued_at, revoked_at FROM gymhook_api_keys ORDER BY issued_at, id";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(read(row)?);
    }
    Ok(keys)
}

fn read(row: &Row<'_>) -> Result<ApiKeyRow> {
    Ok(ApiKeyRow {
        id: row::id(row, 0)?,
        digest: row.get(1)?,
        label: row.get(2)?,
        writes: row.get(3)?,
        issued_at: row::time(row.get(4)?)?,
        revoked_at: row.get::<_, Option<i64>>(5)?.map(row::time).transpose()?,
    })
}
