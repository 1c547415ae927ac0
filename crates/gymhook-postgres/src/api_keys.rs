//! Writes, rotates, revokes, finds and lists the API keys of your own callers.

use time::UtcDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::{Failure, Result};
use super::row;
use super::values::{Value, Values, has_nul};
use gymhook_store::StoreTime;
use gymhook_store::{ApiKeyOwner, ApiKeyQuery, ApiKeyRights, ApiKeyRotation, ApiKeyRow, Page, StoreError};

/// A key's rights. A process of version 6 writes only whether a key writes, and goes on while others are of version 7.
macro_rules! rights {
    () => {
        "coalesce(rights, CASE WHEN writes THEN 2 ELSE 0 END)::smallint"
    };
}

/// The columns of a key, in the order in which [`read`] reads them.
const COLUMNS: &str = concat!("id, digest, label, ", rights!(), ", issued_at, revoked_at, gym");

pub(super) async fn put(lent: Lent<'_>, key: &ApiKeyRow) -> Result<()> {
    let sql = "INSERT INTO gymhook.api_keys AS k (id, digest, label, writes, issued_at, revoked_at, gym, rights)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET digest = excluded.digest,
        gym = excluded.gym, label = excluded.label, writes = excluded.writes, rights = excluded.rights, issued_at = excluded.issued_at,
        revoked_at = least(k.revoked_at, excluded.revoked_at)";
    let digest = key.digest.as_slice();
    let (issued_at, revoked_at) =
        (StoreTime::floor(key.issued_at).micros(), key.revoked_at.map(|at| StoreTime::floor(at).micros()));
    let gym = key.owner.gym().map(str::to_owned);
    let (writes, rights) = (key.rights >= ApiKeyRights::Write, key.rights.code());
    let values: Values<'_> = &[&key.id, &digest, &key.label, &writes, &issued_at, &revoked_at, &gym, &rights];
    let written = lent.query(sql, values).await;
    written.map_err(or_conflict)?;
    lent.give_back().await
}

fn or_conflict(failure: Failure) -> Failure {
    let what = match failure.constraint.as_deref() {
        Some("api_keys_digest") => "an API key with this digest",
        Some("api_keys_pkey") => "an API key with this id",
        _ => return failure,
    };
    StoreError::Conflict { what }.into()
}

/// Whoever waits for another one's change looks at the condition again when that has committed.
pub(super) async fn rotate(lent: Lent<'_>, rotation: &ApiKeyRotation) -> Result<Option<ApiKeyRow>> {
    let sql = concat!(
        "WITH ended AS (
            UPDATE gymhook.api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL
            RETURNING label, writes, gym, ",
        rights!(),
        " AS rights
        )
        INSERT INTO gymhook.api_keys (id, digest, label, writes, issued_at, gym, rights)
        SELECT $3, $4, label, writes, $5, gym, rights FROM ended RETURNING label, rights, gym"
    );
    let (ends, issued_at) =
        (StoreTime::floor(rotation.old_ends).micros(), StoreTime::floor(rotation.issued_at).micros());
    let digest = rotation.digest.as_slice();
    let values: Values<'_> = &[&rotation.old, &ends, &rotation.id, &digest, &issued_at];
    let rows = lent.query(sql, values).await.map_err(or_conflict)?;
    lent.give_back().await?;
    let Some(read) = rows.first() else { return Ok(None) };
    let owner = ApiKeyOwner::from_gym(read.try_get(2)?);
    Ok(Some(rotation.successor(owner, read.try_get(0)?, ApiKeyRights::read(read.try_get(1)?)?)))
}

pub(super) async fn revoke(lent: Lent<'_>, id: Uuid, at: UtcDateTime) -> Result<bool> {
    let sql = "UPDATE gymhook.api_keys SET revoked_at = least(revoked_at, $2) WHERE id = $1 RETURNING id";
    let rows = lent.query(sql, &[&id, &StoreTime::floor(at).micros()]).await?;
    lent.give_back().await?;
    Ok(!rows.is_empty())
}

pub(super) async fn by_id(lent: Lent<'_>, id: Uuid) -> Result<Option<ApiKeyRow>> {
    let sql = format!("SELECT {COLUMNS} FROM gymhook.api_keys WHERE id = $1");
    let rows = lent.query(&sql, &[&id]).await?;
    lent.give_back().await?;
    rows.first().map(read).transpose()
}

pub(super) async fn by_digest(lent: Lent<'_>, digest: [u8; 32]) -> Result<Option<ApiKeyRow>> {
    let sql = format!("SELECT {COLUMNS} FROM gymhook.api_keys WHERE digest = $1");
    let rows = lent.query(&sql, &[&digest.as_slice()]).await?;
    lent.give_back().await?;
    rows.first().map(read).transpose()
}

/// Only what is asked for is in the statement, so that each has a plan of its own.
pub(super) async fn list(lent: Lent<'_>, query: &ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>> {
    if has_nul([query.gym.as_deref()]) {
        lent.give_back().await?;
        return Ok(Page { items: Vec::new(), next: None });
    }
    // One more tells whether there is another page.
    let most = i64::from(query.limit) + 1;
    let mut values: Vec<&dyn Value> = vec![&most];
    let mut conditions = "true".to_owned();
    let mut of_gym = String::new();
    if let Some(gym) = &query.gym {
        values.push(gym);
        of_gym = format!(" AND gym = ${}", values.len());
        conditions += &of_gym;
    }
    if let Some(after) = &query.after {
        values.push(after);
        conditions += &format!(
            " AND (issued_at, id) > (SELECT issued_at, id FROM gymhook.api_keys WHERE id = ${}{of_gym})",
            values.len()
        );
    }
    let sql =
        format!("SELECT {COLUMNS} FROM gymhook.api_keys WHERE {conditions} ORDER BY issued_at, id LIMIT $1");
    let rows = lent.query(&sql, &values).await?;
    lent.give_back().await?;
    let keys = rows.iter().map(read).collect::<Result<_>>()?;
    Ok(Page::cut(keys, query.limit, |last: &ApiKeyRow| last.id))
}

fn read(found: &Row) -> Result<ApiKeyRow> {
    let digest: &[u8] = found.try_get(1)?;
    let damaged = |_| StoreError::Damaged { problem: "an API key's digest".to_owned() };
    Ok(ApiKeyRow {
        id: found.try_get(0)?,
        digest: digest.try_into().map_err(damaged)?,
        owner: ApiKeyOwner::from_gym(found.try_get(6)?),
        label: found.try_get(2)?,
        rights: ApiKeyRights::read(found.try_get(3)?)?,
        issued_at: row::time(found.try_get(4)?)?,
        revoked_at: found.try_get::<_, Option<i64>>(5)?.map(row::time).transpose()?,
    })
}
