//! More callers than the disk can serve.

use core::time::Duration;

use gymhook_engine::Engine;
use gymhook_engine::store::{SqliteStore, Store as _, StoreError};

use crate::stage::{notification, subscribe};

const BUSY: StoreError = StoreError::Busy { retry_after: Duration::from_secs(1) };

#[tokio::test]
async fn beyond_the_queue_a_call_waits_and_then_is_told_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let options = SqliteStore::options().with_queue_bytes(4 << 10).with_queue_wait(Duration::from_millis(50));
    let store = options.open(&path).unwrap();
    subscribe(&store).await;
    let now = store.now().await.unwrap();
    let enqueue = async |number| store.enqueue(vec![notification(number, 4 << 10)], now).await.map(drop);

    let disk = rusqlite::Connection::open(&path).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let engine = Engine::builder(store.clone()).enqueue_only();
    // The first fills the queue, the second waits outside until its time is over, and for the third there is no room even there.
    let (first, second, third, ready) = tokio::join!(
        enqueue(1),
        async {
            let waited = enqueue(2).await;
            disk.execute_batch("COMMIT").unwrap();
            waited
        },
        enqueue(3),
        engine.readiness(),
    );
    assert_eq!(ready, Ok(()), "whoever asks does not stand in the callers' line");
    assert_eq!((first, second, third), (Ok(()), Err(BUSY), Err(BUSY)));
    assert_eq!(enqueue(2).await, Ok(()), "there is room again");
    assert_eq!(store.stats(now).await.unwrap().waiting, 2, "nothing was done for those that were sent away");
}
