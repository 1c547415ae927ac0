//! Disks, files and servers fail under a running engine: what was acknowledged is delivered, and once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "real processes live in real time")]

use core::num::NonZeroU32;
use core::time::Duration;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gymhook_crash_tests::drive::{judge, until_drained, wait_for_work};
use gymhook_crash_tests::orders::{Orders, Place};
use gymhook_crash_tests::process::Process;
use gymhook_crash_tests::receiver::Receiver;
use gymhook_crash_tests::total::Totals;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{PostgresStore, SqliteStore, Store, StoreError};
use gymhook_test_postgres::{Server, fresh_schema};
use tempfile::TempDir;
use tokio_postgres::NoTls;

fn sender() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_sender"))
}

struct Stage {
    folder: TempDir,
    receiver: Receiver,
    orders: Orders,
}

impl Stage {
    fn set(place: impl FnOnce(&Path) -> Place) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(folder.path()).unwrap();
        let orders = Orders {
            place: place(folder.path()),
            folder: folder.path().to_owned(),
            endpoints: (0..6).collect(),
            enqueues: true,
            seed: 1,
            dies: None,
            lease: Duration::from_secs(10),
            max_endpoints: NonZeroU32::MAX,
        };
        Self { folder, receiver, orders }
    }

    fn in_a_file() -> Self {
        Self::set(|folder| Place::Sqlite(folder.join("webhooks.db")))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self) -> &Path {
        match &self.orders.place {
            Place::Sqlite(file) => file,
            Place::Postgres { .. } => panic!("it is in no file"),
        }
    }

    fn start(&self) -> Process {
        Process::start(&sender(), &self.orders).unwrap()
    }

    /// The one that went through it all ends, another one delivers the rest, and everything is judged.
    async fn end(self, process: Process, store: &impl Store) -> Totals {
        process.end().await.unwrap();
        let orders = Orders { enqueues: false, ..self.orders.clone() };
        let last = Process::start(&sender(), &orders).unwrap();
        if let Err(problem) = until_drained(store).await {
            panic!("{problem}: everything is kept in {}", self.folder.keep().display());
        }
        last.end().await.unwrap();
        let wire = self.receiver.stop().unwrap();
        let totals = judge(self.folder.path(), wire, store).await.unwrap();
        println!("{totals}");
        assert!(totals.delivered > 0);
        totals
    }
}

