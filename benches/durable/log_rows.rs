//! The rows of a log: what a month of deliveries leaves behind, written as the stores write it.

use std::path::Path;
use std::sync::Arc;

use gymhook::event::Vendor;
use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret};
use gymhook_benches::Outcome;
use gymhook_benches::request::SECRET;
use gymhook_engine::store::postgres::tokio_postgres::{Client, Config, NoTls};
use gymhook_engine::store::{DeliveryColumns, NewNotification, State, Store};
use gymhook_engine::{DeliveryId, Engine, Subscription};
use rusqlite::{Connection, Transaction, params};
use time::{Duration, UtcDateTime};
use uuid::Uuid;

use crate::load::{endpoint_id, policy};

pub(crate) const ENDPOINTS: u64 = 400;
/// Subscriptions of one gym. The first gym has the most deliveries, the last almost none.
pub(crate) const OF_A_GYM: u64 = 10;
/// One delivery in 50,000 has the rare type.
const RARE: u64 = 50_000;
/// The types, of which the first are the most frequent; and a rare one.
pub(crate) const TYPES: [(&str, Vendor); 7] = [
    ("checkin.created", Vendor::GYMPOINT),
    ("GYM_CHECKIN", Vendor::EGYM),
    ("CUSTOMER_CHECKIN", Vendor::PG_NEXT),
    ("workout.created", Vendor::POINT),
    ("UserModified", Vendor::PERFECTGYM),
    ("member.updated", Vendor::GYMPOINT),
    ("payment.failed", Vendor::GYMPOINT),
];
pub(crate) const RARE_TYPE: &str = "payment.refunded";

pub(crate) fn gym(endpoint: u64) -> String {
    format!("gym-{}", endpoint / OF_A_GYM)
}

fn type_of(endpoint: u64) -> (&'static str, Vendor) {
    let at = usize::try_from(endpoint).unwrap_or(0) % TYPES.len();
    TYPES.get(at).copied().unwrap_or((RARE_TYPE, Vendor::GYMPOINT))
}

/// Makes the subscriptions that the log is of.
pub(crate) async fn subscribe<S: Store>(store: &S) -> Outcome<()> {
    let engine = Engine::builder(store.clone()).enqueue_only();
    let keys = Arc::new(Keyring::single("main", Secret::new(SECRET)?)?);
    for endpoint in 0..ENDPOINTS {
        let platform = type_of(endpoint).1.as_str();
        let url = EndpointUrl::dangerous_without_rule(&format!("http://127.0.0.1:9/{endpoint}"))?;
        let (id, keys) = (endpoint_id(endpoint), Arc::clone(&keys));
        engine.put_subscription(&Subscription::new(id, gym(endpoint), platform, url, keys, policy())).await?;
    }
    Ok(())
}

/// A delivery of the log, with its body and its attempts.
struct LogRow {
    columns: DeliveryColumns,
    event_type: &'static str,
    /// Microseconds since 1970, as all moments here.
    enqueued: i64,
    body: String,
    attempts: Vec<LoggedAttempt>,
}

struct LoggedAttempt {
    send: i64,
    began: i64,
    ended: i64,
    status: i32,
    captured: &'static str,
}

/// Makes one row after the other: 28 days, which end now.
struct Rows {
    random: fastrand::Rng,
    now: UtcDateTime,
    first: i64,
    step: i64,
}

impl Rows {
    fn new(deliveries: u64, now: UtcDateTime) -> Outcome<Self> {
        let month = 28 * 24 * 60 * 60 * 1_000_000_i64;
        let last = i64::try_from(now.unix_timestamp_nanos() / 1_000)?;
        let step = month / i64::try_from(deliveries)?;
        Ok(Self { random: fastrand::Rng::with_seed(14), now, first: last - month, step })
    }

