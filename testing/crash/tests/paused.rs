//! A worker is stopped past its lease and goes on when another has taken over: what it writes late changes nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "real processes live in real time")]

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;

use gymhook_crash_tests::drive::{judge, until_drained, wait_for_work};
use gymhook_crash_tests::orders::{CrashPoint, Orders, Place, Signal};
use gymhook_crash_tests::process::Process;
use gymhook_crash_tests::receiver::Receiver;
use gymhook_crash_tests::rows::{Row, rows};
use gymhook_crash_tests::wire::Event;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{AttemptOutcome, PostgresStore, State, StatsQuery, Store};
use gymhook_test_postgres::{Server, fresh_schema};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

fn sender() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_sender"))
}

struct Stage {
    folder: TempDir,
    receiver: Receiver,
    store: PostgresStore,
    client: Client,
    orders: Orders,
    /// Stopped when this is dropped.
    _server: Server,
}

/// The number of each endpoint's latest lease, and whose it is.
type Leases = BTreeMap<Uuid, (i64, Option<Uuid>)>;

impl Stage {
    async fn set() -> Self {
        let server = Server::start().unwrap();
        let (schema, url) = (fresh_schema(), server.url());
        let options = PostgresOptions::new().with_schema(Schema::new(schema.clone()).unwrap());
        let store = PostgresStore::connect(&url, options).await.unwrap();
        let (client, connection) = server.config().connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("SET search_path TO {schema}")).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(folder.path()).unwrap();
        let orders = Orders {
            place: Place::Postgres { url, schema },
            folder: folder.path().to_owned(),
            endpoints: (0..6).collect(),
            enqueues: true,
            seed: 1,
            dies: None,
            lease: Duration::from_secs(2),
            max_endpoints: NonZeroU32::MAX,
        };
        Self { folder, receiver, store, client, orders, _server: server }
    }

    fn stopping(&self, when: &str, nth: u64) -> Orders {
        let point =
            CrashPoint { operation: "commit".to_owned(), when: when.to_owned(), nth, signal: Signal::Stop };
        Orders { dies: Some(point), ..self.orders.clone() }
    }

    async fn leases(&self) -> Leases {
        let sql = "SELECT id, lease_epoch, lease_owner FROM subscriptions";
        let found = self.client.query(sql, &[]).await.unwrap();
        found.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
    }

    /// Everything that the store knows of deliveries, by id.
    async fn rows(&self) -> BTreeMap<u128, Row> {
        rows(&self.store).await.unwrap().into_iter().map(|row| (row.delivery, row)).collect()
    }

    /// Another takes over from one that is stopped, and ends everything; then the first goes on, alone.
    async fn take_over_from(self, mut late: Process) {
        self.receiver.mark(Event::Paused { pid: late.pid() }).unwrap();
        let before = self.leases().await;
        let under_way: Vec<Row> =
            self.rows().await.into_values().filter(|row| row.state == State::InFlight).collect();
        assert!(!under_way.is_empty(), "it has attempts under way");

        let successor = Orders { enqueues: false, ..self.orders.clone() };
        let successor = Process::start(&sender(), &successor).unwrap();
        until_drained(&self.store).await.unwrap();
        successor.end().await.unwrap();
        let taken = self.leases().await;
        let ended = self.rows().await;
        for row in &under_way {
            let endpoint = Uuid::from_u128(u128::from(row.endpoint));
            assert!(taken[&endpoint].0 > before[&endpoint].0, "its lease is somebody else's");
            let lost = ended[&row.delivery].logged(row.sends).unwrap();
            assert_eq!((lost.outcome, lost.status), (AttemptOutcome::Lost, None));
        }

        late.signal(rustix::process::Signal::CONT).unwrap();
        // What it enqueues now it has to deliver by itself, so it has new leases.
        wait_for_work(self.folder.path(), &mut late).await.unwrap();
        until(|| async {
            let fresh = self.leases().await;
            fresh.iter().all(|(endpoint, (epoch, owner))| *epoch > taken[endpoint].0 && owner.is_some())
        })
        .await;
        late.still_runs().unwrap();
        let now = self.rows().await;
        for (delivery, row) in &ended {
            assert_eq!(
                Some(row),
                now.get(delivery),
                "what has ended stays as it was, its log of attempts too"
            );
        }
        let new = || async {
            let is_new = |row: &Row| !ended.contains_key(&row.delivery) && row.state == State::Delivered;
            self.rows().await.values().any(is_new)
        };
        until(new).await;

        // The same end for all: what is left is delivered, and everything is judged.
        late.end().await.unwrap();
        let last = Orders { enqueues: false, ..self.orders.clone() };
        let last = Process::start(&sender(), &last).unwrap();
        until_drained(&self.store).await.unwrap();
        last.end().await.unwrap();
        let wire = self.receiver.stop().unwrap();
        println!("{}", judge(self.folder.path(), wire, &self.store).await.unwrap());
    }
}

/// Waits until something holds; what never comes fails after a minute.
async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    for _ in 0..1_200 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not happen in time");
}

/// Its answers come in while it is stopped, and are brought to the store too late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_stopped_anywhere_writes_nothing_late() {
    let stage = Stage::set().await;
    let mut late = Process::start(&sender(), &stage.orders).unwrap();
    wait_for_work(stage.folder.path(), &mut late).await.unwrap();
    // Until it happens to have something under way.
    loop {
        tokio::time::sleep(Duration::from_millis(150)).await;
        late.signal(rustix::process::Signal::STOP).unwrap();
        late.until_stopped().await.unwrap();
        let now = stage.store.now().await.unwrap();
        if stage.store.stats(StatsQuery::new(), now).await.unwrap().in_flight > 0 {
            break;
        }
        late.signal(rustix::process::Signal::CONT).unwrap();
    }
    stage.take_over_from(late).await;
}

/// What it is about to write when it goes on is what it knew before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_cut_before_the_pause_is_refused() {
    let stage = Stage::set().await;
    let late = Process::start(&sender(), &stage.stopping("before", 60)).unwrap();
    late.until_stopped().await.unwrap();
    stage.take_over_from(late).await;
}

/// What it announced before the pause is not sent after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_that_were_announced_before_the_pause_are_not_sent() {
    let stage = Stage::set().await;
    let late = Process::start(&sender(), &stage.stopping("after", 60)).unwrap();
    late.until_stopped().await.unwrap();
    stage.take_over_from(late).await;
}
