//! `Arrays` and `insert`: the statements that insert notifications, outgoing, incoming and handled on arrival.

use bytes::Bytes;
use tokio::join;
use tokio_postgres::Row;
use uuid::Uuid;

use super::arrivals::payloads;
use super::enqueue::{Runner, Timed};
use super::error::Result;
use super::repeats;
use super::schema_name::Schema;
use super::values::{Value, Values};
use gymhook_store::{DeliveryColumns, NewNotification, StoreTime};

/// A notification with the sequence numbers that it and what is enqueued with it get.
pub(super) struct Numbered<'n> {
    pub(super) timed: Timed<'n>,
    pub(super) sequence: i64,
    /// `None` if it waits for its handler in any case.
    follow_ups: Option<Vec<(&'n NewNotification, i64)>>,
}

impl<'n> Numbered<'n> {
    /// The follow-ups take the next ones of `sequences`.
    pub(super) fn new(timed: Timed<'n>, sequence: i64, sequences: &mut impl Iterator<Item = i64>) -> Self {
        let follow_ups = timed.new.enqueued_with_it().map(|new| new.iter().zip(sequences).collect());
        Self { timed, sequence, follow_ups }
    }
}

/// In the order of ids, so that of two batches with the same ones neither waits for the other for ever, and in that of
/// `new` for one id.
macro_rules! kept {
    ($column:literal, $array:literal, $first:literal, $conflict:literal) => {
        concat!(
            "WITH kept AS (
    INSERT INTO gymhook.notifications (seq, id, endpoint, digest, event_type, enqueued_at, test, body, origin",
            $column,
            ")
    SELECT n.seq, n.id, n.endpoint, n.digest, n.event_type, n.enqueued_at, n.test, n.body, n.origin",
            $column,
            "
    FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bytea[], $6::text[], $7::bool[], $8::bytea[],
            $11::text[]",
            $array,
            ") AS n (enqueued_at, seq, id, endpoint, digest, event_type, test, body, origin",
            $column,
            ")
    WHERE EXISTS (SELECT FROM gymhook.subscriptions s WHERE s.id = n.endpoint AND s.deleted_at IS NULL)
    ORDER BY ",
            $first,
            "n.seq
    ON CONFLICT ",
            $conflict,
            " DO NOTHING RETURNING seq
)"
        )
    };
}

/// Some are told apart by a fingerprint: in the order of these, and in that of `new` for one fingerprint.
macro_rules! kept_apart {
    () => {
        kept!(
            ", fingerprint",
            ", $12::bytea[]",
            "n.fingerprint NULLS FIRST, CASE WHEN n.fingerprint IS NULL THEN n.id END, ",
            ""
        )
    };
}

macro_rules! placed {
    ($state:literal, $states:literal, $state_column:literal) => {
        concat!(
            ", placed AS (
    INSERT INTO gymhook.deliveries (seq, endpoint, state, at, code, round, attempt, sends, first_failure, probe, check_sum, test)
    SELECT n.seq, n.endpoint, ",
            $state,
            ", n.at, 0, 1, 1, 0, NULL, false, n.check_sum, n.test
    FROM unnest($2::bigint[], $4::uuid[], $9::bigint[], $10::bigint[], $7::bool[]",
            $states,
            ") AS n (seq, endpoint, at, check_sum, test",
            $state_column,
            ")
    JOIN kept USING (seq)
)
SELECT seq FROM kept"
        )
    };
}

// The constants are those of a new delivery, which its checksum covers.

/// Those that are [plain](is_plain).
const INSERT: &str = concat!(kept!("", "", "n.id, ", "(id)"), placed!("0", "", ""));

/// Those of which one is not plain, and none has follow-ups.
const INSERT_INCOMING: &str = concat!(kept_apart!(), placed!("n.state", ", $13::smallint[]", ", state"));

