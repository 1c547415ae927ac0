//! `enqueue_in` and `enqueue`: enqueue notifications in chunks, insert them or compare them with what is held, and
//! draw sequence numbers.

use std::collections::BTreeSet;
use std::time::SystemTime;

use gymhook_delivery::Enqueued;
use time::UtcDateTime;
use tokio_postgres::{Row, Transaction};

use super::connection::Lent;
use super::error::{Failure, Result};
use super::held::Held;
use super::insert::{self, Numbered};
use super::mending::Mending;
use super::schema_name::Schema;
use super::values::{Values, typed};
use super::{repeats, unreadable};
use gymhook_store::{NewNotification, Refused, StoreError};

/// What came of each notification, in their order.
pub(super) type Outcomes = Vec<core::result::Result<Enqueued, Refused>>;

/// A notification, with the time at which its caller enqueues it.
#[derive(Clone, Copy)]
pub(super) struct Timed<'n> {
    pub(super) new: &'n NewNotification,
    pub(super) at: UtcDateTime,
}

/// Enqueues notifications in your own transaction: they exist if, and only if, it commits (outbox).
///
/// They are due by the server's clock. The commit notifies the workers.
///
/// The transaction may be on any connection to the database that a [`PostgresStore`](super::PostgresStore) with this schema
/// was connected to before. It locks no row that a worker needs; like any insert it waits for another transaction that is
/// about to insert the same delivery.
///
/// ```no_run
/// use bytes::Bytes;
/// use gymhook_postgres::{Schema, tokio_postgres};
/// use gymhook_store::{DeliveryId, EndpointId, NewNotification};
///
/// async fn book(
///     client: &mut tokio_postgres::Client,
///     endpoint: EndpointId,
/// ) -> Result<(), Box<dyn std::error::Error>> {
///     let transaction = client.transaction().await?;
///     transaction.execute("INSERT INTO bookings (member) VALUES (17)", &[]).await?;
///     let body = Bytes::from_static(b"{\"member\":17}");
///     let news = NewNotification::new(DeliveryId::from_u128(7), endpoint, "class.booked", body);
///     for enqueued in gymhook_postgres::enqueue_in(&transaction, &Schema::default(), &[news]).await? {
///         let _new_or_duplicate = enqueued?;
///     }
///     transaction.commit().await?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`StoreError::Invalid`] if the transaction would not be on disk when it has committed (`synchronous_commit` is off), and
/// whatever PostgreSQL says; then roll back.
pub async fn enqueue_in(
    transaction: &Transaction<'_>,
    schema: &Schema,
    new: &[NewNotification],
) -> core::result::Result<Outcomes, StoreError> {
    let asked = "SELECT clock_timestamp(), current_setting('synchronous_commit') <> 'off'";
    let row = transaction.query_typed_one(asked, &[]).await.map_err(Failure::from)?;
    if !row.try_get::<_, bool>(1).map_err(Failure::from)? {
        let problem = "this transaction may be lost with the power: synchronous_commit is off".to_owned();
        return Err(StoreError::Invalid { problem });
    }
    let now = UtcDateTime::from(row.try_get::<_, SystemTime>(0).map_err(Failure::from)?);
    let new: Vec<Timed<'_>> = new.iter().map(|new| Timed { new, at: now }).collect();
    Ok(insert(Runner::Caller { transaction, schema }, schema, &new).await?)
}

/// Enqueues notifications in one statement, or in a transaction if it takes several.
pub(super) async fn enqueue(lent: Lent<'_>, schema: &Schema, new: &[Timed<'_>]) -> Result<Outcomes> {
    let is_one_statement = chunks(storable(new), |timed| timed.new).len() <= 1
        && !new.iter().any(|timed| timed.new.read_from.is_some());
    if !is_one_statement {
        lent.begin("").await?;
    }
    let outcomes = insert(Runner::Lent(&lent), schema, new).await?;
    // It commits, if it is several.
    lent.give_back().await?;
    Ok(outcomes)
}

