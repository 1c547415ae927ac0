//! `commit`: writes a worker's batch under its leases, in one transaction, and reads the notifications of the attempts
//! that the batch announces. The SQL of each statement is here.

mod rows;

use std::collections::{BTreeMap, BTreeSet};

use gymhook_delivery::{DeliveryId, DeliveryRecord, EndpointId};
use time::UtcDateTime;
use tokio::join;
use tokio_postgres::Row;
use uuid::Uuid;

use self::rows::{
    EndpointRows, drop_commands, seq, write_attempts, write_deliveries, write_leases, write_notices,
};
use super::connection::{Lent, Prepared};
use super::enqueue::{self, Runner, Timed};
use super::error::Result;
use super::row;
use super::schema_name::Schema;
use gymhook_store::StoreTime;
use gymhook_store::body_digest;
use gymhook_store::{Batch, Committed, NewNotification, Refused, StoredNotification};

/// Rows are found by their keys, however few there are in the tables: reading those whole would only be faster as long as it
/// does not matter. That leaves one plan for each statement, which is made once.
///
/// The last one tells the statements behind it that the transaction was begun. They are sent before anybody knows that: had it
/// not been begun, each would be a transaction of its own.
const BEGIN: &str =
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
    SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL gymhook_commit.is_begun = 'yes'";

/// What enqueues is planned as in any other call: for as many as there are.
const BEFORE_FOLLOW_UPS: &str =
    "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on;
    SET LOCAL plan_cache_mode = force_custom_plan";

/// Each statement that writes does so only in a transaction that was begun.
macro_rules! if_begun {
    () => {
        " AND current_setting('gymhook_commit.is_begun', true) = 'yes'"
    };
}

/// In the order of ids, so that two batches never wait for each other.
const LOCK: &str =
    "SELECT id, lease_epoch FROM gymhook.subscriptions WHERE id = ANY ($1::uuid[]) AND deleted_at IS NULL
    ORDER BY id FOR NO KEY UPDATE";

const READ: &str =
    "SELECT n.seq, n.event_type, n.body, n.origin, n.enqueued_at FROM gymhook.notifications n JOIN gymhook.deliveries d USING (seq)
    WHERE n.seq = ANY ($1::bigint[]) AND d.state <> 5";

/// What follows writes only under a lease that is the latest of its endpoint, as the locked rows say.
macro_rules! if_leased {
    ($statement:literal $(, $rest:literal)?) => {
        concat!(
            $statement,
            " EXISTS (SELECT FROM gymhook.subscriptions s
                WHERE s.id = n.endpoint AND s.lease_epoch = n.epoch AND s.deleted_at IS NULL)",
            if_begun!()
            $(, $rest)?
        )
    };
}

