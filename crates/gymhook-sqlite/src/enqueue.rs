//! `enqueue_in` and `insert`: enqueue notifications, insert them or compare them with what is held, and draw sequence
//! numbers.

use core::borrow::Borrow;
use core::ops::RangeFrom;

use gymhook_delivery::{EndpointId, Enqueued};
use rusqlite::{Connection, Transaction, params};
use time::UtcDateTime;

use super::error::Result;
use super::row::{bind_state, state_columns, state_values};
use super::{commit, mending, migrations, repeats, row, unreadable};
use gymhook_store::StoreTime;
use gymhook_store::{DeliveryColumns, NewNotification, Refused, StoreError};

/// Enqueues notifications in your own transaction: they exist if, and only if, it commits (outbox).
///
/// The connection is your own, to a file that a [`SqliteStore`](super::SqliteStore) has opened before. After the commit, call
/// `Engine::look_for_work`, or let the engine find the work by polling.
///
/// The caller commits, so this lacks the checks of a [`SqliteStore`](super::SqliteStore)'s own commits: if the file is deleted or
/// replaced while the connection is open, SQLite commits to the file that is gone.
///
/// `now` is this machine's clock, the one that `Engine::now` reads.
///
/// Begin the transaction `IMMEDIATE`: a deferred one that reads first fails with "database is locked" if the engine commits
/// in between, whatever the busy timeout.
///
/// ```
/// use bytes::Bytes;
/// use gymhook_sqlite::rusqlite::{Connection, TransactionBehavior};
/// use gymhook_store::{DeliveryId, EndpointId, NewNotification};
/// use time::UtcDateTime;
///
/// fn book(
///     connection: &mut Connection,
///     endpoint: EndpointId,
///     now: UtcDateTime,
/// ) -> Result<(), Box<dyn std::error::Error>> {
///     let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
///     transaction.execute("INSERT INTO bookings (member) VALUES (?1)", [17])?;
///     let body = Bytes::from_static(b"{\"member\":17}");
///     let news = NewNotification::new(DeliveryId::from_u128(7), endpoint, "class.booked", body);
///     for enqueued in gymhook_sqlite::enqueue_in(&transaction, &[news], now)? {
///         let _new_or_duplicate = enqueued?;
///     }
///     transaction.commit()?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`StoreError::Invalid`] if the connection does not sync its commits (`PRAGMA synchronous` is below `FULL`), and whatever
/// SQLite says; then roll back.
pub fn enqueue_in(
    transaction: &Transaction<'_>,
    new: &[NewNotification],
    now: UtcDateTime,
) -> core::result::Result<Vec<core::result::Result<Enqueued, Refused>>, StoreError> {
    migrations::check_synchronous(transaction)?;
    Ok(insert(transaction, new, now)?)
}

pub(super) fn insert<N: Borrow<NewNotification>>(
    connection: &Connection,
    new: &[N],
    now: UtcDateTime,
) -> Result<Vec<core::result::Result<Enqueued, Refused>>> {
    let count = |new: &N| 1 + new.borrow().enqueued_with_it().map_or(0, <[_]>::len);
    let mut sequences = draw_sequences(connection, new.iter().map(count).sum())?..;
    let mut known = KnownEndpoints::default();
    let mut enqueued = Vec::with_capacity(new.len());
    for new in new.iter().map(Borrow::borrow) {
        let new: &NewNotification = new;
        enqueued.push(match new.enqueued_with_it() {
            Some(follow_ups) => insert_handled(connection, new, follow_ups, &mut sequences, &mut known, now)?,
            None => {
                let sequence = sequences.next().unwrap_or(u64::MAX);
                let columns = new.columns(sequence, now);
                insert_known(connection, new, &columns, &mut known, now)?
            }
        });
    }
    Ok(enqueued)
}

/// Inserts one as handled, if all that follows from it is new with it; otherwise it waits for its handler.
fn insert_handled(
    connection: &Connection,
    new: &NewNotification,
    follow_ups: &[NewNotification],
    sequences: &mut RangeFrom<u64>,
    known: &mut KnownEndpoints,
    now: UtcDateTime,
) -> Result<core::result::Result<Enqueued, Refused>> {
    let sequence = sequences.next().unwrap_or(u64::MAX);
    let columns = new.handled_columns(sequence, now);
    let outcome = insert_known(connection, new, &columns, known, now)?;
    if outcome != Ok(Enqueued::New) {
        return Ok(outcome);
    }
    let mut are_new = true;
    for (follow_up, sequence) in follow_ups.iter().zip(sequences) {
        let columns = follow_up.columns(sequence, now);
        let enqueued = insert_known(connection, follow_up, &columns, known, now)?;
        are_new &= enqueued == Ok(Enqueued::New);
    }
    if !are_new {
        commit::rows::write_deliveries(connection, core::iter::once(&new.record(sequence, now)))?;
    }
    Ok(outcome)
}