/// On whose connection the statements run.
#[derive(Clone, Copy)]
pub(super) enum Runner<'r> {
    Lent(&'r Lent<'r>),
    Caller { transaction: &'r Transaction<'r>, schema: &'r Schema },
}

impl Runner<'_> {
    /// So that a query of it sends at once.
    pub(super) async fn prepare(self, sql: &str) -> Result<()> {
        match self {
            Self::Lent(lent) => lent.prepare(sql).await.map(drop),
            Self::Caller { .. } => Ok(()),
        }
    }

    /// Whether what a statement has done stays, whatever comes of the next one.
    pub(super) fn commits_each_statement(self) -> bool {
        match self {
            Self::Lent(lent) => !lent.is_in_transaction(),
            Self::Caller { .. } => false,
        }
    }

    pub(super) async fn query(self, sql: &str, values: Values<'_>) -> Result<Vec<Row>> {
        match self {
            Self::Lent(lent) => lent.query(sql, values).await,
            // One round trip, and no statement left behind on a connection that is not ours.
            Self::Caller { transaction, schema } => {
                Ok(transaction.query_typed(&schema.render(sql), &typed(values)).await?)
            }
        }
    }
}

pub(super) async fn insert(runner: Runner<'_>, schema: &Schema, new: &[Timed<'_>]) -> Result<Outcomes> {
    let mut stored = insert_storable(runner, schema, &storable(new)).await?.into_iter();
    let outcome = |timed: &Timed<'_>| match timed.new.check() {
        Err(refused) => Some(Err(refused)),
        Ok(()) => stored.next(),
    };
    Ok(new.iter().filter_map(outcome).collect())
}

/// Those that the database can keep.
fn storable<'n>(new: &[Timed<'n>]) -> Vec<Timed<'n>> {
    new.iter().copied().filter(|timed| timed.new.check().is_ok()).collect()
}

async fn insert_storable(runner: Runner<'_>, schema: &Schema, new: &[Timed<'_>]) -> Result<Outcomes> {
    /// A row that prevents an insert and is gone when it is looked for is rare: nobody meets that so often.
    const ROUNDS: usize = 10;
    let mut outcomes = vec![None; new.len()];
    for _ in 0..ROUNDS {
        let open = new.iter().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none());
        let (left, places): (Vec<Timed<'_>>, Vec<_>) = open.map(|(timed, place)| (*timed, place)).unzip();
        if left.is_empty() {
            break;
        }
        for (place, outcome) in places.into_iter().zip(insert_or_compare(runner, schema, &left).await?) {
            *place = outcome;
        }
    }
    if let Some((Timed { new, .. }, _)) = new.iter().zip(&outcomes).find(|(_, outcome)| outcome.is_none()) {
        let problem = format!("delivery {} is neither stored nor new", new.id);
        return Err(StoreError::Unavailable { problem }.into());
    }
    let outcomes: Outcomes = outcomes.into_iter().flatten().collect();
    unreadable::forget(runner, new, &outcomes).await?;
    Ok(outcomes)
}