const DELIVERIES: &str = if_leased!("UPDATE gymhook.deliveries d SET state = n.state, at = n.at, code = n.code, round = n.round,
        attempt = n.attempt, sends = n.sends, first_failure = n.first_failure, probe = n.probe, check_sum = n.check_sum
    FROM unnest($1::bigint[], $2::uuid[], $3::smallint[], $4::bigint[], $5::smallint[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bool[], $11::bigint[], $12::bigint[])
        AS n (seq, endpoint, state, at, code, round, attempt, sends, first_failure, probe, check_sum, epoch)
    WHERE d.seq = n.seq AND d.endpoint = n.endpoint AND d.state <> 5 AND");

const ENDPOINTS: &str = concat!(
    "UPDATE gymhook.subscriptions s SET record = n.record, disabled = n.disabled
    FROM unnest($1::uuid[], $2::text[], $3::bool[], $4::bigint[]) AS n (id, record, disabled, epoch)
    WHERE s.id = n.id AND s.lease_epoch = n.epoch AND s.deleted_at IS NULL",
    if_begun!()
);

const ATTEMPTS: &str = if_leased!("INSERT INTO gymhook.attempts
        (seq, send, round, number, began, ended, outcome, status, captured, detail)
    SELECT n.seq, n.send, n.round, n.number, n.began, n.ended, n.outcome, n.status, n.captured, n.detail
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::int[],
            $9::text[], $10::text[], $11::uuid[], $12::bigint[])
        AS n (seq, send, round, number, began, ended, outcome, status, captured, detail, endpoint, epoch)
    JOIN gymhook.deliveries d ON d.seq = n.seq AND d.endpoint = n.endpoint
    WHERE", " ON CONFLICT (seq, send) DO NOTHING");

const NOTICES: &str = if_leased!("INSERT INTO gymhook.notices (id, endpoint, at, change)
    SELECT n.id, n.endpoint, n.at, n.change
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::bigint[]) AS n (id, endpoint, at, change, epoch)
    WHERE", " ON CONFLICT (id) DO NOTHING");

const COMMANDS: &str = if_leased!(
    "DELETE FROM gymhook.commands c USING unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (endpoint, number, epoch)
    WHERE c.number = n.number AND c.endpoint = n.endpoint AND");

const QUARANTINE: &str = "UPDATE gymhook.deliveries SET state = 5 WHERE seq = ANY ($1::bigint[])";

const LEASES: &str = concat!(
    "UPDATE gymhook.subscriptions s
    SET lease_until = n.until, lease_owner = CASE WHEN n.released THEN NULL ELSE s.lease_owner END
    FROM unnest($1::uuid[], $2::bigint[], $3::bool[], $4::bigint[]) AS n (id, until, released, epoch)
    WHERE s.id = n.id AND s.lease_epoch = n.epoch AND s.deleted_at IS NULL",
    if_begun!()
);

/// What [`commit`] runs, prepared before it begins: then nothing comes between its statements.
struct Statements {
    lock: Prepared,
    read: Prepared,
    deliveries: Prepared,
    endpoints: Prepared,
    attempts: Prepared,
    notices: Prepared,
    commands: Prepared,
    leases: Prepared,
}

impl Statements {
    async fn prepare(lent: &Lent<'_>) -> Result<Self> {
        Ok(Self {
            lock: lent.prepare(LOCK).await?,
            read: lent.prepare(READ).await?,
            deliveries: lent.prepare(DELIVERIES).await?,
            endpoints: lent.prepare(ENDPOINTS).await?,
            attempts: lent.prepare(ATTEMPTS).await?,
            notices: lent.prepare(NOTICES).await?,
            commands: lent.prepare(COMMANDS).await?,
            leases: lent.prepare(LEASES).await?,
        })
    }
}

/// What of a batch is written, and how.
struct Writing<'b> {
    batch: &'b Batch,
    claims: Claims,
    /// Of several records of one delivery the last.
    latest: BTreeMap<DeliveryId, &'b DeliveryRecord>,
    endpoints: EndpointRows,
    now: UtcDateTime,
}

/// One round trip: locks, reads, writes and commits. So a batch whose worker has given up waiting for it either does nothing or
/// is over before the same worker's next batch gets the locks.
///
/// With follow-ups it takes more of them: what is enqueued depends on which leases are held, and on what is there. The locks are
/// held meanwhile, so the same is true of it.
///
/// The futures of a `join!` are first polled in their order of appearance, and send their statement then.
pub(super) async fn commit(
    lent: Lent<'_>,
    schema: &Schema,
    batch: &Batch,
    now: UtcDateTime,
) -> Result<Committed> {
    if batch.is_empty() {
        lent.give_back().await?;
        return Ok(Committed::default());
    }
    let claims = Claims::new(batch);
    // Whatever can fail here does so before the first statement is sent: the last one commits the others.
    let endpoints = EndpointRows::new(&claims, &batch.endpoints)?;
    let latest = batch.deliveries.iter().map(|record| (record.id, record)).collect();
    let writing = Writing { batch, claims, latest, endpoints, now };
    let wanted: Vec<&DeliveryRecord> =
        batch.send.iter().filter_map(|id| writing.latest.get(id).copied()).collect();

    let sql = Statements::prepare(&lent).await?;
    let (locked, bodies, refused) = if batch.follow_ups.is_empty() {
        // After an error in one of the others the commit undoes everything.
        let (written, committed) = join!(writing.write(&lent, &sql, &wanted), lent.commit());
        // The first error is the one that tells why; what comes after it only says that there was one.
        let (locked, bodies) = written?;
        committed?;
        (locked, bodies, Vec::new())
    } else {
        let (locked, bodies) = writing.write(&lent, &sql, &wanted).await?;
        let lost = writing.claims.lost(&locked)?;
        let new = batch.held_follow_ups(|endpoint| writing.claims.holds(endpoint, &lost));
        let refused = enqueue_follow_ups(&lent, schema, &new, now).await?;
        lent.commit().await?;
        (locked, bodies, refused)
    };

    let lost = writing.claims.lost(&locked)?;
    let wanted = wanted.into_iter().filter(|record| writing.claims.holds(record.endpoint, &lost));
    let (notifications, unreadable) = notifications(&bodies, wanted)?;
    if !unreadable.is_empty() {
        lent.query(QUARANTINE, &[&unreadable]).await?;
    }
    lent.give_back().await?;
    Ok(Committed { lost: lost.into_iter().collect(), notifications, refused })
}

impl Writing<'_> {
    /// Everything but the follow-ups, in a transaction that stays open: the locked rows, and the bodies of those that are wanted.
    async fn write(
        &self,
        lent: &Lent<'_>,
        sql: &Statements,
        wanted: &[&DeliveryRecord],
    ) -> Result<(Vec<Row>, Vec<Row>)> {
        let Self { batch, claims, latest, endpoints, now } = self;
        let ended = join!(
            lent.begin(BEGIN),
            lock(lent, &sql.lock, claims),
            read_bodies(lent, &sql.read, wanted),
            write_deliveries(lent, &sql.deliveries, claims, latest.values().copied()),
            endpoints.write(lent, &sql.endpoints),
            write_attempts(lent, &sql.attempts, claims, &batch.attempts),
            write_notices(lent, &sql.notices, claims, &batch.notices),
            drop_commands(lent, &sql.commands, claims, &batch.commands),
            write_leases(lent, &sql.leases, claims, leases_after(batch, *now)),
        );
        let (begun, locked, bodies, deliveries, records, attempts, notices, commands, leases) = ended;
        begun?;
        let (locked, bodies) = (locked?, bodies?);
        deliveries.and(records).and(attempts).and(notices).and(commands).and(leases)?;
        Ok((locked, bodies))
    }
}

/// Enqueues in the transaction that was begun. Those that are refused keep nothing else from being written.
async fn enqueue_follow_ups(
    lent: &Lent<'_>,
    schema: &Schema,
    new: &[&NewNotification],
    now: UtcDateTime,
) -> Result<Vec<(DeliveryId, Refused)>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    lent.batch(BEFORE_FOLLOW_UPS).await?;
    let timed: Vec<Timed<'_>> = new.iter().map(|new| Timed { new, at: now }).collect();
    let enqueued = enqueue::insert(Runner::Lent(lent), schema, &timed).await?;
    let by_id = new.iter().map(|new| new.id).zip(enqueued);
    Ok(by_id.filter_map(|(id, enqueued)| Some((id, enqueued.err()?))).collect())
}

