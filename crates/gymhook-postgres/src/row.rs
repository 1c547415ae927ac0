//! `Delivery` and `subscription`: read the columns of a row into a record; `quarantine`: sets a row apart that cannot
//! be read. Rows of lists are read in `queries.rs`.

use bytes::Bytes;
use gymhook_delivery::{DeliveryRecord, EndpointId};
use time::UtcDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::Lent;
use super::error::Result;
use gymhook_store::{
    DeliveryColumns, State, StoreError, StoreTime, SubscriptionRow, TargetColumns, UnreadableRow,
    endpoint_record_from_json,
};

/// The columns of a delivery, in the order in which [`Delivery::read`] reads them.
pub(super) const DELIVERY: &str = "d.seq, n.id, d.endpoint, n.digest, d.state, d.at, d.code, d.round, d.attempt, d.sends, \
                                   d.first_failure, n.test, d.probe, d.check_sum";

/// The columns of a subscription, in the order in which [`subscription`] reads them.
pub(super) const SUBSCRIPTION: &str =
    "s.id, s.gym, s.settings, s.secrets, s.record, s.deleted_at, s.incoming, s.url, s.platform";
/// The number of columns.
pub(super) const SUBSCRIPTION_COLUMNS: usize = 9;

/// A delivery's row.
pub(super) struct Delivery {
    pub(super) seq: i64,
    pub(super) endpoint: EndpointId,
    pub(super) state: i16,
    pub(super) at: i64,
    check: i64,
    /// Whole or not; `None` without a notification.
    pub(super) columns: Option<DeliveryColumns>,
    pub(super) record: core::result::Result<DeliveryRecord, UnreadableRow>,
}

/// A row as it was when it could not be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Damaged {
    pub(super) seq: i64,
    pub(super) check: i64,
}

impl Delivery {
    /// Reads [`DELIVERY`], from this column on.
    pub(super) fn read(row: &Row, first: usize) -> Result<Self> {
        let seq = row.try_get(first)?;
        // Without its notification a delivery has neither name nor digest.
        let damaged = UnreadableRow::Column { column: "id, digest or test" };
        let columns = columns(row, first, seq)?;
        Ok(Self {
            seq,
            endpoint: EndpointId::from(row.try_get::<_, Uuid>(first + 2)?),
            state: row.try_get(first + 4)?,
            at: row.try_get(first + 5)?,
            check: row.try_get(first + 13)?,
            columns,
            record: columns.ok_or(damaged).and_then(|columns| columns.to_record()),
        })
    }

    /// Its record; if it cannot be read, it joins the damaged.
    pub(super) fn or_damaged(self, damaged: &mut Vec<Damaged>) -> Option<DeliveryRecord> {
        match self.record {
            Ok(record) => Some(record),
            Err(problem) => {
                tracing::error!(sequence = self.seq, %problem, "a delivery's row cannot be read: it is quarantined");
                damaged.push(Damaged { seq: self.seq, check: self.check });
                None
            }
        }
    }
}

fn columns(row: &Row, first: usize, sequence: i64) -> Result<Option<DeliveryColumns>> {
    let id: Option<Uuid> = row.try_get(first + 1)?;
    let digest: Option<&[u8]> = row.try_get(first + 3)?;
    let digest = digest.and_then(|digest| digest.try_into().ok());
    let test: Option<bool> = row.try_get(first + 11)?;
    let (Some(id), Some(digest), Some(test)) = (id, digest, test) else { return Ok(None) };
    Ok(Some(DeliveryColumns {
        id,
        endpoint: row.try_get(first + 2)?,
        digest,
        sequence,
        state: row.try_get(first + 4)?,
        at: row.try_get(first + 5)?,
        code: row.try_get(first + 6)?,
        round: row.try_get(first + 7)?,
        attempt: row.try_get(first + 8)?,
        sends: row.try_get(first + 9)?,
        first_failure: row.try_get(first + 10)?,
        test,
        probe: row.try_get(first + 12)?,
        check: row.try_get(first + 13)?,
    }))
}

/// Quarantines rows that are still as they were when they could not be read: nothing reads or writes them any more, and they
/// are counted.
pub(super) async fn quarantine(lent: &Lent<'_>, damaged: &[Damaged]) -> Result<()> {
    if damaged.is_empty() {
        return Ok(());
    }
    let seqs: Vec<i64> = damaged.iter().map(|row| row.seq).collect();
    let checks: Vec<i64> = damaged.iter().map(|row| row.check).collect();
    let sql = "UPDATE gymhook.deliveries d SET state = 5 FROM unnest($1::bigint[], $2::bigint[]) AS n (seq, check_sum)
               WHERE d.seq = n.seq AND d.check_sum = n.check_sum";
    lent.query(sql, &[&seqs, &checks]).await?;
    Ok(())
}

/// Reads [`SUBSCRIPTION`], which are a row's first columns.
pub(super) fn subscription(row: &Row) -> Result<SubscriptionRow> {
    Ok(SubscriptionRow {
        id: EndpointId::from(row.try_get::<_, Uuid>(0)?),
        gym: row.try_get(1)?,
        platform: row.try_get(8)?,
        target: TargetColumns::from_columns(row.try_get(6)?, row.try_get(7)?, row.try_get(3)?)?,
        settings: row.try_get(2)?,
        record: endpoint_record_from_json(row.try_get(4)?)?,
        deleted_at: row.try_get::<_, Option<i64>>(5)?.map(time).transpose()?,
    })
}

pub(super) fn time(at: i64) -> Result<UtcDateTime> {
    StoreTime::from_micros(at)
        .to_utc()
        .ok_or_else(|| StoreError::Damaged { problem: format!("no point in time: {at} µs") }.into())
}

/// A number that cannot be negative.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn body(row: &Row, column: usize) -> Result<Bytes> {
    Ok(Bytes::copy_from_slice(row.try_get(column)?))
}

/// The states that the SQL here names by number.
const _: () = assert!(
    State::Waiting.code() == 0
        && State::InFlight.code() == 1
        && State::Delivered.code() == 2
        && State::Undeliverable.code() == 3
        && State::Cancelled.code() == 4
        && State::Quarantined.code() == 5
        && State::Unreadable.code() == 6,
    "the queries name these by number"
);