/// Those of which one has follow-ups, which are inserted after all of them. It is handled if as many were inserted as follow from it.
const INSERT_HANDLED: &str = concat!(
    kept_apart!(),
    ", followed AS (
    INSERT INTO gymhook.notifications (seq, id, endpoint, digest, event_type, enqueued_at, test, body, origin)
    SELECT n.seq, n.id, n.endpoint, n.digest, n.event_type, n.enqueued_at, n.test, n.body, n.origin
    FROM unnest($17::bigint[], $18::bigint[], $19::bigint[], $20::uuid[], $21::uuid[], $22::bytea[], $23::text[],
            $24::bool[], $25::bytea[], $26::text[])
        AS n (enqueued_at, follows, seq, id, endpoint, digest, event_type, test, body, origin)
    JOIN kept ON kept.seq = n.follows
    WHERE EXISTS (SELECT FROM gymhook.subscriptions s WHERE s.id = n.endpoint AND s.deleted_at IS NULL)
    ORDER BY n.id, n.seq
    ON CONFLICT (id) DO NOTHING RETURNING seq
), counted AS (
    SELECT n.follows AS seq, count(*) AS follow_ups
    FROM unnest($18::bigint[], $19::bigint[]) AS n (follows, seq) JOIN followed USING (seq) GROUP BY n.follows
), placed AS (
    INSERT INTO gymhook.deliveries (seq, endpoint, state, at, code, round, attempt, sends, first_failure, probe, check_sum, test)
    SELECT n.seq, n.endpoint, CASE WHEN n.is_handled THEN 2 ELSE n.state END,
        CASE WHEN n.is_handled THEN n.handled_at ELSE n.at END, 0, 1, 1, 0, NULL, false,
        CASE WHEN n.is_handled THEN n.handled_sum ELSE n.check_sum END, n.test
    FROM (
        SELECT n.*, n.follow_ups = coalesce(counted.follow_ups, 0) AS is_handled
        FROM unnest($2::bigint[], $4::uuid[], $9::bigint[], $10::bigint[], $7::bool[], $13::smallint[], $14::bigint[],
                $15::bigint[], $16::bigint[])
            AS n (seq, endpoint, at, check_sum, test, state, follow_ups, handled_at, handled_sum)
        LEFT JOIN counted USING (seq)
    ) AS n
    JOIN kept USING (seq)
), placed_behind AS (
    INSERT INTO gymhook.deliveries (seq, endpoint, state, at, code, round, attempt, sends, first_failure, probe, check_sum, test)
    SELECT n.seq, n.endpoint, 0, n.at, 0, 1, 1, 0, NULL, false, n.check_sum, n.test
    FROM unnest($19::bigint[], $21::uuid[], $27::bigint[], $28::bigint[], $24::bool[])
        AS n (seq, endpoint, at, check_sum, test)
    JOIN followed USING (seq)
)
SELECT seq FROM kept"
);

const NOTIFY: &str = "SELECT pg_notify($1::text, n.endpoints) FROM unnest($2::text[]) AS n (endpoints)";

/// The columns of rows, each as an array.
struct Arrays<'n> {
    times: Vec<i64>,
    seqs: Vec<i64>,
    ids: Vec<Uuid>,
    endpoints: Vec<Uuid>,
    digests: Vec<Vec<u8>>,
    event_types: Vec<&'n str>,
    tests: Vec<bool>,
    bodies: Vec<&'n [u8]>,
    at: Vec<i64>,
    checks: Vec<i64>,
    origins: Vec<Option<&'n str>>,
    states: Vec<i16>,
}

