//! A file with a million deliveries in its log, made once and kept beside this program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use gymhook::event::Vendor;
use gymhook::send::EndpointUrl;
use gymhook_benches::Outcome;
use gymhook_engine::Engine;
use gymhook_engine::store::{DeliveryColumns, NewNotification, SqliteStore, State, Store as _};
use gymhook_engine::{DeliveryId, Subscription};
use rusqlite::{Connection, Transaction, params};
use time::format_description::well_known::Rfc3339;
use time::{Duration, UtcDateTime};

use crate::load::{endpoint_id, policy};
use crate::serving::keys;

/// The log.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    pub(crate) file: PathBuf,
    pub(crate) deliveries: u64,
}

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

impl Filled {
    /// The log of this program's folder, which is made if it is not there.
    pub(crate) async fn find(is_quick: bool) -> Outcome<Self> {
        let deliveries = if is_quick { 50_000 } else { 1_000_000 };
        let this = std::env::current_exe()?;
        let folder = this.parent().ok_or("this program has no folder")?.join("gateway-logs");
        fs::create_dir_all(&folder)?;
        // Of another length if anything of it is made in another way.
        let file = folder.join(format!("{deliveries}-1.db"));
        if !file.exists() {
            let began = Instant::now();
            let making = folder.join(format!("{deliveries}.making"));
            for rest in ["", "-wal", "-shm"] {
                let path = folder.join(format!("{deliveries}.making{rest}"));
                if path.exists() {
                    fs::remove_file(path)?;
                }
            }
            make(&making, deliveries).await?;
            fs::rename(&making, &file)?;
            eprintln!(
                "a log of {deliveries} deliveries was made in {:?}: {}",
                began.elapsed(),
                file.display()
            );
        }
        Ok(Self { file, deliveries })
    }

    /// A week after the first delivery was enqueued, as the API takes a time.
    pub(crate) fn first_week_ends(&self) -> Outcome<String> {
        let connection = Connection::open(&self.file)?;
        let sql = "SELECT min(enqueued_at) FROM gymhook_deliveries";
        let first: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        let end = UtcDateTime::from_unix_timestamp(first / 1_000_000)? + Duration::WEEK;
        Ok(end.format(&Rfc3339)?)
    }

    /// A cursor into the log that leaves this many of 1,000 deliveries before it.
    pub(crate) fn cursor(&self, per_mille: u64) -> u64 {
        self.deliveries - self.deliveries * per_mille / 1_000
    }
}

async fn make(file: &Path, deliveries: u64) -> Outcome<()> {
    let store = SqliteStore::open(file)?;
    let engine = Engine::builder(store.clone()).enqueue_only();
    for endpoint in 0..ENDPOINTS {
        let platform = type_of(endpoint).1.as_str();
        let url = EndpointUrl::dangerous_without_rule(&format!("http://127.0.0.1:9/{endpoint}"))?;
        let (id, keys) = (endpoint_id(endpoint), Arc::new(keys()?));
        engine.put_subscription(&Subscription::new(id, gym(endpoint), platform, url, keys, policy())).await?;
    }
    let now = store.now().await?;
    drop((engine, store));
    let mut connection = Connection::open(file)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144")?;
    let transaction = connection.transaction()?;
    fill(&transaction, deliveries, now)?;
    transaction.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

fn type_of(endpoint: u64) -> (&'static str, Vendor) {
    let at = usize::try_from(endpoint).unwrap_or(0) % TYPES.len();
    TYPES.get(at).copied().unwrap_or((RARE_TYPE, Vendor::GYMPOINT))
}

/// Writes the rows as the store does, in the order of its indices' use.
fn fill(transaction: &Transaction<'_>, deliveries: u64, now: UtcDateTime) -> Outcome<()> {
    let mut rows = transaction.prepare(
        "INSERT INTO gymhook_deliveries (seq, id, endpoint, digest, event_type, enqueued_at, state, at, code, round, attempt,
         sends, first_failure, test, probe, check_sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11, ?12, 0, 0, ?13)",
    )?;
    let mut bodies = transaction.prepare("INSERT INTO gymhook_bodies (seq, body) VALUES (?1, ?2)")?;
    let mut attempts = transaction.prepare(
        "INSERT INTO gymhook_attempts (seq, send, round, number, began, ended, outcome, status, captured, detail)
         VALUES (?1, ?2, 1, ?2, ?3, ?4, 'response', ?5, ?6, NULL)",
    )?;
    let mut random = fastrand::Rng::with_seed(14);
    let month = 28 * 24 * 60 * 60 * 1_000_000_i64;
    let last = i64::try_from(now.unix_timestamp_nanos() / 1_000)?;
    let step = month / i64::try_from(deliveries)?;
    for number in 1..=deliveries {
        // Half of all are of the first gym, half of the rest of the second, and so on.
        let gym = u64::from(random.u64(..).trailing_zeros()).min(ENDPOINTS / OF_A_GYM - 1);
        let endpoint = gym * OF_A_GYM + random.u64(..OF_A_GYM);
        let event_type = if number % RARE == 7 { RARE_TYPE } else { type_of(endpoint).0 };
        let sequence = i64::try_from(number)?;
        let enqueued = last - month + step * sequence;
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
        let mut columns = DeliveryColumns { at: enqueued, ..new.columns(number, now) };
        let (state, sends) = state_of(&mut random);
        (columns.state, columns.sends, columns.attempt) = (state.code(), sends, sends.max(1));
        if state == State::Waiting {
            // Longer than any measurement: nothing is sent.
            columns.at = last + i64::try_from(Duration::days(30).whole_microseconds())?;
        } else {
            columns.at = enqueued + 300_000 * sends;
            columns.first_failure = (sends > 1).then_some(enqueued + 300_000);
        }
        columns.check = columns.check_sum();
        rows.execute(params![
            sequence,
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
        bodies.execute(params![sequence, body.as_bytes()])?;
        for send in 1..=sends {
            let is_taken = state == State::Delivered && send == sends;
            let (status, said) = if is_taken { (200, "ok") } else { (500, "<h1>Internal Server Error</h1>") };
            let ended = enqueued + 300_000 * send;
            attempts.execute(params![sequence, send, ended - 80_000, ended, status, said])?;
        }
    }
    transaction.execute("UPDATE gymhook_orders SET next = ?1", [i64::try_from(deliveries)? + 1])?;
    Ok(())
}

/// The state of a delivery, and how many requests it took.
fn state_of(random: &mut fastrand::Rng) -> (State, i64) {
    match random.u32(..1_000) {
        0..10 => (State::Undeliverable, 4),
        10..12 => (State::Cancelled, 1),
        12..14 => (State::Waiting, 0),
        14..60 => (State::Delivered, 2),
        _ => (State::Delivered, 1),
    }
}
