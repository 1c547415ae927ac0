//! `Held`: reads the rows that prevented notifications from being inserted, and compares them.

use std::collections::{BTreeMap, BTreeSet};

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId, Enqueued};
use uuid::Uuid;

use super::enqueue::{Runner, Timed};
use super::error::Result;
use super::mending::Mending;
use super::repeats::{self, Fingerprint, First};
use super::row::{DELIVERY, Delivery};
use super::unreadable;
use gymhook_store::mended;
use gymhook_store::{DeliveryColumns, NewNotification, Refused};

#[derive(Default)]
pub(super) struct Held {
    known: BTreeSet<EndpointId>,
    deliveries: BTreeMap<DeliveryId, Kept>,
    fingerprints: BTreeMap<Fingerprint, First>,
    unreadable: BTreeSet<unreadable::Identity>,
}

/// One that has the same id.
struct Kept {
    columns: Option<DeliveryColumns>,
    record: Option<DeliveryRecord>,
    /// Whether its body is the one that was enqueued.
    is_whole: bool,
}

impl Held {
    pub(super) async fn read(runner: Runner<'_>, rest: Vec<&NewNotification>) -> Result<Self> {
        if rest.is_empty() {
            return Ok(Self::default());
        }
        let endpoints: BTreeSet<Uuid> = rest.iter().map(|new| *new.endpoint.as_uuid()).collect();
        let endpoints: Vec<Uuid> = endpoints.into_iter().collect();
        let known = "SELECT id FROM gymhook.subscriptions WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL";
        let known = runner.query(known, &[&endpoints]).await?;
        let known = known.iter().map(|row| Ok(EndpointId::from(row.try_get::<_, Uuid>(0)?)));

        let ids: Vec<Uuid> = rest.iter().map(|new| *new.id.as_uuid()).collect();
        let deliveries = format!(
            "SELECT {DELIVERY}, sha256(n.body) = n.digest
             FROM gymhook.notifications n JOIN gymhook.deliveries d USING (seq) WHERE n.id = ANY ($1::uuid[])"
        );
        let rows = runner.query(&deliveries, &[&ids]).await?;
        let deliveries = rows.iter().map(|row| {
            let id = DeliveryId::from(row.try_get::<_, Uuid>(1)?);
            let Delivery { columns, record, .. } = Delivery::read(row, 0)?;
            Ok((id, Kept { columns, record: record.ok(), is_whole: row.try_get(14)? }))
        });
        Ok(Self {
            known: known.collect::<Result<_>>()?,
            deliveries: deliveries.collect::<Result<_>>()?,
            fingerprints: repeats::held(runner, &rest).await?,
            unreadable: unreadable::held(runner, &rest).await?,
        })
    }

    /// What becomes of a new one, and what is to be done for the one that was there before. `None` if it was not inserted, and
    /// nothing that prevents it is there any more: its row was purged, or its endpoint came to be, in between.
    pub(super) fn compare<'n>(
        &self,
        Timed { new, at }: Timed<'n>,
        sequence: i64,
        mending: &mut Mending<'n>,
    ) -> Option<core::result::Result<Enqueued, Refused>> {
        if !self.known.contains(&new.endpoint) {
            return Some(Err(Refused::UnknownEndpoint { endpoint: new.endpoint }));
        }
        let held = self.deliveries.get(&new.id);
        if new.unreadable && self.unreadable.contains(&unreadable::identity(new)) {
            if held.is_some_and(|held| !held.is_whole) {
                mending.bring_body(new.id, new);
            }
            return Some(Err(Refused::Repeat { delivery: new.id }));
        }
        let Some(held) = held else {
            let first = repeats::fingerprint(new).and_then(|fingerprint| self.fingerprints.get(&fingerprint));
            if let Some(first) = first {
                if !first.is_whole {
                    mending.bring_body(first.delivery, new);
                }
                return Some(Err(Refused::Repeat { delivery: first.delivery }));
            }
            return None;
        };
        if let Some(columns) = &held.columns
            && let Some(record) = mended(columns, new, u64::try_from(sequence).unwrap_or(0), at)
        {
            let state = mending.revive(columns, record, Timed { new, at });
            return Some(Ok(Enqueued::Duplicate { state }));
        }
        let same = held.record.filter(|held| new.is_same_as(held));
        let Some(same) = same else { return Some(Err(Refused::Conflict { delivery: new.id })) };
        if !held.is_whole {
            mending.bring_body(new.id, new);
        }
        Some(Ok(Enqueued::Duplicate { state: same.state }))
    }
}
