//! A file that is deleted, moved or replaced under an open store: nothing more is acknowledged, and that is said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gymhook_sqlite::SqliteStore;
use gymhook_store::{Enqueued, Store as _, StoreError};
use tempfile::TempDir;

use crate::stage::{notification, subscribe};

struct Played {
    _folder: TempDir,
    path: PathBuf,
    store: SqliteStore,
}

/// A store that has acknowledged a notification.
async fn opened() -> Played {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let store = SqliteStore::open(&path).unwrap();
    subscribe(&store).await;
    enqueue(&store, 1).await.unwrap();
    Played { _folder: folder, path, store }
}

async fn enqueue(store: &SqliteStore, number: u32) -> Result<(), StoreError> {
    let now = store.now().await.unwrap();
    store.enqueue(vec![notification(number, 8)], now).await.map(drop)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

#[track_caller]
fn assert_replaced(said: Result<(), StoreError>, named: &Path) {
    let Err(StoreError::Replaced { problem }) = &said else { panic!("{said:?}") };
    assert!(problem.contains(named.to_str().unwrap()), "{problem}");
}

#[tokio::test]
async fn a_deleted_file_is_not_acknowledged_to() {
    let Played { path, store, .. } = &opened().await;
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(beside(path, ending)).unwrap();
    }
    assert_replaced(enqueue(store, 2).await, path);
    assert_replaced(store.close().await, path);
    assert!(!path.exists(), "nothing was made in its place");
}

#[tokio::test]
async fn a_moved_file_is_not_acknowledged_to_until_it_is_back() {
    let Played { path, store, .. } = &opened().await;
    let away = beside(path, ".away");
    fs::rename(path, &away).unwrap();
    assert_replaced(enqueue(store, 2).await, path);
    fs::rename(&away, path).unwrap();
    assert_eq!(enqueue(store, 3).await, Ok(()));
    assert_eq!(store.close().await, Ok(()));
    let again = SqliteStore::open(path).unwrap();
    let now = again.now().await.unwrap();
    assert_eq!(again.stats(now).await.unwrap().waiting, 2, "the first and the last");
}

#[tokio::test]
async fn what_another_process_acknowledged_at_the_path_is_left_alone() {
    let Played { _folder, path, store } = opened().await;
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(beside(&path, ending)).unwrap();
    }
    let other = SqliteStore::open(&path).unwrap();
    subscribe(&other).await;
    enqueue(&other, 7).await.unwrap();
    assert_replaced(enqueue(&store, 2).await, &path);
    assert_replaced(store.close().await, &path);
    enqueue(&other, 8).await.unwrap();
    assert_eq!(other.close().await, Ok(()));
    let again = SqliteStore::open(&path).unwrap();
    let now = again.now().await.unwrap();
    assert_eq!(again.stats(now).await.unwrap().waiting, 2);
}

#[tokio::test]
async fn a_log_that_was_removed_is_said_and_what_was_in_it_is_saved() {
    let Played { path, store, .. } = &opened().await;
    let log = beside(path, "-wal");
    fs::remove_file(&log).unwrap();
    assert_replaced(enqueue(store, 2).await, &log);
    // Whatever becomes of this process, and of the empty log that another one may leave here: it is in the database.
    assert_holds_the_first(path).await;
    let second = SqliteStore::open(path).map(drop);
    assert_replaced(store.close().await, &log);
    let again = SqliteStore::open(path).unwrap();
    let now = again.now().await.unwrap();
    let first = again.enqueue(vec![notification(1, 8)], now).await.unwrap();
    assert!(matches!(first[..], [Ok(Enqueued::Duplicate { .. })]), "{first:?} after {second:?}");
}

#[tokio::test]
async fn a_log_that_another_process_made_anew_does_not_cost_what_was_in_the_old_one() {
    let Played { path, store, .. } = &opened().await;
    let log = beside(path, "-wal");
    fs::remove_file(&log).unwrap();
    let _refused = SqliteStore::open(path).map(drop);
    assert_replaced(enqueue(store, 2).await, &log);
    assert_holds_the_first(path).await;
    assert_replaced(store.close().await, &log);
    assert_holds_the_first(path).await;
}

/// Without its index two processes would write into one log, each over what the other has acknowledged.
#[tokio::test]
async fn a_log_s_index_that_was_removed_or_replaced_is_said() {
    for is_replaced in [false, true] {
        let Played { path, store, .. } = &opened().await;
        let index = beside(path, "-shm");
        fs::remove_file(&index).unwrap();
        if is_replaced {
            fs::write(&index, "as another process makes it").unwrap();
        }
        assert_replaced(enqueue(store, 2).await, &index);
        assert_replaced(store.close().await, &index);
        fs::remove_file(&index).unwrap_or_default();
        let again = SqliteStore::open(path).unwrap();
        let now = again.now().await.unwrap();
        assert_eq!(again.stats(now).await.unwrap().waiting, 1, "what was acknowledged, and no more");
    }
}

/// What makes this test play the other process, on the database of this path.
const OTHER_PROCESS: &str = "GYMHOOK_TEST_OTHER_PROCESS";

/// It makes an index of its own, acknowledges something in the same log, and has gone before the first one closes: that one is
/// the last to close, and would write what its own index knows into the database, and delete the log.
#[tokio::test]
async fn what_another_process_acknowledged_with_an_index_of_its_own_stays() {
    if let Some(path) = std::env::var_os(OTHER_PROCESS) {
        let store = SqliteStore::open(path).unwrap();
        enqueue(&store, 7).await.unwrap();
        store.close().await.unwrap();
        return;
    }
    let Played { path, store, .. } = &opened().await;
    let index = beside(path, "-shm");
    fs::remove_file(&index).unwrap();
    let name = "replaced::what_another_process_acknowledged_with_an_index_of_its_own_stays";
    let other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(OTHER_PROCESS, path)
        .output()
        .unwrap();
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stdout));
    assert!(index.exists(), "the other process was here");
    assert_replaced(enqueue(store, 2).await, &index);
    assert_replaced(store.close().await, &index);
    let again = SqliteStore::open(path).unwrap();
    let now = again.now().await.unwrap();
    assert_eq!(again.stats(now).await.unwrap().waiting, 2, "1 and 7");
}

/// Looks at a copy of the database alone, as somebody finds it who has nothing else.
async fn assert_holds_the_first(path: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    fs::copy(path, &copy).unwrap();
    let store = SqliteStore::open(&copy).unwrap();
    let held = notification(1, 8);
    assert_eq!(store.body(held.id).await, Ok(Some(held.body)));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_body_that_is_gone_or_damaged_is_made_whole_by_the_same_bytes() {
    let Played { path, store, .. } = &opened().await;
    let expected = notification(1, 8);
    for damage in ["DELETE FROM gymhook_bodies", "UPDATE gymhook_bodies SET body = x'00'"] {
        let other = rusqlite::Connection::open(path).unwrap();
        assert_eq!(other.execute(damage, []).unwrap(), 1);
        drop(other);
        enqueue(store, 1).await.unwrap();
        assert_eq!(store.body(expected.id).await, Ok(Some(expected.body.clone())), "after {damage}");
    }
}
