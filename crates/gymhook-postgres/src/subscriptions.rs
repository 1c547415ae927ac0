//! Writes, lists and deletes subscriptions: `put` and `delete` on a condition, and `one` and `list`, which read them.

use gymhook_delivery::EndpointId;
use time::UtcDateTime;

use super::connection::Lent;
use super::error::Result;
use super::page::readable;
use super::row::{self, DELIVERY, Delivery, SUBSCRIPTION};
use super::schema_name::Schema;
use super::values::{Values, has_nul};
use gymhook_store::end_under_way;
use gymhook_store::{
    Command, DeleteCondition, DeliveryColumns, Page, SubscriptionQuery, SubscriptionRow, WriteCondition,
    endpoint_record_to_json,
};
use gymhook_store::{Direction, StoreTime};

pub(super) async fn put(
    lent: Lent<'_>,
    schema: &Schema,
    new: &SubscriptionRow,
    condition: &WriteCondition,
    now: UtcDateTime,
) -> Result<bool> {
    let due = StoreTime::ceil(now).micros();
    let written = match condition {
        WriteCondition::Always | WriteCondition::New | WriteCondition::SameGym => {
            create_or_replace(&lent, schema, new, condition, due).await?
        }
        WriteCondition::Unchanged(read) => replace_unchanged(&lent, schema, new, read, due).await?,
    };
    lent.give_back().await?;
    Ok(written)
}

/// Leaves a worker that may have read it before a command to read again what the query `put` has written.
const TELL_ITS_WORKER: &str = ", added AS (
        INSERT INTO gymhook.commands (endpoint, due, name) SELECT id, $1, $2 FROM put WHERE lease_epoch > 0
    )
    SELECT pg_notify($3, id::text) FROM put";

async fn create_or_replace(
    lent: &Lent<'_>,
    schema: &Schema,
    new: &SubscriptionRow,
    condition: &WriteCondition,
    due: i64,
) -> Result<bool> {
    let sql = format!(
        "WITH put AS (
        INSERT INTO gymhook.subscriptions AS s (id, gym, platform, settings, secrets, url, incoming, record, disabled)
        VALUES ($4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO UPDATE
        SET gym = excluded.gym, platform = excluded.platform, settings = excluded.settings, secrets = excluded.secrets,
            url = excluded.url
        WHERE s.deleted_at IS NULL AND s.incoming = excluded.incoming AND $13 AND ($14 OR s.gym = excluded.gym)
        RETURNING s.id, s.lease_epoch
    ) {TELL_ITS_WORKER}"
    );
    let values: Values<'_> = &[
        &due,
        &Command::Reload.name(),
        &schema.channel(),
        new.id.as_uuid(),
        &new.gym,
        &new.platform,
        &new.settings,
        &new.target.secrets(),
        &new.target.url(),
        &(new.direction() == Direction::Incoming),
        &endpoint_record_to_json(&new.record)?,
        &new.record.is_disabled(),
        &(*condition != WriteCondition::New),
        &(*condition != WriteCondition::SameGym),
    ];
    Ok(!lent.query(&sql, values).await?.is_empty())
}

/// If its configuration is still the one that was read. While another writer has the row, the update waits, and then compares
/// what that one has written.
async fn replace_unchanged(
    lent: &Lent<'_>,
    schema: &Schema,
    new: &SubscriptionRow,
    read: &SubscriptionRow,
    due: i64,
) -> Result<bool> {
    let is_storable =
        !has_nul([Some(read.gym.as_str()), Some(&read.platform), Some(&read.settings), read.target.url()]);
    if read.id != new.id || !is_storable {
        return Ok(false);
    }
    let sql = format!(
        "WITH put AS (
        UPDATE gymhook.subscriptions s SET gym = $5, platform = $6, settings = $7, secrets = $8, url = $9
        WHERE s.id = $4 AND s.deleted_at IS NULL AND s.incoming = $10
        AND s.gym = $11 AND s.platform = $12 AND s.settings = $13
        AND s.secrets IS NOT DISTINCT FROM $14 AND s.url IS NOT DISTINCT FROM $15
        RETURNING s.id, s.lease_epoch
    ) {TELL_ITS_WORKER}"
    );
    let values: Values<'_> = &[
        &due,
        &Command::Reload.name(),
        &schema.channel(),
        new.id.as_uuid(),
        &new.gym,
        &new.platform,
        &new.settings,
        &new.target.secrets(),
        &new.target.url(),
        &(new.direction() == Direction::Incoming),
        &read.gym,
        &read.platform,
        &read.settings,
        &read.target.secrets(),
        &read.target.url(),
    ];
    Ok(!lent.query(&sql, values).await?.is_empty())
}

pub(super) async fn one(lent: Lent<'_>, id: EndpointId) -> Result<Option<SubscriptionRow>> {
    let sql = format!("SELECT {SUBSCRIPTION} FROM gymhook.subscriptions s WHERE s.id = $1");
    let rows = lent.query(&sql, &[id.as_uuid()]).await?;
    lent.give_back().await?;
    rows.first().map(row::subscription).transpose()
}

