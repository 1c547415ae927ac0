//! Files are deleted beside a database in use, and another process opens it meanwhile, which makes them anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "real processes live in real time")]

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gymhook_crash_tests::drive::{judge, until_drained, wait_for_work};
use gymhook_crash_tests::orders::{Orders, Place};
use gymhook_crash_tests::process::Process;
use gymhook_crash_tests::receiver::Receiver;
use gymhook_crash_tests::wire::Event;
use gymhook_engine::store::SqliteStore;
use rusqlite::Connection;
use rustix::process::Signal;
use tempfile::TempDir;

struct Stage {
    folder: TempDir,
    receiver: Receiver,
    orders: Orders,
}

/// Each endpoint's lease: its number, its owner, and until when it lasts.
type Leases = BTreeMap<Vec<u8>, (i64, Option<Vec<u8>>, i64)>;

impl Stage {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(folder.path()).unwrap();
        let orders = Orders {
            place: Place::Sqlite(folder.path().join("webhooks.db")),
            folder: folder.path().to_owned(),
            endpoints: (0..6).collect(),
            enqueues: true,
            seed: 1,
            dies: None,
            // None runs out while this looks.
            lease: Duration::from_secs(120),
            max_endpoints: NonZeroU32::MAX,
        };
        Self { folder, receiver, orders }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn beside(&self, ending: &str) -> PathBuf {
        self.path().join(format!("webhooks.db{ending}"))
    }

    fn start(&self, enqueues: bool) -> Process {
        let orders = Orders { enqueues, ..self.orders.clone() };
        Process::start(Path::new(env!("CARGO_BIN_EXE_sender")), &orders).unwrap()
    }

    fn look(&self) -> Connection {
        let connection = Connection::open(self.beside("")).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    fn leases(&self) -> Leases {
        let connection = self.look();
        let mut select = connection
            .prepare("SELECT id, lease_epoch, lease_owner, lease_until FROM gymhook_subscriptions")
            .unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))));
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// Stops it at a moment at which it holds leases, and the file is nobody's to write to.
    async fn stop(&self, process: &Process) -> Leases {
        loop {
            process.signal(Signal::STOP).unwrap();
            process.until_stopped().await.unwrap();
            let connection = self.look();
            connection.busy_timeout(Duration::from_millis(50)).unwrap();
            let is_free = connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok();
            drop(connection);
            if is_free {
                let leases = self.leases();
                if leases.values().filter(|(_, _, until)| *until > 0).count() >= 3 {
                    return leases;
                }
            }
            process.signal(Signal::CONT).unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asserts that these leases are as they were. An endpoint that nobody had leased may have been leased since.
    fn assert_held(&self, held: &Leases, otherwise: &str) {
        let now = self.leases();
        for (endpoint, lease) in held.iter().filter(|(_, (_, owner, _))| owner.is_some()) {
            assert_eq!(now.get(endpoint), Some(lease), "{otherwise}");
        }
    }

    /// Another one delivers what is left, and everything is judged.
    async fn end(self) {
        let last = self.start(false);
        let store = SqliteStore::open(self.beside("")).unwrap();
        if let Err(problem) = until_drained(&store).await {
            panic!("{problem}: everything is kept in {}", self.folder.keep().display());
        }
        last.end().await.unwrap();
        let totals = judge(self.folder.path(), self.receiver.stop().unwrap(), &store).await.unwrap();
        println!("{totals}");
        assert!(totals.delivered > 0);
    }

    fn delivered(&self) -> u64 {
        let sql = "SELECT count(*) FROM gymhook_attempts";
        self.look().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_lock_of_the_workers_ends_nobody_s_leases() {
    let stage = Stage::set();
    let mut first = stage.start(true);
    wait_for_work(stage.path(), &mut first).await.unwrap();
    let held = stage.stop(&first).await;
    fs::remove_file(stage.beside("-worker")).unwrap();
    // Before the first could notice.
    stage.start(false).end().await.unwrap();
    stage.assert_held(&held, "the second ended what the first holds, or took it");

    let before = stage.delivered();
    first.signal(Signal::CONT).unwrap();
    while stage.delivered() == before {
        first.still_runs().unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // By now there is a file that the second made, and the first has to be seen there.
    let held = stage.stop(&first).await;
    stage.start(false).end().await.unwrap();
    stage.assert_held(&held, "the third ended what the first holds, or took it");
    first.signal(Signal::CONT).unwrap();
    wait_for_work(stage.path(), &mut first).await.unwrap();
    first.end().await.unwrap();
    stage.end().await;
}

/// The first, stopped meanwhile, writes nothing more, and says why; what it had acknowledged is not lost.
async fn is_found_out(ending: &str) {
    let stage = Stage::set();
    let mut first = stage.start(true);
    for _ in 0..5 {
        wait_for_work(stage.path(), &mut first).await.unwrap();
    }
    let _held = stage.stop(&first).await;
    fs::remove_file(stage.beside(ending)).unwrap();
    // Whether it can work with what it finds is not said, but it makes the file.
    let mut second = stage.start(false);
    while !stage.beside(ending).exists() {
        if second.still_runs().is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    first.signal(Signal::CONT).unwrap();
    let _ended = first.ends().await.unwrap();
    let said = fs::read_to_string(gymhook_crash_tests::process::complaints(stage.path())).unwrap();
    let is_said = |words: &str| said.contains(&format!("webhooks.db{ending}")) && said.contains(words);
    assert!(is_said("is not the one that is open") || is_said("was deleted or moved"), "{said}");
    stage.receiver.mark(Event::Killed { pid: first.pid() }).unwrap();
    if second.still_runs().is_ok() {
        stage.receiver.mark(Event::Killed { pid: second.pid() }).unwrap();
        second.kill().await.unwrap();
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_another_process_made_anew_is_found_out() {
    is_found_out("-wal").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_another_process_made_anew_is_found_out() {
    is_found_out("-shm").await;
}