    fn row(&mut self, number: u64) -> Outcome<LogRow> {
        // Half of all are of the first gym, half of the rest of the second, and so on.
        let gym = u64::from(self.random.u64(..).trailing_zeros()).min(ENDPOINTS / OF_A_GYM - 1);
        let endpoint = gym * OF_A_GYM + self.random.u64(..OF_A_GYM);
        let event_type = if number % RARE == 7 { RARE_TYPE } else { type_of(endpoint).0 };
        let enqueued = self.first + self.step * i64::try_from(number)?;
        let body = format!(
            r#"{{"event":"{event_type}","data":{{"memberId":"m_{}","location":"Main Street"}}}}"#,
            number % 5_000
        );
        let new = NewNotification::new(
            DeliveryId::from_u128((0x0190_0000_0000_7000_8000_u128 << 48) + u128::from(number)),
            endpoint_id(endpoint),
            event_type,
            body.clone().into(),
        );
        let mut columns = DeliveryColumns { at: enqueued, ..new.columns(number, self.now) };
        let (state, sends) = self.state();
        (columns.state, columns.sends, columns.attempt) = (state.code(), sends, sends.max(1));
        if state == State::Waiting {
            // Longer than any measurement: nothing is sent.
            let far = self.now + Duration::days(30);
            columns.at = i64::try_from(far.unix_timestamp_nanos() / 1_000)?;
        } else {
            columns.at = enqueued + 300_000 * sends;
            columns.first_failure = (sends > 1).then_some(enqueued + 300_000);
        }
        columns.check = columns.check_sum();
        let attempts = (1..=sends).map(|send| {
            let is_taken = state == State::Delivered && send == sends;
            let (status, captured) =
                if is_taken { (200, "ok") } else { (500, "<h1>Internal Server Error</h1>") };
            let ended = enqueued + 300_000 * send;
            LoggedAttempt { send, began: ended - 80_000, ended, status, captured }
        });
        let attempts = attempts.collect();
        Ok(LogRow { columns, event_type, enqueued, body, attempts })
    }

    /// The state of a delivery, and how many requests it took.
    fn state(&mut self) -> (State, i64) {
        match self.random.u32(..1_000) {
            0..10 => (State::Undeliverable, 4),
            10..12 => (State::Cancelled, 1),
            12..14 => (State::Waiting, 0),
            14..60 => (State::Delivered, 2),
            _ => (State::Delivered, 1),
        }
    }
}

/// Writes the log into a SQLite file that nobody else has open.
pub(crate) fn write_to_sqlite(file: &Path, deliveries: u64, now: UtcDateTime) -> Outcome<()> {
    let mut connection = Connection::open(file)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144")?;
    let transaction = connection.transaction()?;
    insert_all(&transaction, deliveries, now)?;
    transaction.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

fn insert_all(transaction: &Transaction<'_>, deliveries: u64, now: UtcDateTime) -> Outcome<()> {
    let mut in_state = transaction.prepare(
        "INSERT INTO gymhook_deliveries (seq, id, endpoint, digest, event_type, enqueued_at, state, at, code, round, attempt,
         sends, first_failure, test, probe, check_sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11, ?12, 0, 0, ?13)",
    )?;
    let mut bodies = transaction.prepare("INSERT INTO gymhook_bodies (seq, body) VALUES (?1, ?2)")?;
    let mut attempts = transaction.prepare(
        "INSERT INTO gymhook_attempts (seq, send, round, number, began, ended, outcome, status, captured, detail)
         VALUES (?1, ?2, 1, ?2, ?3, ?4, 'response', ?5, ?6, NULL)",
    )?;
    let mut rows = Rows::new(deliveries, now)?;
    for number in 1..=deliveries {
        let LogRow { columns, event_type, enqueued, body, attempts: logged } = rows.row(number)?;
        in_state.execute(params![
            columns.sequence,
            columns.id.as_bytes(),
            columns.endpoint.as_bytes(),
            columns.digest,
            event_type,
            enqueued,
            columns.state,
            columns.at,
            columns.code,
            columns.attempt,
            columns.sends,
            columns.first_failure,
            columns.check,
        ])?;
        bodies.execute(params![columns.sequence, body.as_bytes()])?;
        for LoggedAttempt { send, began, ended, status, captured } in logged {
            attempts.execute(params![columns.sequence, send, began, ended, status, captured])?;
        }
    }
    transaction.execute("UPDATE gymhook_orders SET next = ?1", [i64::try_from(deliveries)? + 1])?;
    Ok(())
}

