//! Writes, rotates, revokes, finds and lists the API keys of your own callers.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use time::UtcDateTime;
use uuid::Uuid;

use super::error::Result;
use super::row;
use gymhook_store::StoreTime;
use gymhook_store::{ApiKeyOwner, ApiKeyQuery, ApiKeyRights, ApiKeyRotation, ApiKeyRow, Page, StoreError};

/// The columns of a key, in the order in which [`read`] reads them.
const COLUMNS: &str = "id, digest, label, rights, issued_at, revoked_at, gym";

pub(super) fn put(connection: &Connection, key: &ApiKeyRow) -> Result<()> {
    let digest_taken = connection
        .prepare_cached("SELECT 1 FROM gymhook_api_keys WHERE digest = ?1 AND id <> ?2")?
        .exists(params![key.digest, key.id.as_bytes()])?;
    if digest_taken {
        return Err(StoreError::Conflict { what: "an API key with this digest" }.into());
    }
    connection
        .prepare_cached(
            "INSERT INTO gymhook_api_keys (id, digest, label, rights, issued_at, revoked_at, gym)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET digest = excluded.digest,
             gym = excluded.gym, label = excluded.label, rights = excluded.rights, issued_at = excluded.issued_at,
             revoked_at = min(ifnull(revoked_at, excluded.revoked_at), ifnull(excluded.revoked_at, revoked_at))",
        )?
        .execute(params![
            key.id.as_bytes(),
            key.digest,
            key.label,
            key.rights.code(),
            StoreTime::floor(key.issued_at).micros(),
            key.revoked_at.map(|at| StoreTime::floor(at).micros()),
            key.owner.gym(),
        ])?;
    Ok(())
}

/// Two statements, which are one step in the writer's transaction.
pub(super) fn rotate(connection: &Connection, rotation: &ApiKeyRotation) -> Result<Option<ApiKeyRow>> {
    let ended = connection
        .prepare_cached(
            "UPDATE gymhook_api_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL 
             RETURNING label, rights, gym",
        )?
        .query_row(params![rotation.old.as_bytes(), StoreTime::floor(rotation.old_ends).micros()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((label, code, gym)) = ended else { return Ok(None) };
    let id_taken = connection
        .prepare_cached("SELECT 1 FROM gymhook_api_keys WHERE id = ?1")?
        .exists([rotation.id.as_bytes()])?;
    if id_taken {
        return Err(StoreError::Conflict { what: "an API key with this id" }.into());
    }
    let successor = rotation.successor(ApiKeyOwner::from_gym(gym), label, ApiKeyRights::read(code)?);
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

pub(super) fn by_id(connection: &Connection, id: Uuid) -> Result<Option<ApiKeyRow>> {
    let sql = format!("SELECT {COLUMNS} FROM gymhook_api_keys WHERE id = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([id.as_bytes()])?;
    rows.next()?.map(read).transpose()
}

pub(super) fn by_digest(connection: &Connection, digest: [u8; 32]) -> Result<Option<ApiKeyRow>> {
    let sql = format!("SELECT {COLUMNS} FROM gymhook_api_keys WHERE digest = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([digest])?;
    rows.next()?.map(read).transpose()
}

pub(super) fn list(connection: &Connection, query: &ApiKeyQuery) -> Result<Page<ApiKeyRow, Uuid>> {
    let (sql, values) = statement(query);
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(read(row)?);
    }
    Ok(Page::cut(keys, query.limit, |last: &ApiKeyRow| last.id))
}

/// One more than wanted, which tells whether there is another page.
fn statement(query: &ApiKeyQuery) -> (String, Vec<Value>) {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    if let Some(gym) = &query.gym {
        conditions.push("gym = ?");
        values.push(Value::from(gym.clone()));
    }
    if let Some(after) = &query.after {
        conditions.push(match &query.gym {
            None => "(issued_at, id) > (SELECT issued_at, id FROM gymhook_api_keys WHERE id = ?)",
            Some(_) => {
                "(issued_at, id) > (SELECT issued_at, id FROM gymhook_api_keys WHERE id = ? AND gym = ?)"
            }
        });
        values.push(Value::Blob(after.as_bytes().to_vec()));
        values.extend(query.gym.clone().map(Value::from));
    }
    values.push(Value::from(i64::from(query.limit) + 1));
    let condition = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    let sql =
        format!("SELECT {COLUMNS} FROM gymhook_api_keys WHERE {condition} ORDER BY issued_at, id LIMIT ?");
    (sql, values)
}

fn read(row: &Row<'_>) -> Result<ApiKeyRow> {
    Ok(ApiKeyRow {
        id: row::id(row, 0)?,
        digest: row.get(1)?,
        owner: ApiKeyOwner::from_gym(row.get(6)?),
        label: row.get(2)?,
        rights: ApiKeyRights::read(row.get(3)?)?,
        issued_at: row::time(row.get(4)?)?,
        revoked_at: row.get::<_, Option<i64>>(5)?.map(row::time).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::query_plan::query_plan_with;
    use super::*;

    #[test]
    fn a_page_is_found_by_an_index_in_its_order() {
        let gym = Some("wien".to_owned());
        for (gym, index) in [(None, "gymhook_api_keys_by_time"), (gym, "gymhook_api_keys_by_gym")] {
            for after in [None, Some(Uuid::nil())] {
                let (sql, values) =
                    statement(&ApiKeyQuery { gym: gym.clone(), after, ..ApiKeyQuery::new(9) });
                let plan = query_plan_with(&sql, values);
                assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
            }
        }
    }
}
