//! API keys of one's own callers.

use tokio_postgres::Row;

use super::connection::Lent;
use super::error::Result;
use super::row;
use crate::micros;
use crate::store::{ApiKeyRow, StoreError};

const COLUMNS: &str = "id, digest, label, writes, issued_at, revoked_at";

pub(super) async fn put(lent: Lent<'_>, key: &ApiKeyRow) -> Result<()> {
    let sql = "INSERT INTO gymhook.api_keys (id, digest, label, writes, issued_at, revoked_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET digest = excluded.digest,
        label = excluded.label, writes = excluded.writes, issued_at = excluded.issued_at, revoked_at = excluded.revoked_at";
    let digest = key.digest.as_slice();
    let (issued_at, revoked_at) = (micros::floor(key.issued_at), key.revoked_at.map(micros::floor));
    let written =
        lent.query(sql, &[&key.id, &digest, &key.label, &key.writes, &issued_at, &revoked_at]).await;
    match written {
        Ok(_) => lent.give_back().await,
        Err(failure) if failure.constraint.as_deref() == Some("api_keys_digest") => {
            Err(StoreError::Conflict { what: "an API key with this digest" }.into())
        }
        Err(failure) => Err(failure),
    }
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