/// Nobody died, so nothing may come twice.
fn assert_nothing_twice(totals: &Totals) {
    assert_eq!((totals.kills, totals.duplicates), (0, 0), "{totals}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_grow_any_more_holds_everything_up_and_loses_nothing() {
    let stage = Stage::in_a_file();
    let mut process = Process::start_limited(&sender(), &stage.orders, 2_000, false).unwrap();
    process.until_it_complains(stage.path(), "the database is not available: disk I/O error").await.unwrap();
    process.lift_limit().unwrap();
    wait_for_work(stage.path(), &mut process).await.unwrap();
    let store = SqliteStore::open(stage.file()).unwrap();
    assert_nothing_twice(&stage.end(process, &store).await);
}

/// A disk of its own; it is given back when this is dropped.
struct Disk(TempDir);

impl Disk {
    /// `None` if this process may not mount one.
    fn of(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        mount(&format!("size={megabytes}m"), folder.path()).then(|| Self(folder))
    }

    fn grow(&self) {
        assert!(mount("remount,size=256m", self.0.path()), "the disk does not grow");
    }
}

fn mount(options: &str, folder: &Path) -> bool {
    let said = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output();
    said.is_ok_and(|said| said.status.success())
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_holds_everything_up_and_loses_nothing() {
    let Some(disk) = Disk::of(2) else {
        // The same with a limit on the file is tested above, wherever this runs.
        println!("no disk of 2 MB: this process may not mount one");
        return;
    };
    let stage = Stage::set(|_| Place::Sqlite(disk.0.path().join("webhooks.db")));
    let mut process = stage.start();
    process.until_it_complains(stage.path(), "the disk is full").await.unwrap();
    disk.grow();
    wait_for_work(stage.path(), &mut process).await.unwrap();
    let store = SqliteStore::open(stage.file()).unwrap();
    assert_nothing_twice(&stage.end(process, &store).await);
    drop(store);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_program_holds_past_the_busy_timeout_holds_everything_up() {
    let stage = Stage::in_a_file();
    let mut process = stage.start();
    wait_for_work(stage.path(), &mut process).await.unwrap();
    let other = rusqlite::Connection::open(stage.file()).unwrap();
    other.busy_timeout(Duration::from_secs(60)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    process.until_it_complains(stage.path(), "database is locked").await.unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    wait_for_work(stage.path(), &mut process).await.unwrap();
    let store = SqliteStore::open(stage.file()).unwrap();
    let totals = stage.end(process, &store).await;
    assert_eq!(totals.kills, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_only_be_read_is_refused_and_stays_as_it_is() {
    let stage = Stage::in_a_file();
    let mut process = stage.start();
    wait_for_work(stage.path(), &mut process).await.unwrap();
    // Another way to the same folder; a permission would not stop root.
    let mounted = tempfile::tempdir().unwrap();
    let mount_as = |options: &[&str]| {
        let said = Command::new("mount").args(options).arg(mounted.path()).output();
        said.is_ok_and(|said| said.status.success())
    };
    let folder = stage.path().to_str().unwrap();
    if mount_as(&["--bind", folder]) {
        assert!(mount_as(&["-o", "remount,bind,ro"]), "the mount cannot be made read-only");
        let refused = SqliteStore::open(mounted.path().join("webhooks.db")).map(drop);
        let _unmounted = Command::new("umount").arg("-l").arg(mounted.path()).status();
        assert!(matches!(refused, Err(StoreError::ReadOnly { .. })), "{refused:?}");
    } else {
        println!("not tried: this process may not mount");
    }
    process.still_runs().unwrap();
    let store = SqliteStore::open(stage.file()).unwrap();
    assert_nothing_twice(&stage.end(process, &store).await);
}

/// Killed in the middle of the writes that make the tables, at each of their pages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_is_killed_half_way_is_done_again() {
    const SIGNAL_FOR_LENGTH: i32 = 25;
    let mut killed = 0;
    for pages in 1..24 {
        let stage = Stage::in_a_file();
        // The page and, in the write-ahead log, its header.
        let blocks = pages * 8 + 1;
        let mut process = Process::start_limited(&sender(), &stage.orders, blocks, true).unwrap();
        let ended = process.ends().await.unwrap();
        assert_eq!(ended.signal(), Some(SIGNAL_FOR_LENGTH), "{ended}");
        let file = rusqlite::Connection::open(stage.file()).unwrap();
        let version: i64 = file.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        drop(file);
        killed += u32::from(version == 0);

        let mut process = stage.start();
        wait_for_work(stage.path(), &mut process).await.unwrap();
        let store = SqliteStore::open(stage.file()).unwrap();
        let _totals = stage.end(process, &store).await;
    }
    assert!(killed > 3, "only {killed} died before the tables were made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_again_and_again_hold_nothing_up_for_long() {
    let server = Server::start().unwrap();
    let (url, schema) = (server.url(), fresh_schema());
    let stage = Stage::set(|_| Place::Postgres { url: url.clone(), schema: schema.clone() });
    let mut process = stage.start();
    let (client, connection) = server.config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let mut cuts = 0;
    for _ in 0..15 {
        wait_for_work(stage.path(), &mut process).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        cuts += client.query(cut, &[]).await.unwrap().len();
    }
    assert!(cuts > 15, "only {cuts} connections were cut");
    wait_for_work(stage.path(), &mut process).await.unwrap();
    let options = PostgresOptions::new().with_schema(Schema::new(schema).unwrap());
    let store = PostgresStore::connect(&url, options).await.unwrap();
    assert_nothing_twice(&stage.end(process, &store).await);
}

/// All at once, several times, with the same sender at work before, during and after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_restarted_under_a_running_engine_loses_nothing() {
    let server = Server::start().unwrap();
    let (url, schema) = (server.url(), fresh_schema());
    let stage = Stage::set(|_| Place::Postgres { url: url.clone(), schema: schema.clone() });
    let mut process = stage.start();
    for _ in 0..3 {
        wait_for_work(stage.path(), &mut process).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.stop_immediately().unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.start_again().unwrap();
    }
    wait_for_work(stage.path(), &mut process).await.unwrap();
    let options = PostgresOptions::new().with_schema(Schema::new(schema).unwrap());
    let store = PostgresStore::connect(&url, options).await.unwrap();
    // Its leases are long enough for it to bring everything to the store by itself.
    assert_nothing_twice(&stage.end(process, &store).await);
}
