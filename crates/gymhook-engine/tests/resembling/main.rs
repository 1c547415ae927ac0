//! Notifications of platforms that give no id, under a key that was derived.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scenario;

use gymhook_engine::store::memory::MemoryStore;
use time::macros::utc_datetime;

fn in_memory() -> MemoryStore {
    MemoryStore::new(utc_datetime!(2026-01-01 12:00))
}

#[tokio::test]
async fn under_a_derived_key_another_body_is_another_notification() {
    scenario::another_body_is_another_notification(in_memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_at_once_one_is_new() {
    scenario::of_several_at_once_one_is_new(in_memory()).await;
}

#[tokio::test]
async fn each_is_remembered_until_it_is_purged_itself() {
    scenario::each_is_remembered_until_it_is_purged_itself(in_memory()).await;
}

/// Even the same body is accepted again where the row of the first one is damaged, since nobody can tell what that was.
#[tokio::test]
async fn beside_a_damaged_row_it_is_accepted() {
    let store = in_memory();
    let inbox = scenario::inbox(store.clone()).await;
    let one = scenario::insight(1, "null");
    let (first, _) = scenario::new(inbox.accept(&one).await.unwrap());
    assert!(store.damage_delivery(first));
    let (second, resembles) = scenario::new(inbox.accept(&one).await.unwrap());
    assert_eq!(resembles, Some(first));
    assert_eq!(scenario::duplicate(inbox.accept(&one).await.unwrap()), second);
}

#[cfg(feature = "sqlite")]
mod in_a_file {
    use gymhook_engine::store::SqliteStore;
    use tempfile::TempDir;

    use super::scenario;

    fn file() -> (SqliteStore, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (SqliteStore::open(folder.path().join("inbox.db")).unwrap(), folder)
    }

    #[tokio::test]
    async fn another_body_is_another_notification() {
        let (store, _folder) = file();
        scenario::another_body_is_another_notification(store).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_several_at_once_one_is_new() {
        let (store, _folder) = file();
        scenario::of_several_at_once_one_is_new(store).await;
    }

    #[tokio::test]
    async fn each_is_remembered_until_it_is_purged_itself() {
        let (store, _folder) = file();
        scenario::each_is_remembered_until_it_is_purged_itself(store).await;
    }
}
