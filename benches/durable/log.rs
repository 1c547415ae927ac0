//! What a log of each size costs: its disk, a worker's start, the lists, deliveries on top of it, and its purge.

use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_benches::stats::median;
use gymhook_engine::Engine;
use gymhook_engine::store::postgres::tokio_postgres::{Config, NoTls};
use gymhook_engine::store::{DeliveryQuery, SqliteStore, State, StatsQuery, Store};
use time::Duration;
use tokio::sync::mpsc::unbounded_channel;

use crate::costs::{Costs, Meter};
use crate::load::{Load, body, http, notification, policy, subscribe};
use crate::log_rows::{
    ENDPOINTS, RARE_TYPE, gym, subscribe as subscribe_to_log, write_to_postgres, write_to_sqlite,
};
use crate::million::Telling;
use crate::receiver::Receiver;
use crate::report::{Report, Row, rate};
use crate::stores::{Postgres, Sqlite};
use crate::{Size, ceilings};

pub(crate) const TASK: &str = "log";

/// A store with a log.
struct Filled<S> {
    store: S,
    name: &'static str,
    deliveries: u64,
    bytes: u64,
    meter: Meter,
}

pub(crate) async fn measure(size: Size, postgres: &Postgres, report: &mut Report) -> Outcome<()> {
    let receiver = Receiver::start().await?;
    let sent = size.pick(20_000, 2_000);
    let meter = Meter::Sqlite;
    let before = meter.read().await?;
    let a_second = ceilings::http(&receiver.url("/hook"), sent).await?;
    let each = meter.read().await?.each(before, sent);
    report.add(Row {
        task: format!("{TASK}, none"),
        what: "HTTP client and server alone: processors' time a delivery".to_owned(),
        result: format!("{:.0} µs", 1e6 * each.own_seconds),
        ratio: rate(a_second),
        ..Row::default()
    });
    let sizes: &[u64] = match size {
        Size { is_quick: true, .. } => &[20_000],
        Size { is_huge: true, .. } => &[100_000, 1_000_000, 10_000_000],
        Size { .. } => &[100_000, 1_000_000],
    };
    for deliveries in sizes.iter().copied() {
        let Sqlite { folder, store } = Sqlite::fresh()?;
        subscribe_to_log(&store).await?;
        let (now, file) = (store.now().await?, store.path().to_owned());
        drop(store);
        let began = Instant::now();
        write_to_sqlite(&file, deliveries, now)?;
        eprintln!("{deliveries} deliveries are in SQLite's log after {:?}", began.elapsed());
        let bytes = std::fs::metadata(&file)?.len();
        let filled = Filled {
            store: SqliteStore::open(&file)?,
            name: "SQLite",
            deliveries,
            bytes,
            meter: Meter::Sqlite,
        };
        filled.measure(sent, &receiver, report).await?;
        drop(filled);
        let reopen = async || Ok(SqliteStore::open(&file)?);
        start_up(reopen, "SQLite", deliveries, report).await?;
        drop(folder);

        let schema = postgres.fresh_schema()?;
        let store = postgres.store(&schema).await?;
        subscribe_to_log(&store).await?;
        let began = Instant::now();
        write_to_postgres(&postgres.config(), schema.as_str(), deliveries, store.now().await?).await?;
        eprintln!("{deliveries} deliveries are in PostgreSQL's log after {:?}", began.elapsed());
        let bytes = bytes_of(&postgres.config(), schema.as_str()).await?;
        let meter = Meter::of_postgres(&postgres.config()).await?;
        let filled = Filled { store, name: "PostgreSQL", deliveries, bytes, meter };
        filled.measure(sent, &receiver, report).await?;
        start_up(async || postgres.store(&schema).await, "PostgreSQL", deliveries, report).await?;
        drop_schema(&postgres.config(), schema.as_str()).await?;
    }
    Ok(())
}

impl<S: Store> Filled<S> {
    fn row(&self, what: &str, result: String) -> Row {
        Row { task: task(self.name, self.deliveries), what: what.to_owned(), result, ..Row::default() }
    }

    async fn measure(&self, sent: u64, receiver: &Receiver, report: &mut Report) -> Outcome<()> {
        let each = self.bytes as f64 / self.deliveries as f64;
        report.add(Row {
            ratio: format!("{:.0} MiB in all", self.bytes as f64 / 1_048_576.0),
            ..self.row("disk, a delivery with its body, attempts and indexes", format!("{each:.0} B"))
        });
        self.lists(report).await?;
        self.deliver(sent, receiver, report).await?;
        self.purge(report).await
    }