/// Writes the log into a schema of PostgreSQL, without waiting for the disk, and vacuums it as its server would in time.
pub(crate) async fn write_to_postgres(
    config: &Config,
    schema: &str,
    deliveries: u64,
    now: UtcDateTime,
) -> Outcome<()> {
    const AT_A_TIME: u64 = 20_000;
    let (client, connection) = config.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path TO {schema}; SET synchronous_commit TO off")).await?;
    let mut rows = Rows::new(deliveries, now)?;
    let mut next = 1;
    while next <= deliveries {
        let last = deliveries.min(next + AT_A_TIME - 1);
        let some = (next..=last).map(|number| rows.row(number)).collect::<Outcome<Vec<LogRow>>>()?;
        insert(&client, &some).await?;
        next = last + 1;
    }
    client.execute("SELECT setval('orders', $1)", &[&i64::try_from(deliveries)?]).await?;
    client.batch_execute("VACUUM (ANALYZE)").await?;
    client.batch_execute("CHECKPOINT").await?;
    drop(client);
    connection.await??;
    Ok(())
}

async fn insert(client: &Client, rows: &[LogRow]) -> Outcome<()> {
    macro_rules! column {
        ($of:expr, $value:expr) => {
            $of.iter().map($value).collect::<Vec<_>>()
        };
    }
    let seq = column!(rows, |row| row.columns.sequence);
    let endpoint: Vec<Uuid> = column!(rows, |row| row.columns.endpoint);
    client
        .execute(
            "INSERT INTO notifications (seq, id, endpoint, digest, event_type, enqueued_at, test, body)
             SELECT seq, id, endpoint, digest, event_type, enqueued_at, false, body
             FROM unnest($1::bigint[], $2::uuid[], $3::uuid[], $4::bytea[], $5::text[], $6::bigint[], $7::bytea[])
                AS n (seq, id, endpoint, digest, event_type, enqueued_at, body)",
            &[
                &seq,
                &column!(rows, |row| row.columns.id),
                &endpoint,
                &column!(rows, |row| &row.columns.digest[..]),
                &column!(rows, |row| row.event_type),
                &column!(rows, |row| row.enqueued),
                &column!(rows, |row| row.body.as_bytes()),
            ],
        )
        .await?;
    client
        .execute(
            "INSERT INTO deliveries (seq, endpoint, state, at, code, round, attempt, sends, first_failure, probe, check_sum)
             SELECT seq, endpoint, state, at, code, 1, attempt, sends, first_failure, false, check_sum
             FROM unnest($1::bigint[], $2::uuid[], $3::smallint[], $4::bigint[], $5::smallint[], $6::bigint[], $7::bigint[],
                $8::bigint[], $9::bigint[]) AS n (seq, endpoint, state, at, code, attempt, sends, first_failure, check_sum)",
            &[
                &seq,
                &endpoint,
                &column!(rows, |row| row.columns.state),
                &column!(rows, |row| row.columns.at),
                &column!(rows, |row| row.columns.code),
                &column!(rows, |row| row.columns.attempt),
                &column!(rows, |row| row.columns.sends),
                &column!(rows, |row| row.columns.first_failure),
                &column!(rows, |row| row.columns.check),
            ],
        )
        .await?;
    let logged: Vec<(i64, &LoggedAttempt)> = rows
        .iter()
        .flat_map(|row| row.attempts.iter().map(|attempt| (row.columns.sequence, attempt)))
        .collect();
    client
        .execute(
            "INSERT INTO attempts (seq, send, round, number, began, ended, outcome, status, captured)
             SELECT seq, send, 1, send, began, ended, 'response', status, captured
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::text[])
                AS n (seq, send, began, ended, status, captured)",
            &[
                &column!(logged, |(sequence, _)| *sequence),
                &column!(logged, |(_, attempt)| attempt.send),
                &column!(logged, |(_, attempt)| attempt.began),
                &column!(logged, |(_, attempt)| attempt.ended),
                &column!(logged, |(_, attempt)| attempt.status),
                &column!(logged, |(_, attempt)| attempt.captured),
            ],
        )
        .await?;
    Ok(())
}
