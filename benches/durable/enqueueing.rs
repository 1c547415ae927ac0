//! Enqueueing and nothing else, beside what the disk can do.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_engine::Engine;
use gymhook_engine::store::postgres::tokio_postgres::NoTls;
use gymhook_engine::store::{Store, postgres, sqlite};
use time::UtcDateTime;
use tokio::task::JoinSet;

use crate::load::{BATCH, Load, body, notification, policy, subscribe};
use crate::report::{Report, Row, rate};
use crate::stores::{Postgres, Sqlite};
use crate::{Size, ceilings};

pub(crate) const TASK: &str = "enqueue";

const ENDPOINTS: u64 = 10;

/// What a group of callers who wait together is to reach, of the syncs that the disk can do.
#[derive(Clone, Copy)]
struct Goal {
    ratio: f64,
    words: &'static str,
}

const SQLITE: Goal = Goal { ratio: 4.0, words: "≥ 4 × the syncs" };
const POSTGRES: Goal = Goal { ratio: 1.5, words: "≥ 1.5 × the syncs" };

/// The callers who enqueue one a call, at a time; the goals are for the last of these.
const CALLERS: [u64; 3] = [1, 8, 64];
/// Deliveries are added up to this many callers: beyond it they share the same number.
const FEW: u64 = 16;

pub(crate) async fn measure(size: Size, server: &Postgres, report: &mut Report) -> Outcome<()> {
    let sqlite = Sqlite::fresh()?;
    let syncs = ceilings::syncs(sqlite.folder.path())?;
    report.add(Row {
        task: TASK.to_owned(),
        what: "300 bytes appended to a file, and fdatasync".to_owned(),
        result: rate(syncs),
        ratio: "1.0 × the syncs".to_owned(),
        ..Row::default()
    });
    let mut add = |store: &str, what: String, a_second: f64, goal: Option<Goal>| {
        let ratio = a_second / syncs;
        report.add(Row {
            task: format!("{TASK}, {store}"),
            what,
            result: rate(a_second),
            ratio: format!("{ratio:.1} × the syncs"),
            goal: goal.map_or("", |goal| goal.words),
            met: goal.map(|goal| ratio >= goal.ratio),
        });
    };
    let singles = size.pick(2_000, 400);
    let many = size.pick(50_000, 5_000);
    let load = Load { deliveries: many, endpoints: ENDPOINTS, callers: 1 };
    let goal_of = |goal, callers: u64| (callers == 64).then_some(goal);
    for callers in CALLERS {
        let fresh = sqlite_store().await?;
        let a_second = one_by_one(&fresh.store, singles * callers.min(FEW), callers).await?;
        add("SQLite", format!("one a call, {callers} at a time"), a_second, goal_of(SQLITE, callers));
    }
    for callers in [1, 8] {
        let fresh = sqlite_store().await?;
        let a_second = in_batches(&fresh.store, Load { callers, ..load }).await?;
        add("SQLite", format!("{BATCH} a call, {callers} at a time"), a_second, None);
    }
    let fresh = sqlite_store().await?;
    add(
        "SQLite",
        "in the caller's transaction, with a row of its own".to_owned(),
        in_a_sqlite_transaction(&fresh, singles)?,
        None,
    );
    for callers in CALLERS {
        let store = subscribed(server.fresh().await?).await?;
        let a_second = one_by_one(&store, singles * callers.min(FEW), callers).await?;
        add("PostgreSQL", format!("one a call, {callers} at a time"), a_second, goal_of(POSTGRES, callers));
    }
    for callers in [1, 8] {
        let store = subscribed(server.fresh().await?).await?;
        let a_second = in_batches(&store, Load { callers, ..load }).await?;
        add("PostgreSQL", format!("{BATCH} a call, {callers} at a time"), a_second, None);
    }
    let a_second = in_a_postgres_transaction(server, singles).await?;
    add("PostgreSQL", "in the caller's transaction, with a row of its own".to_owned(), a_second, None);
    Ok(())
}

async fn sqlite_store() -> Outcome<Sqlite> {
    let fresh = Sqlite::fresh()?;
    subscribed(fresh.store.clone()).await?;
    Ok(fresh)
}

async fn subscribed<S: Store>(store: S) -> Outcome<S> {
    let engine = Engine::builder(store.clone()).enqueue_only();
    subscribe(&engine, 0..ENDPOINTS, "http://127.0.0.1/", &policy()).await?;
    Ok(store)
}

async fn in_batches<S: Store>(store: &S, load: Load) -> Outcome<f64> {
    let began = Instant::now();
    load.hand_over(store).await?;
    Ok(load.deliveries as f64 / began.elapsed().as_secs_f64())
}

async fn one_by_one<S: Store>(store: &S, deliveries: u64, callers: u64) -> Outcome<f64> {
    let began = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut calling = JoinSet::new();
    for _ in 0..callers {
        let (store, next) = (store.clone(), Arc::clone(&next));
        calling.spawn(async move {
            let body = body();
            loop {
                let id = next.fetch_add(1, Ordering::Relaxed);
                if id >= deliveries {
                    return Ok::<(), gymhook_engine::store::StoreError>(());
                }
                let now = store.now().await?;
                store.enqueue(vec![notification(id, id % ENDPOINTS, &body)], now).await?;
            }
        });
    }
    while let Some(called) = calling.join_next().await {
        called??;
    }
    Ok(deliveries as f64 / began.elapsed().as_secs_f64())
}

fn in_a_sqlite_transaction(fresh: &Sqlite, deliveries: u64) -> Outcome<f64> {
    let mut connection = rusqlite::Connection::open(fresh.store.path())?;
    connection.execute_batch("PRAGMA synchronous = FULL; CREATE TABLE bookings (member INTEGER NOT NULL)")?;
    let body = body();
    let began = Instant::now();
    for id in 0..deliveries {
        let transaction = connection.transaction()?;
        transaction.prepare_cached("INSERT INTO bookings (member) VALUES (?1)")?.execute([id])?;
        sqlite::enqueue_in(&transaction, &[notification(id, id % ENDPOINTS, &body)], UtcDateTime::now())?;
        transaction.commit()?;
    }
    Ok(deliveries as f64 / began.elapsed().as_secs_f64())
}

async fn in_a_postgres_transaction(server: &Postgres, deliveries: u64) -> Outcome<f64> {
    let schema = server.fresh_schema()?;
    subscribed(server.store(&schema).await?).await?;
    let (mut client, connection) = server.config().connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    client.batch_execute(&format!("CREATE TABLE {schema}.bookings (member bigint NOT NULL)")).await?;
    let insert = client.prepare(&format!("INSERT INTO {schema}.bookings (member) VALUES ($1)")).await?;
    let body = body();
    let began = Instant::now();
    for id in 0..deliveries {
        let transaction = client.transaction().await?;
        transaction.execute(&insert, &[&i64::try_from(id)?]).await?;
        postgres::enqueue_in(&transaction, &schema, &[notification(id, id % ENDPOINTS, &body)]).await?;
        transaction.commit().await?;
    }
    let elapsed = began.elapsed();
    drop(client);
    connection.await??;
    Ok(deliveries as f64 / elapsed.as_secs_f64())
}