impl<'n> Arrays<'n> {
    fn of(new: &[(Timed<'n>, i64)]) -> Self {
        let columns = |(timed, sequence): &(Timed<'_>, i64)| timed.new.columns(unsigned(*sequence), timed.at);
        let rows: Vec<DeliveryColumns> = new.iter().map(columns).collect();
        let news = || new.iter().map(|(timed, _)| timed.new);
        Self {
            times: new.iter().map(|(timed, _)| StoreTime::floor(timed.at).micros()).collect(),
            seqs: rows.iter().map(|row| row.sequence).collect(),
            ids: rows.iter().map(|row| row.id).collect(),
            endpoints: rows.iter().map(|row| row.endpoint).collect(),
            digests: rows.iter().map(|row| row.digest.to_vec()).collect(),
            event_types: news().map(|new| new.event_type.as_str()).collect(),
            tests: rows.iter().map(|row| row.test).collect(),
            bodies: news().map(|new| as_bytes(&new.body)).collect(),
            at: rows.iter().map(|row| row.at).collect(),
            checks: rows.iter().map(|row| row.check).collect(),
            origins: news().map(|new| new.origin.as_deref()).collect(),
            states: rows.iter().map(|row| row.state).collect(),
        }
    }
}

/// What makes rows of those that have follow-ups, if all of these are inserted.
struct Handled {
    follow_ups: Vec<Option<i64>>,
    at: Vec<i64>,
    checks: Vec<i64>,
}

impl Handled {
    fn of(chunk: &[Numbered<'_>]) -> Self {
        let columns = |numbered: &Numbered<'_>| {
            numbered.timed.new.handled_columns(unsigned(numbered.sequence), numbered.timed.at)
        };
        let rows: Vec<DeliveryColumns> = chunk.iter().map(columns).collect();
        let count = |numbered: &Numbered<'_>| {
            numbered.follow_ups.as_ref().map(|new| i64::try_from(new.len()).unwrap_or(i64::MAX))
        };
        Self {
            follow_ups: chunk.iter().map(count).collect(),
            at: rows.iter().map(|row| row.at).collect(),
            checks: rows.iter().map(|row| row.check).collect(),
        }
    }
}

/// Inserts these in one statement, and returns the sequence numbers of those that were inserted, without those of follow-ups.
///
/// Workers are told by a statement that is sent right behind the one that inserts. In a transaction it counts when that
/// commits. On its own it is another transaction: PostgreSQL lets only one transaction that notifies commit at a time, and
/// those that insert are to wait for the disk together.
pub(super) async fn insert(runner: Runner<'_>, schema: &Schema, chunk: &[Numbered<'_>]) -> Result<Vec<i64>> {
    let own: Vec<(Timed<'_>, i64)> =
        chunk.iter().map(|numbered| (numbered.timed, numbered.sequence)).collect();
    let rows = Arrays::of(&own);
    let mut values: Vec<&dyn Value> = vec![
        &rows.times,
        &rows.seqs,
        &rows.ids,
        &rows.endpoints,
        &rows.digests,
        &rows.event_types,
        &rows.tests,
        &rows.bodies,
        &rows.at,
        &rows.checks,
        &rows.origins,
    ];
    let new: Vec<&NewNotification> = chunk.iter().map(|numbered| numbered.timed.new).collect();
    if new.iter().copied().all(is_plain) {
        return run(runner, schema, INSERT, &values, &new).await;
    }
    repeats::end_windows(runner, chunk.iter().map(|numbered| numbered.timed)).await?;
    let fingerprints = repeats::fingerprints(&new);
    values.extend([&fingerprints as &dyn Value, &rows.states]);
    if chunk.iter().all(|numbered| numbered.follow_ups.is_none()) {
        return run(runner, schema, INSERT_INCOMING, &values, &new).await;
    }
    let handled = Handled::of(chunk);
    let (mut follows, mut behind) = (Vec::new(), Vec::new());
    for numbered in chunk {
        for (new, sequence) in numbered.follow_ups.iter().flatten() {
            follows.push(numbered.sequence);
            behind.push((Timed { new, at: numbered.timed.at }, *sequence));
        }
    }
    let behind = Arrays::of(&behind);
    values.extend([
        &handled.follow_ups as &dyn Value,
        &handled.at,
        &handled.checks,
        &behind.times,
        &follows,
        &behind.seqs,
        &behind.ids,
        &behind.endpoints,
        &behind.digests,
        &behind.event_types,
        &behind.tests,
        &behind.bodies,
        &behind.origins,
        &behind.at,
        &behind.checks,
    ]);
    run(runner, schema, INSERT_HANDLED, &values, &new).await
}

async fn run(
    runner: Runner<'_>,
    schema: &Schema,
    insert: &str,
    values: Values<'_>,
    new: &[&NewNotification],
) -> Result<Vec<i64>> {
    let endpoints = new.iter().flat_map(|new| new.endpoints_with_work());
    let (channel, payloads) = (schema.channel(), payloads(endpoints.map(|endpoint| *endpoint.as_uuid())));
    let told: Values<'_> = &[&channel, &payloads];
    runner.prepare(insert).await?;
    runner.prepare(NOTIFY).await?;
    // First polled, and so sent, in this order.
    let (inserted, heard) = join!(runner.query(insert, values), runner.query(NOTIFY, told));
    let inserted = inserted?;
    match heard {
        // What was inserted is there anyway, and workers poll.
        Err(failure) if runner.commits_each_statement() => {
            tracing::warn!(problem = %failure.error, "no worker was notified of what was enqueued");
        }
        heard => drop(heard?),
    }
    Ok(inserted.iter().map(|row: &Row| row.try_get(0)).collect::<core::result::Result<Vec<i64>, _>>()?)
}

/// Whether it waits, only its id tells it apart, and nothing follows from it.
pub(super) fn is_plain(new: &NewNotification) -> bool {
    new.fingerprint().is_none() && !new.unreadable && new.follow_ups.is_none()
}

fn as_bytes(body: &Bytes) -> &[u8] {
    body
}

fn unsigned(sequence: i64) -> u64 {
    u64::try_from(sequence).unwrap_or(0)
}
