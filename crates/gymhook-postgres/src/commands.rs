//! Stores commands for the workers of endpoints: `command` any, and `redeliver` one for each delivery that ended.

use gymhook_delivery::EndpointId;
use time::UtcDateTime;
use uuid::Uuid;

use super::arrivals::payloads;
use super::connection::Lent;
use super::error::Result;
use super::row;
use super::schema_name::Schema;
use gymhook_store::{Command, Redelivery, StoreTime};

pub(super) async fn command(
    lent: Lent<'_>,
    schema: &Schema,
    commands: &[(EndpointId, Command)],
    due: UtcDateTime,
) -> Result<()> {
    let endpoints: Vec<Uuid> = commands.iter().map(|(endpoint, _)| *endpoint.as_uuid()).collect();
    let names: Vec<&str> = commands.iter().map(|(_, command)| command.name()).collect();
    let deliveries: Vec<Option<Uuid>> =
        commands.iter().map(|(_, command)| command.delivery().map(|id| *id.as_uuid())).collect();
    let sql = "WITH added AS (
        INSERT INTO gymhook.commands (endpoint, due, name, delivery)
        SELECT n.endpoint, $1, n.name, n.delivery
        FROM unnest($2::uuid[], $3::text[], $4::uuid[]) WITH ORDINALITY AS n (endpoint, name, delivery, number)
        WHERE EXISTS (SELECT FROM gymhook.subscriptions s WHERE s.id = n.endpoint AND s.deleted_at IS NULL)
        ORDER BY n.number
    )
    SELECT pg_notify($5, n.endpoints) FROM unnest($6::text[]) AS n (endpoints)";
    let said = payloads(endpoints.iter().copied());
    lent.query(
        sql,
        &[&StoreTime::ceil(due).micros(), &endpoints, &names, &deliveries, &schema.channel(), &said],
    )
    .await?;
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
    let sql = "WITH added AS (
        INSERT INTO gymhook.commands (endpoint, due, name, delivery)
        SELECT d.endpoint, $1, 'redeliver', n.id FROM gymhook.deliveries d JOIN gymhook.notifications n USING (seq)
        WHERE d.endpoint = $2 AND d.state = ANY ($3::smallint[]) AND d.at >= $4 AND d.at < $5
        AND EXISTS (SELECT FROM gymhook.subscriptions s WHERE s.id = $2 AND s.deleted_at IS NULL)
        ORDER BY d.seq
        RETURNING 1
    ), counted AS (SELECT count(*) AS commands FROM added)
    SELECT commands, pg_notify($6, $2::text) FROM counted";
    let until = which.until.map_or(i64::MAX, |at| StoreTime::ceil(at).micros());
    let rows = lent
        .query(
            sql,
            &[
                &StoreTime::ceil(now).micros(),
                which.endpoint.as_uuid(),
                &states,
                &StoreTime::ceil(which.from).micros(),
                &until,
                &schema.channel(),
            ],
        )
        .await?;
    lent.give_back().await?;
    let commands = rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(row::count(commands.unwrap_or_default()))
}
