//! `migrate`: creates the tables, and upgrades those of older versions, step by step.

use tokio_postgres::Client;

use super::connection::Lent;
use super::error::Result;
use super::schema_name::Schema;
use super::values::typed;
use gymhook_store::StoreError;

/// What makes version 1 of nothing, version 2 of version 1, and so on. Never changed once published: only added to, and only
/// what workers of the version before can live with, since they go on while this runs.
const MIGRATIONS: [&str; 10] = [
    include_str!("migrations/0001_tables.sql"),
    include_str!("migrations/0002_directions.sql"),
    include_str!("migrations/0003_fingerprints.sql"),
    include_str!("migrations/0004_tests_and_notices.sql"),
    include_str!("migrations/0005_targets.sql"),
    include_str!("migrations/0006_platforms_and_owners.sql"),
    include_str!("migrations/0007_rights_and_journals.sql"),
    include_str!("migrations/0008_index_by_type.sql"),
    include_str!("migrations/0009_index_by_state.sql"),
    include_str!("migrations/0010_workers.sql"),
];

/// Brings the tables up to date. Each step is one transaction, so it is whole or was never begun; of several processes that
/// want to, one does and the others wait for it.
pub(super) async fn migrate(lent: Lent<'_>, schema: &Schema) -> Result<()> {
    let client: &Client = lent.client()?;
    step_by_step(client, schema).await?;
    lent.give_back().await
}

async fn step_by_step(client: &Client, schema: &Schema) -> Result<()> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    // A look without a lock and without a write: most of the time there is nothing to do, and a role that may only read is
    // told so when it writes.
    if version(client, schema).await? == Some(known) {
        return Ok(());
    }
    loop {
        // Another process may be at it for as long as it takes. And a backslash in a step is one, however the role has it.
        let begin = "BEGIN; SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = 0;
                     SET LOCAL standard_conforming_strings = on";
        client.batch_execute(begin).await?;
        let key = format!("gymhook.{schema}");
        client
            .query_typed("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text", &typed(&[&key]))
            .await?;
        let version = match version(client, schema).await? {
            Some(version) => version,
            None => make_room(client, schema).await?,
        };
        if version > known || version < 0 {
            client.batch_execute("ROLLBACK").await?;
            return Err(StoreError::Schema { found: version, known }.into());
        }
        let Some(step) = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done)) else {
            client.batch_execute("ROLLBACK").await?;
            return Ok(());
        };
        client.batch_execute(&schema.render(step)).await?;
        let done = schema.render("INSERT INTO gymhook.gymhook_schema (version) VALUES ($1)");
        client.query_typed(&done, &typed(&[&(version + 1)])).await?;
        client.batch_execute("COMMIT").await?;
        tracing::info!(%schema, version = version + 1, "the tables were migrated");
    }
}

/// Writes the oldest step's row as it is.
pub(super) async fn write_nothing(lent: Lent<'_>) -> Result<()> {
    let sql = "UPDATE gymhook.gymhook_schema SET migrated_at = migrated_at WHERE version = 1";
    lent.query(sql, &[]).await?;
    lent.give_back().await
}

/// The tables' version; `None` if they are not there.
async fn version(client: &Client, schema: &Schema) -> Result<Option<i64>> {
    // Not by `to_regclass`, which may remember what was there before the lock was got.
    let sql = "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relname = 'gymhook_schema'";
    if client.query_typed_opt(sql, &typed(&[&schema.as_str()])).await?.is_none() {
        return Ok(None);
    }
    let newest = schema.render("SELECT coalesce(max(version), 0) FROM gymhook.gymhook_schema");
    Ok(Some(client.query_typed_one(&newest, &[]).await?.try_get(0)?))
}

async fn make_room(client: &Client, schema: &Schema) -> Result<i64> {
    // Asked first, because `IF NOT EXISTS` wants the right to make one even if it is there.
    let sql = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
    if client.query_typed_opt(sql, &typed(&[&schema.as_str()])).await?.is_none() {
        client.batch_execute(&format!("CREATE SCHEMA \"{schema}\"")).await?;
    }
    let table = "CREATE TABLE gymhook.gymhook_schema (version bigint PRIMARY KEY, migrated_at timestamptz NOT NULL DEFAULT now())";
    client.batch_execute(&schema.render(table)).await?;
    Ok(0)
}
