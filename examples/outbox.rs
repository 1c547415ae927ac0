//! How do I change my own tables and enqueue the notification in one transaction?
//!
//! This is a long demonstration. A gym books classes in its own table, and enqueues the notification in the same transaction:
//! first in one that is rolled back, then in one that commits. Either both the booking and the notification exist, or neither
//! does. It runs on SQLite, and on PostgreSQL too if its programs are installed. The exit status is 0 only if exactly the
//! committed booking has arrived.
//! The receiver, its subscription and the transport are set up in `examples/src/loopback.rs`.
//!
//! `cargo run --release --example outbox`

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use comfy_table::Table;
use gymhook::delivery::EndpointPolicy;
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook_engine::store::postgres::tokio_postgres::NoTls;
use gymhook_engine::store::postgres::{self, PostgresOptions};
use gymhook_engine::store::sqlite::rusqlite::{Connection, TransactionBehavior};
use gymhook_engine::store::{NewNotification, PostgresStore, SqliteStore, Store, sqlite};
use gymhook_engine::{EndpointId, Engine, Publication};
use gymhook_examples::{AnyError, receive_on_loopback, subscription, table, transport};
use gymhook_test_postgres::{Server, StartError};
use http::StatusCode;
use time::UtcDateTime;

const ENDPOINT: EndpointId = EndpointId::from_u128(1);
const GYM: &str = "berlin";
const BOOKINGS: &str = "CREATE TABLE bookings (member BIGINT PRIMARY KEY, class TEXT NOT NULL)";

/// Who books, and whether that is rolled back.
const ROLLED_BACK: i64 = 17;
const COMMITTED: i64 = 18;

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    let mut rows = table(&["database", "member", "transaction", "booked", "enqueued", "requests", "verdict"]);
    let mut kept = on_sqlite(&mut rows).await?;
    match Server::start() {
        Ok(server) => kept &= on_postgres(&server, &mut rows).await?,
        Err(StartError::Missing(_)) => println!("PostgreSQL is not installed: on SQLite only."),
        Err(error) => return Err(error.to_string().into()),
    }
    println!("{rows}");
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn on_sqlite(rows: &mut Table) -> Result<bool, AnyError> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("gym.db");
    let requests = Requests::default();
    let engine = start(SqliteStore::open(&file)?, &requests).await?;

    // The gym's own connection to the same file.
    let mut connection = Connection::open(&file)?;
    connection.execute_batch(BOOKINGS)?;
    for member in [ROLLED_BACK, COMMITTED] {
        let notifications = notifications(&engine, member).await?;
        // A deferred one that reads first fails as soon as the engine has committed in between.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("INSERT INTO bookings (member, class) VALUES (?1, 'spinning')", [member])?;
        for enqueued in sqlite::enqueue_in(&transaction, &notifications, UtcDateTime::now())? {
            let _new = enqueued?;
        }
        match member {
            ROLLED_BACK => transaction.rollback()?,
            _ => transaction.commit()?,
        }
    }
    engine.look_for_work([ENDPOINT]); // it would find out by itself, within a second

    let mut selected = connection.prepare("SELECT member FROM bookings")?;
    let booked = selected.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    report("SQLite", &engine, &requests, &booked, rows).await
}

async fn on_postgres(server: &Server, rows: &mut Table) -> Result<bool, AnyError> {
    let requests = Requests::default();
    let store = PostgresStore::connect(&server.url(), PostgresOptions::new()).await?;
    let schema = store.schema().clone();
    let engine = start(store, &requests).await?;

    // The gym's own connection to the same database.
    let (mut client, connection) = server.config().connect(NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(BOOKINGS).await?;
    for member in [ROLLED_BACK, COMMITTED] {
        let notifications = notifications(&engine, member).await?;
        let transaction = client.transaction().await?;
        transaction
            .execute("INSERT INTO bookings (member, class) VALUES ($1, 'spinning')", &[&member])
            .await?;
        for enqueued in postgres::enqueue_in(&transaction, &schema, &notifications).await? {
            let _new = enqueued?;
        }
        match member {
            ROLLED_BACK => transaction.rollback().await?,
            _ => transaction.commit().await?, // the database tells the workers, wherever they are
        }
    }

    let selected = client.query("SELECT member FROM bookings", &[]).await?;
    let booked = selected.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    report("PostgreSQL", &engine, &requests, &booked, rows).await
}

/// How often each delivery has arrived.
type Requests = Arc<Mutex<BTreeMap<String, u32>>>;

/// An engine that delivers to a receiver on this machine, with one subscription.
async fn start<S: Store>(store: S, requests: &Requests) -> Result<Engine<S>, AnyError> {
    let requests = Arc::clone(requests);
    let url = receive_on_loopback(move |arrived| {
        *requests.lock().unwrap_or_else(PoisonError::into_inner).entry(arrived.delivery).or_default() += 1;
        core::future::ready(StatusCode::NO_CONTENT)
    })
    .await?;
    let engine = Engine::builder(store).start(transport("gymhook-example")?).await?;
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(200), 10));
    engine.put_subscription(&subscription(ENDPOINT, GYM, &url, EndpointPolicy::new(retry))?).await?;
    Ok(engine)
}

/// One for each subscription that wants to know of this booking; always under the same ids.
async fn notifications<S: Store>(engine: &Engine<S>, member: i64) -> Result<Vec<NewNotification>, AnyError> {
    let body = Bytes::from(format!(r#"{{"event":"class.booked","data":{{"member":{member}}}}}"#));
    let booked = Publication::new("standard-webhooks", "class.booked", body);
    Ok(engine.fan_out(GYM, &format!("booking-{member}"), &booked).await?)
}

/// Waits until nothing is left to do, and for two more looks of the worker; adds what came of the two bookings to the table,
/// and says whether that is what the transactions promise.
async fn report<S: Store>(
    database: &str,
    engine: &Engine<S>,
    requests: &Requests,
    booked: &[i64],
    rows: &mut Table,
) -> Result<bool, AnyError> {
    let began = Instant::now();
    while requests.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
        if began.elapsed() > Duration::from_secs(10) {
            return Err("nothing has arrived in ten seconds".into());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    engine.shutdown().await;

    let mut kept = true;
    for (member, transaction) in [(ROLLED_BACK, "rolled back"), (COMMITTED, "committed")] {
        let wanted = member == COMMITTED;
        let booked = booked.contains(&member);
        for notification in notifications(engine, member).await? {
            let state = engine.delivery(notification.id).await?.map(|log| log.delivery.state.as_str());
            let id = notification.id.to_string();
            let arrived =
                requests.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied().unwrap_or(0);
            let as_promised = (booked, state, arrived)
                == if wanted { (true, Some("delivered"), 1) } else { (false, None, 0) };
            kept &= as_promised;
            rows.add_row([
                database.to_owned(),
                member.to_string(),
                transaction.to_owned(),
                if booked { "yes" } else { "no" }.to_owned(),
                state.map_or_else(|| "no".to_owned(), |state| format!("yes: {state}")),
                arrived.to_string(),
                if as_promised { "as promised" } else { "NOT as promised" }.to_owned(),
            ]);
        }
    }
    let requests = requests.lock().unwrap_or_else(PoisonError::into_inner).len();
    Ok(kept && requests == 1)
}