/// Under which number each endpoint is written. Two numbers for one endpoint are none: one of them is not the latest.
struct Claims(BTreeMap<EndpointId, Option<i64>>);

impl Claims {
    fn new(batch: &Batch) -> Self {
        let mut claims = BTreeMap::new();
        for lease in batch.leases.iter().chain(&batch.renew) {
            // A number that does not fit was never given.
            let epoch = i64::try_from(lease.epoch.get()).ok();
            let claim = claims.entry(lease.endpoint).or_insert(epoch);
            if *claim != epoch {
                *claim = None;
            }
        }
        Self(claims)
    }

    fn epoch(&self, endpoint: EndpointId) -> Option<i64> {
        self.0.get(&endpoint).copied().flatten()
    }

    /// Whether the batch writes for this endpoint.
    fn holds(&self, endpoint: EndpointId, lost: &BTreeSet<EndpointId>) -> bool {
        self.epoch(endpoint).is_some() && !lost.contains(&endpoint)
    }

    /// The endpoints whose latest number is another one, or that are gone.
    fn lost(&self, locked: &[Row]) -> Result<BTreeSet<EndpointId>> {
        let latest = |row: &Row| Ok((EndpointId::from(row.try_get::<_, Uuid>(0)?), row.try_get(1)?));
        let latest = locked.iter().map(latest).collect::<Result<BTreeMap<EndpointId, i64>>>()?;
        let is_lost = |(endpoint, claim): &(&EndpointId, &Option<i64>)| {
            claim.is_none() || latest.get(endpoint) != claim.as_ref()
        };
        Ok(self.0.iter().filter(is_lost).map(|(endpoint, _)| *endpoint).collect())
    }
}