/// What came of each that was inserted, or is there already. It may have committed before it fails.
async fn insert_or_compare(
    runner: Runner<'_>,
    schema: &Schema,
    new: &[Timed<'_>],
) -> Result<Vec<Option<core::result::Result<Enqueued, Refused>>>> {
    let follow_ups = |timed: &Timed<'_>| timed.new.enqueued_with_it().map_or(0, <[_]>::len);
    let all = new.len() + new.iter().map(follow_ups).sum::<usize>();
    let mut sequences = draw_sequences(runner, all).await?;
    let mut of_follow_ups = sequences.split_off(new.len()).into_iter();
    let numbered = new.iter().zip(&sequences);
    let numbered = numbered.map(|(timed, sequence)| Numbered::new(*timed, *sequence, &mut of_follow_ups));
    // The order in which they are inserted, over all statements.
    let mut by_id: Vec<Numbered<'_>> = numbered.collect();
    by_id.sort_by_key(|numbered| repeats::place(numbered.timed.new, numbered.sequence));

    let mut inserted = BTreeSet::new();
    for chunk in chunks(by_id, |numbered| numbered.timed.new) {
        inserted.extend(insert::insert(runner, schema, &chunk).await?);
    }
    let is_inserted = |sequence: &i64| inserted.contains(sequence);
    let rest = new.iter().zip(&sequences).filter(|(_, sequence)| !is_inserted(sequence));
    let held = Held::read(runner, rest.map(|(timed, _)| timed.new).collect()).await?;
    let mut mending = Mending::default();
    let mut outcomes = Vec::with_capacity(new.len());
    for (timed, sequence) in new.iter().zip(&sequences) {
        outcomes.push(if is_inserted(sequence) {
            Some(Ok(Enqueued::New))
        } else {
            held.compare(*timed, *sequence, &mut mending)
        });
    }
    mending.write(runner, schema).await?;
    Ok(outcomes)
}

/// Draws as many sequence numbers, which are higher than all that were drawn before.
async fn draw_sequences(runner: Runner<'_>, count: usize) -> Result<Vec<i64>> {
    let sql = "SELECT nextval('gymhook.orders') FROM generate_series(1, $1::bigint)";
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = runner.query(sql, &[&count]).await?;
    let mut sequences = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    sequences.sort_unstable();
    Ok(sequences)
}

/// How much a statement carries at most, in rows and in bytes of bodies.
const CHUNK: (usize, usize) = (10_000, 16 << 20);

/// What one statement carries each. Whoever asks how many there are has to get the answer of whoever sends them, so bytes are
/// counted here alone.
fn chunks<'n, T>(all: Vec<T>, notification: impl Fn(&T) -> &'n NewNotification) -> Vec<Vec<T>> {
    let mut chunks: Vec<Vec<T>> = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    for one in all {
        let follow_ups = notification(&one).enqueued_with_it().unwrap_or_default();
        let followed: usize = follow_ups.iter().map(|new| new.body.len()).sum();
        let (count, weight) = (1 + follow_ups.len(), notification(&one).body.len() + followed);
        match chunks.last_mut().filter(|_| rows + count <= CHUNK.0 && bytes + weight <= CHUNK.1) {
            Some(chunk) => {
                (rows, bytes) = (rows + count, bytes + weight);
                chunk.push(one);
            }
            None => {
                (rows, bytes) = (count, weight);
                chunks.push(vec![one]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gymhook_delivery::{DeliveryId, EndpointId};

    use super::*;

    /// A transaction is begun if there is more than one statement: both have to be counted alike.
    #[test]
    fn a_batch_is_cut_alike_with_and_without_its_places() {
        let body = Bytes::from(vec![b'x'; 1 << 20]);
        let new = |id| {
            let (id, endpoint) = (DeliveryId::from_u128(id), EndpointId::from_u128(1));
            NewNotification::new(id, endpoint, "a".repeat(1_000), body.clone())
        };
        let full: Vec<_> = (0..16).map(new).collect();
        let over: Vec<_> = (0..17).map(new).collect();
        for (batch, statements) in [(full, 1), (over, 2)] {
            let timed = |new| Timed { new, at: UtcDateTime::UNIX_EPOCH };
            let batch: Vec<Timed<'_>> = batch.iter().map(timed).collect();
            let numbered = |(timed, sequence)| Numbered::new(timed, sequence, &mut core::iter::empty());
            let numbered: Vec<Numbered<'_>> =
                storable(&batch).into_iter().zip(0_i64..).map(numbered).collect();
            assert_eq!(chunks(storable(&batch), |timed| timed.new).len(), statements);
            assert_eq!(chunks(numbered, |numbered| numbered.timed.new).len(), statements);
        }
    }
}
