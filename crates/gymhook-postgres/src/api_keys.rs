//! API keys of your own callers.

use time::UtcDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::{Failure, Result};
use super::row;
use super::values::Values;
use gymhook_store::StoreTime;
use gymhook_store::{ApiKeyRotation, ApiKeyRow, StoreError};

const COLUMNS: &str = "id, digest, label, writes, issued_at, revoked_at";

pub(super) async fn put(lent: Lent<'_>, key: &ApiKeyRow) -> Result<()> {
    let sql = "INSERT INTO gymhook.api_keys AS k (id, digest, label, writes, issued_at, revoked_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET digest = excluded.digest,
        label = excluded.label, writes = excluded.writes, issued_at = excluded.issued_at,
        revoked_at = least(k.revoked_at, excluded.revoked_at)";
    let digest = key.digest.as_slice();
    let (issued_at, revoked_at) =
        (StoreTime::floor(key.issued_at).micros(), key.revoked_at.map(|at| StoreTime::floor(at).micros()));
    let written =
        lent.query(sql, &[&key.id, &digest, &key.label, &key.writes, &issued_at, &revoked_at]).await;
    written.map_err(or_conflict)?;
    lent.give_back().await
}

fn or_conflict(failure: Failure) -> Failure {
    if failure.constraint.as_deref() == Some("api_keys_digest") {
        return StoreError::Conflict { what: "an API key with this digest" }.into();
    }
    failure
}

/// Whoever waits for another one's change looks at the condition again when that has committed.
pub(super) async fn rotate(lent: Lent<'_>, rotation: &ApiKeyRotation) -> Result<Option<ApiKeyRow>> {
    let sql = "WITH ended AS (
            UPDATE gymhook.api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING label, writes
        )
        INSERT INTO gymhook.api_keys (id, digest, label, writes, issued_at)
        SELECT $3, $4, label, writes, $5 FROM ended RETURNING label, writes";
    let (ends, issued_at) =
        (StoreTime::floor(rotation.old_ends).micros(), StoreTime::floor(rotation.issued_at).micros());
    let digest = rotation.digest.as_slice();
    let values: Values<'_> = &[&rotation.old, &ends, &rotation.id, &digest, &issued_at];
    let rows = lent.query(sql, values).await.map_err(or_conflict)?;
    lent.give_back().await?;
    let Some(read) = rows.first() else { return Ok(None) };
    Ok(Some(rotation.successor(read.try_get(0)?, read.try_get(1)?)))
}

pub(super) async fn revoke(lent: Lent<'_>, id: Uuid, at: UtcDateTime) -> Result<bool> {
    let sql = "UPDATE gymhook.api_keys SET revoked_at = least(revoked_at, $2) WHERE id = $1 RETURNING id";
    let rows = lent.query(sql, &[&id, &StoreTime::floor(at).micros()]).await?;
    lent.give_back().await?;
    Ok(!rows.is_empty())
}

pub(super) async fn by_digest(lent: Lent<'_>, digest: [u8; 32]) -> Result<Option<ApiKeyRow>> {
    let sql = format!("SELECT {COLUMNS} FROM gymhook.api_keys WHERE digest = $1");
    let rows = lent.query(&sql, &[&digest.as_slice()]).await?;
    lent.give_back().await?;
    rows.first().map(read).transpose()
}

pub(super) async fn all(lent: Lent<'_>) -> Result<Vec<ApiKeyRow>> {
    let rows =
        lent.query(&format!("SELECT {COLUMNS} FROM gymhook.api_keys ORDER BY issued_at, id"), &[]).await?;
    lent.give_back().await?;
    rows.iter().map(read).collect()
}

fn read(found: &Row) -> Result<ApiKeyRow> {
    let digest: &[u8] = found.try_get(1)?;
    let damaged = |_| StoreError::Damaged { problem: "an API key's digest".to_owned() };
    Ok(ApiKeyRow {
        id: found.try_get(0)?,
        digest: digest.try_into().map_err(damaged)?,
        label: found.try_get(2)?,
        writes: found.try_get(3)?,
        issued_at: row::time(found.try_get(4)?)?,
        revoked_at: found.try_get::<_, Option<i64>>(5)?.map(row::time).transpose()?,
    })
}
