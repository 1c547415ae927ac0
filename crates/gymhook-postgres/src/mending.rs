//! `Mending`: replaces a lost or damaged body when the same notification is enqueued again.

use std::collections::BTreeMap;

use gymhook_delivery::{DeliveryId, DeliveryRecord, DeliveryState};

use super::arrivals::payloads;
use super::enqueue::{Runner, Timed};
use super::error::{Failure, Result};
use super::schema_name::Schema;
use super::values::Values;
use gymhook_store::StoreTime;
use gymhook_store::{DeliveryColumns, NewNotification, StoreError};

/// What is to be mended, by id, so that two batches never wait for each other.
#[derive(Default)]
pub(super) struct Mending<'n> {
    bodies: BTreeMap<DeliveryId, &'n NewNotification>,
    revived: BTreeMap<DeliveryId, Revival<'n>>,
}

/// A delivery that was quarantined for its body, and waits again.
struct Revival<'n> {
    old: DeliveryColumns,
    record: DeliveryRecord,
    by: Timed<'n>,
}

impl<'n> Mending<'n> {
    /// Gives a delivery its body, if that is the new one's: its digest tells.
    pub(super) fn bring_body(&mut self, delivery: DeliveryId, new: &'n NewNotification) {
        self.bodies.insert(delivery, new);
    }

    /// Has a delivery wait again, once, and returns its state.
    pub(super) fn revive(
        &mut self,
        old: &DeliveryColumns,
        record: DeliveryRecord,
        by: Timed<'n>,
    ) -> DeliveryState {
        self.revived.entry(by.new.id).or_insert(Revival { old: *old, record, by }).record.state
    }

    pub(super) async fn write(self, runner: Runner<'_>, schema: &Schema) -> Result<()> {
        for (delivery, new) in self.bodies {
            let sql = "UPDATE gymhook.notifications SET body = $2 WHERE id = $1 AND digest = $3 RETURNING id";
            let (body, digest) = (new.body.as_ref(), new.digest());
            let values: Values<'_> = &[delivery.as_uuid(), &body, &digest.as_bytes().as_slice()];
            if !runner.query(sql, values).await?.is_empty() {
                tracing::error!(%delivery, "a delivery's body was missing or damaged: it was restored by enqueueing again");
            }
        }
        for revival in self.revived.into_values() {
            revival.write(runner, schema).await?;
        }
        Ok(())
    }
}

impl Revival<'_> {
    async fn write(self, runner: Runner<'_>, schema: &Schema) -> Result<()> {
        let Self { old, record, by: Timed { new, at } } = self;
        let sql = "WITH moved AS (
            UPDATE gymhook.deliveries SET seq = $2, state = $4, at = $5, code = $6, round = $7, attempt = $8, sends = $9,
                first_failure = $10, probe = $11, check_sum = $12
            WHERE seq = $1 AND state = 5 AND check_sum = $3 RETURNING endpoint
        ), notification AS (
            UPDATE gymhook.notifications SET seq = $2, body = $13, event_type = $14, origin = $15, enqueued_at = $16
            WHERE seq = $1 AND EXISTS (SELECT FROM moved)
        ), logged AS (
            UPDATE gymhook.attempts SET seq = $2 WHERE seq = $1 AND EXISTS (SELECT FROM moved)
        )
        SELECT pg_notify($17, n.endpoints) FROM moved CROSS JOIN unnest($18::text[]) AS n (endpoints)";
        let row = DeliveryColumns::from(&record);
        let body = new.body.as_ref();
        let said = payloads([row.endpoint].into_iter());
        let values: Values<'_> = &[
            &old.sequence,
            &row.sequence,
            &old.check,
            &row.state,
            &row.at,
            &row.code,
            &row.round,
            &row.attempt,
            &row.sends,
            &row.first_failure,
            &row.probe,
            &row.check,
            &body,
            &new.event_type,
            &new.origin,
            &StoreTime::floor(at).micros(),
            &schema.channel(),
            &said,
        ];
        if runner.query(sql, values).await?.is_empty() {
            // Somebody else has just done it, or it was purged: another attempt finds out.
            let problem = format!("delivery {} is no longer quarantined", new.id);
            let error = StoreError::Unavailable { problem };
            return Err(Failure { was_undone: true, ..error.into() });
        }
        tracing::warn!(delivery = %new.id, "a quarantined delivery has its body back, and waits again");
        Ok(())
    }
}
