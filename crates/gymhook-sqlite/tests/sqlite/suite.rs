use std::path::PathBuf;
use std::sync::Mutex;

use gymhook_sqlite::SqliteStore;
use gymhook_store::testing::suite::Harness;
use gymhook_store::{
    ApiKeyOwner, ApiKeyQuery, ApiKeyRow, Journal, LeaseRequest, Store as _, StoreError, WorkerId,
};
use gymhook_store::{DeliveryId, Direction, EndpointId};
use tempfile::TempDir;

use crate::stage::{notification, subscribe};

/// Files in a folder of its own.
#[derive(Default)]
struct InAFile {
    folders: Mutex<Vec<TempDir>>,
}

impl InAFile {
    fn folder(&self) -> PathBuf {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        self.folders.lock().unwrap().push(folder);
        path
    }
}

fn change(store: &SqliteStore, sql: &str, id: DeliveryId) -> bool {
    let connection = rusqlite::Connection::open(store.path()).unwrap();
    connection.execute(sql, [id.as_uuid().as_bytes()]).unwrap() == 1
}

impl Harness for InAFile {
    type Store = SqliteStore;

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(self.folder().join("webhooks.db")).unwrap()
    }

    async fn reopen(&self, store: SqliteStore) -> Option<SqliteStore> {
        let path = store.path().to_owned();
        drop(store);
        Some(SqliteStore::open(path).unwrap())
    }

    async fn damage_delivery(&self, store: &SqliteStore, id: DeliveryId) -> bool {
        change(store, "UPDATE gymhook_deliveries SET attempt = attempt + 1 WHERE id = ?1", id)
    }

    async fn damage_body(&self, store: &SqliteStore, id: DeliveryId) -> bool {
        let sql = "UPDATE gymhook_bodies SET body = CAST(body || x'00' AS BLOB)
                   WHERE seq = (SELECT seq FROM gymhook_deliveries WHERE id = ?1)";
        change(store, sql, id)
    }

    async fn damage_subscription(&self, store: &SqliteStore, id: EndpointId) -> bool {
        let connection = rusqlite::Connection::open(store.path()).unwrap();
        let sql = "UPDATE gymhook_subscriptions SET record = '{' WHERE id = ?1";
        connection.execute(sql, [id.as_uuid().as_bytes()]).unwrap() == 1
    }

    async fn damage_attempt(&self, store: &SqliteStore, id: DeliveryId, send: u32) -> bool {
        let connection = rusqlite::Connection::open(store.path()).unwrap();
        let sql = "UPDATE gymhook_attempts SET outcome = 'sunk'
                   WHERE seq = (SELECT seq FROM gymhook_deliveries WHERE id = ?1) AND send = ?2";
        connection.execute(sql, rusqlite::params![id.as_uuid().as_bytes(), send]).unwrap() == 1
    }

    async fn damage_journal(&self, store: &SqliteStore, journal: Journal, number: u64) -> bool {
        let connection = rusqlite::Connection::open(store.path()).unwrap();
        let sql = "UPDATE gymhook_journal SET at = 9223372036854775807 WHERE journal = ?1 AND number = ?2";
        connection.execute(sql, rusqlite::params![journal.code(), number]).unwrap() == 1
    }

    async fn count_attempts(&self, store: &SqliteStore) -> Option<u64> {
        let connection = rusqlite::Connection::open(store.path()).unwrap();
        Some(connection.query_row("SELECT count(*) FROM gymhook_attempts", [], |row| row.get(0)).unwrap())
    }

    async fn lose_body(&self, store: &SqliteStore, id: DeliveryId) -> bool {
        let sql = "DELETE FROM gymhook_bodies WHERE seq = (SELECT seq FROM gymhook_deliveries WHERE id = ?1)";
        change(store, sql, id)
    }
}

gymhook_store::store_suite!(InAFile::default());

