//! Subscriptions, and orders for their workers.

use gymhook_delivery::EndpointId;
use time::UtcDateTime;
use uuid::Uuid;

use super::arrivals::payloads;
use super::connection::Lent;
use super::error::Result;
use super::options::Schema;
use super::row::{self, SUBSCRIPTION};
use crate::store::{Command, Redelivery, SubscriptionQuery, SubscriptionRow};
use crate::{Direction, micros};

pub(super) async fn put(
    lent: Lent<'_>,
    schema: &Schema,
    new: &SubscriptionRow,
    now: UtcDateTime,
) -> Result<bool> {
    let sql = "WITH put AS (
        INSERT INTO gymhook.subscriptions AS s (id, gym, settings, secrets, record, disabled, incoming)
        VALUES ($1, $2, $3, $4, $5, $6, $10) ON CONFLICT (id) DO UPDATE
        SET gym = excluded.gym, settings = excluded.settings, secrets = excluded.secrets
        WHERE s.deleted_at IS NULL AND s.incoming = excluded.incoming
        RETURNING s.id
    ), ordered AS (
        INSERT INTO gymhook.commands (endpoint, due, name) SELECT id, $7, $8 FROM put
    )
    SELECT pg_notify($9, id::text) FROM put";
    let written = lent
        .query(
            sql,
            &[
                new.id.as_uuid(),
                &new.gym,
                &new.settings,
                &new.secrets,
                &row::json(&new.record)?,
                &row::is_disabled(&new.record),
                &micros::ceil(now),
                &Command::Reload.name(),
                &schema.channel(),
                &(new.direction == Direction::Incoming),
            ],
        )
        .await?;
    lent.give_back().await?;
    Ok(!written.is_empty())
}

pub(super) async fn one(lent: Lent<'_>, id: EndpointId) -> Result<Option<SubscriptionRow>> {
    let sql = format!("SELECT {SUBSCRIPTION} FROM gymhook.subscriptions s WHERE s.id = $1");
    let rows = lent.query(&sql, &[id.as_uuid()]).await?;
    lent.give_back().await?;
    rows.first().map(row::subscription).transpose()
}

/// One that cannot be read is left out, so that the others are seen.
pub(super) async fn list(lent: Lent<'_>, query: &SubscriptionQuery) -> Result<Vec<SubscriptionRow>> {
    // PostgreSQL refuses a NUL instead of finding nothing.
    if query.gym.as_ref().is_some_and(|gym| gym.contains('\0')) {
        lent.give_back().await?;
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {SUBSCRIPTION} FROM gymhook.subscriptions s WHERE ($1::text IS NULL OR s.gym = $1)
         AND ($2::uuid IS NULL OR s.id > $2) AND s.deleted_at IS NULL ORDER BY s.id LIMIT $3"
    );
    let after = query.after.map(|id| *id.as_uuid());
    let rows = lent.query(&sql, &[&query.gym, &after, &i64::from(query.limit)]).await?;
    lent.give_back().await?;
    let mut found = Vec::with_capacity(rows.len());
    for read in &rows {
        match row::subscription(read) {
            Ok(subscription) => found.push(subscription),
            Err(problem) => tracing::error!(problem = %problem.error, "a subscription is left out"),
        }
    }
    Ok(found)
}

pub(super) async fn delete(lent: Lent<'_>, id: EndpointId, now: UtcDateTime) -> Result<bool> {
    let sql = "WITH deleted AS (
        UPDATE gymhook.subscriptions SET deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL RETURNING id
    ), dropped AS (
        DELETE FROM gymhook.commands WHERE endpoint IN (SELECT id FROM deleted)
    )
    SELECT id FROM deleted";
    let deleted = lent.query(sql, &[id.as_uuid(), &micros::floor(now)]).await?;
    lent.give_back().await?;
    Ok(!deleted.is_empty())
}

pub(super) async fn command(
    lent: Lent<'_>,
    schema: &Schema,
    orders: &[(EndpointId, Command)],
    due: UtcDateTime,
) -> Result<()> {
    let endpoints: Vec<Uuid> = orders.iter().map(|(endpoint, _)| *endpoint.as_uuid()).collect();
    let names: Vec<&str> = orders.iter().map(|(_, command)| command.name()).collect();
    let deliveries: Vec<Option<Uuid>> =
        orders.iter().map(|(_, command)| command.delivery().map(|id| *id.as_uuid())).collect();
    let sql = "WITH ordered AS (
        INSERT INTO gymhook.commands (endpoint, due, name, delivery)
        SELECT n.endpoint, $1, n.name, n.delivery
        FROM unnest($2::uuid[], $3::text[], $4::uuid[]) WITH ORDINALITY AS n (endpoint, name, delivery, number)
        WHERE EXISTS (SELECT FROM gymhook.subscriptions s WHERE s.id = n.endpoint AND s.deleted_at IS NULL)
        ORDER BY n.number
    )
    SELECT pg_notify($5, n.endpoints) FROM unnest($6::text[]) AS n (endpoints)";
    let said = payloads(endpoints.iter().copied());
    lent.query(sql, &[&micros::ceil(due), &endpoints, &names, &deliveries, &schema.channel(), &said]).await?;
    lent.give_back().await?;
    Ok(())
}

pub(super) async fn redeliver(
    lent: Lent<'_>,
    schema: &Schema,
    which: &Redelivery,
    now: UtcDateTime,
) -> Result<u64> {
    let states: &[i16] = if which.undeliverable_only { &[3] } else { &[2, 3, 4] };
    let sql = "WITH ordered AS (
        INSERT INTO gymhook.commands (endpoint, due, name, delivery)
        SELECT d.endpoint, $1, 'redeliver', n.id FROM gymhook.deliveries d JOIN gymhook.notifications n USING (seq)
        WHERE d.endpoint = $2 AND d.state = ANY ($3::smallint[]) AND d.at >= $4 AND d.at < $5
        AND EXISTS (SELECT FROM gymhook.subscriptions s WHERE s.id = $2 AND s.deleted_at IS NULL)
        ORDER BY d.seq
        RETURNING 1
    ), counted AS (SELECT count(*) AS orders FROM ordered)
    SELECT orders, pg_notify($6, $2::text) FROM counted";
    let until = which.until.map_or(i64::MAX, micros::ceil);
    let rows = lent
        .query(
            sql,
            &[
                &micros::ceil(now),
                which.endpoint.as_uuid(),
                &states,
                &micros::ceil(which.from),
                &until,
                &schema.channel(),
            ],
        )
        .await?;
    lent.give_back().await?;
    let orders = rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(row::count(orders.unwrap_or_default()))
}