fn insert_known(
    connection: &Connection,
    new: &NewNotification,
    columns: &DeliveryColumns,
    known: &mut KnownEndpoints,
    now: UtcDateTime,
) -> Result<core::result::Result<Enqueued, Refused>> {
    if let Err(refused) = new.check() {
        return Ok(Err(refused));
    }
    if !known.has(connection, new.endpoint)? {
        return Ok(Err(Refused::UnknownEndpoint { endpoint: new.endpoint }));
    }
    let outcome = insert_one(connection, new, columns, now)?;
    if outcome.as_ref().err().is_none_or(Refused::is_repeat) {
        unreadable::forget(connection, new.read_from)?;
    }
    Ok(outcome)
}

/// The endpoints of this batch that are known to exist: most batches have few.
#[derive(Default)]
pub(super) struct KnownEndpoints(std::collections::BTreeMap<EndpointId, bool>);

impl KnownEndpoints {
    pub(super) fn has(&mut self, connection: &Connection, endpoint: EndpointId) -> Result<bool> {
        if let Some(known) = self.0.get(&endpoint) {
            return Ok(*known);
        }
        let known = connection
            .prepare_cached("SELECT 1 FROM gymhook_subscriptions WHERE id = ?1 AND deleted_at IS NULL")?
            .exists([endpoint.as_uuid().as_bytes()])?;
        self.0.insert(endpoint, known);
        Ok(known)
    }
}

/// Draws this many consecutive sequence numbers. It writes first, so that a transaction that began by reading is refused at once.
fn draw_sequences(connection: &Connection, count: usize) -> Result<u64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    // Not `RETURNING`, which makes a table for its one row.
    connection.prepare_cached("UPDATE gymhook_orders SET next = next + ?1")?.execute([count])?;
    let next: i64 = connection
        .prepare_cached("SELECT next - ?1 FROM gymhook_orders")?
        .query_row([count], |row| row.get(0))?;
    let damaged = |_| StoreError::Damaged { problem: "the next sequence number is negative".to_owned() };
    Ok(u64::try_from(next).map_err(damaged)?)
}

fn insert_one(
    connection: &Connection,
    new: &NewNotification,
    columns: &DeliveryColumns,
    now: UtcDateTime,
) -> Result<core::result::Result<Enqueued, Refused>> {
    if let Some(check) = &new.repeat_check {
        repeats::end_windows(connection, new.endpoint, check, now)?;
    }
    let mut insert = connection.prepare_cached(concat!(
        "INSERT INTO gymhook_deliveries (",
        state_columns!(),
        ", seq, id, endpoint, digest, event_type, enqueued_at, test, origin, fingerprint) VALUES (",
        state_values!(),
        ", ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) ON CONFLICT (id) DO NOTHING
         ON CONFLICT (endpoint, fingerprint) WHERE fingerprint IS NOT NULL DO NOTHING"
    ))?;
    bind_state(&mut insert, columns)?;
    insert.raw_bind_parameter(10, columns.sequence)?;
    insert.raw_bind_parameter(11, columns.id.as_bytes())?;
    insert.raw_bind_parameter(12, columns.endpoint.as_bytes())?;
    insert.raw_bind_parameter(13, columns.digest)?;
    insert.raw_bind_parameter(14, &new.event_type)?;
    insert.raw_bind_parameter(15, StoreTime::floor(now).micros())?;
    insert.raw_bind_parameter(16, columns.test)?;
    insert.raw_bind_parameter(17, &new.origin)?;
    insert.raw_bind_parameter(18, new.fingerprint())?;
    let inserted = insert.raw_execute()?;
    if inserted == 0 {
        let sequence = u64::try_from(columns.sequence).unwrap_or(u64::MAX);
        return compare(connection, new, sequence, now);
    }
    connection
        .prepare_cached("INSERT INTO gymhook_bodies (seq, body) VALUES (?1, ?2)")?
        .execute(params![columns.sequence, new.body.as_ref()])?;
    Ok(Ok(Enqueued::New))
}

/// The id is taken, by the same delivery or by another; or its fingerprint is.
fn compare(
    connection: &Connection,
    new: &NewNotification,
    sequence: u64,
    now: UtcDateTime,
) -> Result<core::result::Result<Enqueued, Refused>> {
    let conflict = Refused::Conflict { delivery: new.id };
    let held = row::delivery_by_id(connection, new.id)?;
    if held.is_none()
        && let Some(first) = repeats::first(connection, new)?
    {
        if first.digest == new.digest().as_bytes() {
            mending::make_whole(connection, first.sequence, new)?;
        }
        return Ok(Err(Refused::Repeat { delivery: first.delivery }));
    }
    if let Some(sequence) = unreadable::kept(connection, new)? {
        mending::make_whole(connection, sequence, new)?;
        return Ok(Err(Refused::Repeat { delivery: new.id }));
    }
    // A quarantined row gives no record.
    if held.as_ref().is_some_and(|(_, record)| record.is_err())
        && let Some(state) = mending::mend(connection, new, sequence, now)?
    {
        return Ok(Ok(Enqueued::Duplicate { state }));
    }
    let held = held.and_then(|(sequence, record)| record.ok().map(|record| (sequence, record)));
    let same = held.filter(|(_, held)| new.is_same_as(held));
    let Some((sequence, held)) = same else { return Ok(Err(conflict)) };
    mending::make_whole(connection, sequence, new)?;
    Ok(Ok(Enqueued::Duplicate { state: held.state }))
}