#[tokio::test]
async fn only_a_worker_that_is_alone_ends_the_leases_of_others() {
    let harness = InAFile::default();
    let first = harness.open().await;
    let [second, third, fourth] = [(); 3].map(|()| SqliteStore::open(first.path()).unwrap());
    assert_eq!(first.take_over().await, Ok(true), "nobody else is there");
    assert_eq!(first.take_over().await, Ok(false), "a worker of this very process is there");
    assert_eq!(second.take_over().await, Ok(false), "the first is there");
    drop(first);
    assert_eq!(third.take_over().await, Ok(false), "the second is there, whatever became of the first");
    drop((second, third));
    assert_eq!(fourth.take_over().await, Ok(true));
}

fn leases_for(worker: u128) -> LeaseRequest {
    LeaseRequest {
        worker: WorkerId::new(uuid::Uuid::from_u128(worker)),
        direction: Direction::Outgoing,
        only: None,
        limit: 10,
        length: core::time::Duration::from_secs(3_600),
    }
}

/// Whoever makes the lock's file does not know who held the one before.
#[tokio::test]
async fn a_lock_that_was_deleted_ends_nobody_s_leases() {
    let harness = InAFile::default();
    let first = harness.open().await;
    subscribe(&first).await;
    let new = first.enqueue(vec![notification(1, 8)], first.now().await.unwrap()).await.unwrap();
    assert!(new[0].is_ok());
    assert_eq!(first.take_over().await, Ok(true));
    let now = first.now().await.unwrap();
    assert_eq!(first.lease(leases_for(1), now).await.unwrap().len(), 1);
    std::fs::remove_file(format!("{}-worker", first.path().display())).unwrap();
    let second = SqliteStore::open(first.path()).unwrap();
    assert_eq!(second.take_over().await, Ok(false));
    assert!(second.lease(leases_for(2), now).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_worker_takes_a_lock_again_that_was_deleted() {
    let harness = InAFile::default();
    let first = harness.open().await;
    assert_eq!(first.take_over().await, Ok(true));
    std::fs::remove_file(format!("{}-worker", first.path().display())).unwrap();
    let now = first.now().await.unwrap();
    assert!(first.lease(leases_for(1), now).await.unwrap().is_empty());
    let second = SqliteStore::open(first.path()).unwrap();
    assert_eq!(second.take_over().await, Ok(false), "the first is there");
}

#[tokio::test]
async fn a_file_that_may_only_be_read_is_refused_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    // What is still open for writing cannot be mounted to be read only.
    SqliteStore::open(&path).unwrap().close().await.unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o444)).unwrap();
    let stops_this_user = std::fs::File::options().write(true).open(&path).is_err();
    // Permissions do not stop root, but a mount does.
    assert!(
        stops_this_user || crate::stage::mount_read_only(folder.path()).await,
        "this test needs a user that permissions stop, or one that may mount"
    );
    let refused = SqliteStore::open(&path).map(drop);
    crate::stage::unmount(folder.path());
    let Err(StoreError::ReadOnly { problem }) = &refused else { panic!("{refused:?}") };
    assert!(problem.contains(path.to_str().unwrap()), "{problem}");
}

#[tokio::test]
async fn a_file_that_was_closed_holds_everything_by_itself() {
    let harness = InAFile::default();
    let store = harness.open().await;
    let clone = store.clone();
    let label = |number: u128| ApiKeyRow {
        id: uuid::Uuid::from_u128(number),
        digest: [7; 32],
        owner: ApiKeyOwner::All,
        label: "front desk".to_owned(),
        rights: gymhook_store::ApiKeyRights::Write,
        issued_at: time::macros::utc_datetime!(2026-01-01 12:00),
        revoked_at: None,
    };
    store.put_api_key(label(1)).await.unwrap();
    assert_eq!(store.close().await, Ok(()));
    assert_eq!(clone.put_api_key(label(2)).await, Err(StoreError::Closed));
    assert_eq!(clone.api_keys(ApiKeyQuery::new(9)).await, Err(StoreError::Closed));
    assert_eq!(clone.close().await, Err(StoreError::Closed));

    let copied = harness.folder().join("copied.db");
    std::fs::copy(store.path(), &copied).unwrap();
    assert_eq!(
        SqliteStore::open(copied).unwrap().api_keys(ApiKeyQuery::new(9)).await.unwrap().items,
        [label(1)]
    );
    let left: Vec<_> = std::fs::read_dir(store.path().parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, ["webhooks.db"]);
}