/// Until when leases last, and whether they are given back. One that is renewed and given back is given back.
fn leases_after(batch: &Batch, now: UtcDateTime) -> BTreeMap<EndpointId, (i64, bool)> {
    let renewed = (StoreTime::after(now, batch.lease_length).micros(), false);
    let released = (StoreTime::floor(now).micros(), true);
    let renew = batch.renew.iter().map(|lease| (lease.endpoint, renewed));
    renew.chain(batch.release.iter().map(|endpoint| (*endpoint, released))).collect()
}

async fn lock(lent: &Lent<'_>, sql: &Prepared, claims: &Claims) -> Result<Vec<Row>> {
    let asked: Vec<Uuid> = claims.0.keys().map(|endpoint| *endpoint.as_uuid()).collect();
    lent.run(sql, &[&asked]).await
}

async fn read_bodies(lent: &Lent<'_>, sql: &Prepared, wanted: &[&DeliveryRecord]) -> Result<Vec<Row>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let seqs: Vec<i64> = wanted.iter().map(|record| seq(record.sequence)).collect();
    lent.run(sql, &[&seqs]).await
}

type Notifications = Vec<(DeliveryId, Option<StoredNotification>)>;

/// What is to be sent, and the rows whose body is not the one that was enqueued.
fn notifications<'r>(
    rows: &[Row],
    wanted: impl Iterator<Item = &'r DeliveryRecord>,
) -> Result<(Notifications, Vec<i64>)> {
    let by_seq = rows.iter().map(|row| Ok((row.try_get(0)?, row)));
    let by_seq = by_seq.collect::<Result<BTreeMap<i64, &Row>>>()?;
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for record in wanted {
        let seq = seq(record.sequence);
        let read = by_seq.get(&seq).map(|row| notification(row)).transpose()?.flatten();
        let read = read.filter(|read| body_digest(&read.body) == record.body);
        if read.is_none() {
            tracing::error!(delivery = %record.id, "a delivery's body cannot be read: it is quarantined");
            unreadable.push(seq);
        }
        found.push((record.id, read));
    }
    Ok((found, unreadable))
}

/// `None` if it was enqueued at no time.
fn notification(row: &Row) -> Result<Option<StoredNotification>> {
    let Some(enqueued_at) = StoreTime::from_micros(row.try_get(4)?).to_utc() else { return Ok(None) };
    let (event_type, body, origin) = (row.try_get(1)?, row::body(row, 2)?, row.try_get(3)?);
    Ok(Some(StoredNotification { event_type, body, origin, enqueued_at }))
}