    async fn lists(&self, report: &mut Report) -> Outcome<()> {
        const TIMES: usize = 11;
        let all = DeliveryQuery::new(100);
        let busy = DeliveryQuery { gym: Some(gym(0)), ..all.clone() };
        let lists = [
            ("list: the first page", all.clone()),
            (
                "list: of a rare type",
                DeliveryQuery { event_types: vec![RARE_TYPE.to_owned()], ..all.clone() },
            ),
            (
                "list: undeliverable, of the busiest gym",
                DeliveryQuery { state: Some(State::Undeliverable), ..busy },
            ),
            ("list: of the idlest gym", DeliveryQuery { gym: Some(gym(ENDPOINTS - 1)), ..all.clone() }),
            ("list: of no gym", DeliveryQuery { gym: Some("nobody".to_owned()), ..all }),
        ];
        for (what, query) in lists {
            let mut took = Vec::new();
            for _ in 0..TIMES {
                let began = Instant::now();
                let _page = self.store.deliveries(query.clone()).await?;
                took.push(began.elapsed().as_secs_f64() * 1e3);
            }
            report.add(self.row(what, format!("{:.1} ms", median(took))));
        }
        let mut took = Vec::new();
        for _ in 0..TIMES {
            let now = self.store.now().await?;
            let began = Instant::now();
            let _stats = self.store.stats(StatsQuery::new(), now).await?;
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        report.add(self.row("statistics of the last day", format!("{:.1} ms", median(took))));
        Ok(())
    }

    /// Enqueues and delivers on top of what there is.
    async fn deliver(&self, deliveries: u64, receiver: &Receiver, report: &mut Report) -> Outcome<()> {
        let load = Load { deliveries, endpoints: 10, callers: 4 };
        let engine = Engine::builder(self.store.clone()).start(http()?).await?;
        subscribe(&engine, 0..load.endpoints, &receiver.url("/hook"), &policy()).await?;
        let arrived = receiver.arrived();
        let before = self.meter.read().await?;
        let began = Instant::now();
        load.hand_over(&self.store).await?;
        while receiver.arrived() - arrived < deliveries {
            tokio::time::sleep(core::time::Duration::from_millis(2)).await;
        }
        // All were sent. Counting what waits would cost more than what is measured: there is a list of what is not recorded.
        let unrecorded = DeliveryQuery { state: Some(State::InFlight), ..DeliveryQuery::new(1) };
        while !self.store.deliveries(unrecorded.clone()).await?.items.is_empty() {
            tokio::time::sleep(core::time::Duration::from_millis(5)).await;
        }
        let a_second = deliveries as f64 / began.elapsed().as_secs_f64();
        let Costs { own_seconds, server_seconds, bytes_written, transactions, syncs } =
            self.meter.read().await?.each(before, deliveries);
        engine.shutdown().await;
        report.add(self.row("enqueued and delivered on top of it", rate(a_second)));
        let processors = format!("{:.0} µs", 1e6 * (own_seconds + server_seconds));
        let (of_server, commits) = match self.meter {
            Meter::Sqlite => (String::new(), String::new()),
            Meter::Postgres { .. } => (
                format!("{:.0} µs of them the server's", 1e6 * server_seconds),
                format!("{transactions:.3} transactions, {syncs:.3} syncs"),
            ),
        };
        report.add(Row {
            ratio: of_server,
            ..self.row("processors' time a delivery, HTTP and its receiver included", processors)
        });
        report.add(Row { ratio: commits, ..self.row("written a delivery", format!("{bytes_written:.0} B")) });
        Ok(())
    }

    /// Purges what is older than 27 of the 28 days.
    async fn purge(&self, report: &mut Report) -> Outcome<()> {
        const AT_A_TIME: u32 = 1_000;
        let before = self.store.now().await? - Duration::days(27);
        let (began, mut purged, mut longest) = (Instant::now(), 0, 0.0_f64);
        loop {
            let since = Instant::now();
            let some = self.store.purge(before, AT_A_TIME).await?;
            longest = longest.max(since.elapsed().as_secs_f64() * 1e3);
            purged += some;
            if some < u64::from(AT_A_TIME) {
                break;
            }
        }
        let a_second = purged as f64 / began.elapsed().as_secs_f64();
        report.add(Row {
            ratio: format!("{longest:.0} ms the longest call of 1,000"),
            ..self.row(&format!("purged, {purged} of them"), rate(a_second))
        });
        Ok(())
    }
}

fn task(store: &str, deliveries: u64) -> String {
    format!("{TASK}, {store}, {deliveries} deliveries")
}

/// From opening the store to the first attempt.
async fn start_up<S: Store>(
    open: impl AsyncFn() -> Outcome<S>,
    name: &str,
    deliveries: u64,
    report: &mut Report,
) -> Outcome<()> {
    let store = open().await?;
    let engine = Engine::builder(store.clone()).enqueue_only();
    subscribe(&engine, 0..1, "http://127.0.0.1/", &policy()).await?;
    let now = store.now().await?;
    // Of no delivery before it.
    for answer in store.enqueue(vec![notification(u64::MAX, 0, &body())], now).await? {
        let _new = answer?;
    }
    drop((engine, store));
    let began = Instant::now();
    let (tell, mut told) = unbounded_channel();
    let engine = Engine::builder(open().await?).start(Telling(tell)).await?;
    let first = told.recv().await.ok_or("no attempt was made")?;
    report.add(Row {
        task: task(name, deliveries),
        what: "from opening the store to the first attempt".to_owned(),
        result: format!("{:.0} ms", first.duration_since(began).as_secs_f64() * 1e3),
        ..Row::default()
    });
    engine.shutdown().await;
    Ok(())
}

async fn bytes_of(config: &Config, schema: &str) -> Outcome<u64> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    let sql = "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
        WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'";
    let bytes: i64 = client.query_one(sql, &[&schema]).await?.get(0);
    Ok(u64::try_from(bytes)?)
}

/// So that the next one has the disk for itself.
async fn drop_schema(config: &Config, schema: &str) -> Outcome<()> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await?;
    Ok(())
}