/// One that cannot be read is left out.
pub(super) async fn list(
    lent: Lent<'_>,
    query: &SubscriptionQuery,
) -> Result<Page<SubscriptionRow, EndpointId>> {
    if has_nul([query.gym.as_deref(), query.platform.as_deref()]) {
        lent.give_back().await?;
        return Ok(Page { items: Vec::new(), next: None });
    }
    let sql = format!(
        "SELECT {SUBSCRIPTION} FROM gymhook.subscriptions s WHERE ($1::uuid IS NULL OR s.id > $1)
         AND ($3::text IS NULL OR s.gym = $3) AND ($4::text IS NULL OR s.platform = $4)
         AND s.deleted_at IS NULL ORDER BY s.id LIMIT $2"
    );
    let after = query.after.map(|id| *id.as_uuid());
    let more: Values<'_> = &[&query.gym, &query.platform];
    let found = readable(&lent, "a subscription", &sql, after, more, query.limit, row::subscription).await?;
    lent.give_back().await?;
    Ok(Page::cut(found, query.limit, |last: &SubscriptionRow| last.id))
}

pub(super) async fn delete(
    lent: Lent<'_>,
    id: EndpointId,
    condition: &DeleteCondition,
    now: UtcDateTime,
) -> Result<bool> {
    lent.begin("").await?;
    let at = StoreTime::floor(now).micros();
    let deleted = match condition {
        DeleteCondition::Always => mark_deleted(&lent, "", &[id.as_uuid(), &at]).await?,
        DeleteCondition::Unchanged(read) => delete_unchanged(&lent, id, read, at).await?,
    };
    if deleted {
        end_all_under_way(&lent, id, now).await?;
    }
    lent.commit().await?;
    lent.give_back().await?;
    Ok(deleted)
}

/// If its configuration is still the one that was read. While another writer has the row, the deletion waits, and then compares
/// what that one has written.
async fn delete_unchanged(lent: &Lent<'_>, id: EndpointId, read: &SubscriptionRow, at: i64) -> Result<bool> {
    let is_storable =
        !has_nul([Some(read.gym.as_str()), Some(&read.platform), Some(&read.settings), read.target.url()]);
    if read.id != id || !is_storable {
        return Ok(false);
    }
    let is_unchanged = "AND incoming = $3 AND gym = $4 AND platform = $5 AND settings = $6
        AND secrets IS NOT DISTINCT FROM $7 AND url IS NOT DISTINCT FROM $8";
    let values: Values<'_> = &[
        id.as_uuid(),
        &at,
        &(read.direction() == Direction::Incoming),
        &read.gym,
        &read.platform,
        &read.settings,
        &read.target.secrets(),
        &read.target.url(),
    ];
    mark_deleted(lent, is_unchanged, values).await
}

/// Marks the subscription `$1` as deleted at `$2`, if it also meets this condition, and drops its commands.
async fn mark_deleted(lent: &Lent<'_>, condition: &str, values: Values<'_>) -> Result<bool> {
    let sql = format!(
        "WITH deleted AS (
        UPDATE gymhook.subscriptions SET deleted_at = $2, lease_owner = NULL, lease_until = least(lease_until, $2)
        WHERE id = $1 AND deleted_at IS NULL {condition} RETURNING id
    ), dropped AS (
        DELETE FROM gymhook.commands WHERE endpoint IN (SELECT id FROM deleted)
    )
    SELECT id FROM deleted"
    );
    Ok(!lent.query(&sql, values).await?.is_empty())
}

/// Under the lock that the deletion holds: no worker writes after it.
async fn end_all_under_way(lent: &Lent<'_>, id: EndpointId, now: UtcDateTime) -> Result<()> {
    let sql = format!(
        "SELECT {DELIVERY} FROM gymhook.deliveries d LEFT JOIN gymhook.notifications n USING (seq)
         WHERE d.endpoint = $1 AND d.state = 1"
    );
    let mut damaged = Vec::new();
    for read in &lent.query(&sql, &[id.as_uuid()]).await? {
        let Some(record) = Delivery::read(read, 0)?.or_damaged(&mut damaged) else { continue };
        let (ended, attempt) = end_under_way(&record, now);
        let row = DeliveryColumns::from(&ended);
        let sql = "UPDATE gymhook.deliveries SET state = $2, at = $3, code = $4, probe = $5, check_sum = $6
            WHERE seq = $1";
        lent.query(sql, &[&row.sequence, &row.state, &row.at, &row.code, &row.probe, &row.check]).await?;
        let sql = "INSERT INTO gymhook.attempts (seq, send, round, number, ended, outcome, detail)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (seq, send) DO NOTHING";
        let (send, round) = (i64::from(attempt.send), i64::from(attempt.round.get()));
        let (number, ended) = (i64::from(attempt.number), StoreTime::floor(attempt.ended).micros());
        let values: Values<'_> =
            &[&row.sequence, &send, &round, &number, &ended, &attempt.outcome.as_str(), &attempt.detail];
        lent.query(sql, values).await?;
    }
    row::quarantine(lent, &damaged).await
}
