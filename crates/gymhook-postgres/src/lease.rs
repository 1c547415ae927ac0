//! `take` and `lease`: lease endpoints that have work, and join each lease with its subscription and what is in
//! flight.

use std::collections::BTreeMap;

use gymhook_delivery::{DeliveryRecord, EndpointId, LeaseEpoch};
use time::UtcDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::Result;
use super::row::{self, DELIVERY, Damaged, Delivery, SUBSCRIPTION, SUBSCRIPTION_COLUMNS};
use gymhook_store::{Direction, StoreTime};
use gymhook_store::{LeaseRequest, Leased, SubscriptionRow};

/// Rows that another worker is about to lease, or a late one writes under, are left alone. A lease that was given back is
/// free even if the clock was set back since.
fn take(only: &str) -> String {
    format!(
        "WITH found AS (
            SELECT s.id FROM gymhook.subscriptions s
            WHERE s.deleted_at IS NULL AND s.incoming = $5 AND (s.lease_until <= $1 OR s.lease_owner IS NULL) AND (
                (NOT s.disabled AND EXISTS (
                    SELECT FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 0 AND d.at <= $1))
                OR (s.disabled AND EXISTS (
                    SELECT FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.test AND d.state = 0 AND d.at <= $1))
                OR EXISTS (SELECT FROM gymhook.deliveries d WHERE d.endpoint = s.id AND d.state = 1)
                OR EXISTS (SELECT FROM gymhook.commands c WHERE c.endpoint = s.id AND c.due <= $1)
            ) {only}
            ORDER BY s.lease_until, s.id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED
        )
        UPDATE gymhook.subscriptions s SET lease_owner = $2, lease_until = $3, lease_epoch = s.lease_epoch + 1
        FROM found WHERE s.id = found.id RETURNING {SUBSCRIPTION}, s.lease_epoch"
    )
}

pub(super) async fn lease(lent: Lent<'_>, request: &LeaseRequest, now: UtcDateTime) -> Result<Vec<Leased>> {
    if request.limit == 0 {
        lent.give_back().await?;
        return Ok(Vec::new());
    }
    let (from, until) = (StoreTime::floor(now).micros(), StoreTime::after(now, request.length).micros());
    let (worker, limit) = (request.worker.as_uuid(), i64::from(request.limit));
    let incoming = request.direction == Direction::Incoming;
    lent.begin("").await?;
    let taken = match &request.only {
        Some(only) => {
            let only: Vec<Uuid> = only.iter().map(|endpoint| *endpoint.as_uuid()).collect();
            lent.query(
                &take("AND s.id = ANY ($6::uuid[])"),
                &[&from, worker, &until, &limit, &incoming, &only],
            )
            .await?
        }
        None => lent.query(&take(""), &[&from, worker, &until, &limit, &incoming]).await?,
    };
    let mut leased = read_leases(&taken)?;
    if !leased.is_empty() {
        // Read only now, under the lock: a late worker may have written until a moment ago.
        let endpoints: Vec<Uuid> =
            leased.iter().map(|(subscription, _)| *subscription.id.as_uuid()).collect();
        let sql = format!(
            "SELECT {DELIVERY} FROM gymhook.deliveries d LEFT JOIN gymhook.notifications n USING (seq)
             WHERE d.endpoint = ANY ($1::uuid[]) AND d.state = 1 ORDER BY d.at, d.seq"
        );
        let rows = lent.query(&sql, &[&endpoints]).await?;
        let mut under_way = UnderWay::read(&rows)?;
        row::quarantine(&lent, &under_way.damaged).await?;
        leased.sort_by_key(|(subscription, _)| subscription.id);
        lent.commit().await?;
        lent.give_back().await?;
        return Ok(leased.into_iter().map(|leased| under_way.join(leased)).collect());
    }
    lent.commit().await?;
    lent.give_back().await?;
    Ok(Vec::new())
}

/// One that cannot be read stays leased and is not returned, so that it does not block the others.
fn read_leases(taken: &[Row]) -> Result<Vec<(SubscriptionRow, LeaseEpoch)>> {
    let mut leased = Vec::with_capacity(taken.len());
    for read in taken {
        let epoch = LeaseEpoch::new(row::count(read.try_get(SUBSCRIPTION_COLUMNS)?));
        match row::subscription(read) {
            Ok(subscription) => leased.push((subscription, epoch)),
            Err(problem) => {
                tracing::error!(problem = %problem.error, "an endpoint is skipped for the length of a lease")
            }
        }
    }
    Ok(leased)
}

/// What former owners left under way.
struct UnderWay {
    records: BTreeMap<EndpointId, Vec<DeliveryRecord>>,
    damaged: Vec<Damaged>,
    quarantined: BTreeMap<EndpointId, u64>,
}

impl UnderWay {
    fn read(rows: &[Row]) -> Result<Self> {
        let mut found = Self { records: BTreeMap::new(), damaged: Vec::new(), quarantined: BTreeMap::new() };
        for read in rows {
            let delivery = Delivery::read(read, 0)?;
            let endpoint = delivery.endpoint;
            match delivery.or_damaged(&mut found.damaged) {
                Some(record) => found.records.entry(endpoint).or_default().push(record),
                None => *found.quarantined.entry(endpoint).or_default() += 1,
            }
        }
        Ok(found)
    }

    fn join(&mut self, (subscription, epoch): (SubscriptionRow, LeaseEpoch)) -> Leased {
        let endpoint = subscription.id;
        Leased {
            subscription,
            epoch,
            in_flight: self.records.remove(&endpoint).unwrap_or_default(),
            quarantined: self.quarantined.remove(&endpoint).unwrap_or_default(),
        }
    }
}
