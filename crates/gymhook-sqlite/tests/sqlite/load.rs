//! More callers than the disk can serve.

use core::time::Duration;

use gymhook_sqlite::SqliteStore;
use gymhook_store::{
    Command, Journal, NewJournalEntry, NewNotification, StatsQuery, Store as _, StoreError, SubscriptionRow,
    WriteCondition,
};

use crate::stage::{notification, subscribe};

/// What one small notification brings beside its body counts, too.
#[tokio::test]
async fn all_that_a_call_holds_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let options =
        SqliteStore::options().with_queue_bytes(100 << 10).with_queue_wait(Duration::from_millis(50));
    let store = options.open(&path).unwrap();
    subscribe(&store).await;
    let now = store.now().await.unwrap();
    // At least 60 KiB each: of an origin, of an event type, of ids alone, of commands, of settings, of notices' ids, of a journal.
    let text = || "x".repeat(60 << 10);
    let with_origin = |number| vec![NewNotification { origin: Some(text()), ..notification(number, 1) }];
    let with_type = |number| vec![NewNotification { event_type: text(), ..notification(number, 1) }];
    let many = |first| (first..first + 600).map(|number| notification(number, 0)).collect::<Vec<_>>();
    let commands = || vec![(crate::stage::endpoint(), Command::Reload); 2_000];

    let entry = |text: String| NewJournalEntry { at: now, gym: None, subject: String::new(), text };
    let journal = || vec![entry("x".repeat(15 << 10)); 4];

    let like = store.subscription(crate::stage::endpoint()).await.unwrap().unwrap();
    let with_settings = SubscriptionRow { settings: text(), ..like };

    let disk = rusqlite::Connection::open(&path).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (held, busy) = tokio::join!(store.enqueue(with_origin(1), now), async {
        tokio::task::yield_now().await;
        let enqueued = [with_origin(2), with_type(3), many(1_000)].map(|new| store.enqueue(new, now));
        let mut busy = Vec::new();
        for call in enqueued {
            busy.push(call.await.map(drop));
        }
        busy.push(store.command(commands(), now).await);
        busy.push(store.put_subscription(with_settings.clone(), WriteCondition::Always, now).await.map(drop));
        busy.push(store.put_subscription(with_settings, WriteCondition::SameGym, now).await.map(drop));
        busy.push(store.acknowledge_notices(vec![uuid::Uuid::nil(); 4_000], now).await.map(drop));
        busy.push(store.append_to_journal(Journal::Audit, journal(), 1).await);
        disk.execute_batch("COMMIT").unwrap();
        busy
    });
    assert_eq!(busy, [const { Err(BUSY) }; 8]);
    assert!(held.is_ok());
}

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
    // The first fills the queue, the second waits outside until its time is over, and for the third there is no room even there.
    let (first, second, third) = tokio::join!(
        enqueue(1),
        async {
            let waited = enqueue(2).await;
            disk.execute_batch("COMMIT").unwrap();
            waited
        },
        enqueue(3),
    );
    assert_eq!((first, second, third), (Ok(()), Err(BUSY), Err(BUSY)));
    assert_eq!(enqueue(2).await, Ok(()), "there is room again");
    assert_eq!(
        store.stats(StatsQuery::new(), now).await.unwrap().waiting,
        2,
        "nothing was done for those that were sent away"
    );
}

/// Nor does it wait with the callers: there is no room for one more of them.
#[tokio::test]
async fn whoever_asks_whether_the_store_is_ready_stands_in_no_line() {
    const LONG: Duration = Duration::from_secs(60);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let store = SqliteStore::options().with_queue_calls(1).with_queue_wait(LONG).open(&path).unwrap();
    subscribe(&store).await;
    let now = store.now().await.unwrap();
    let enqueue = async |number| store.enqueue(vec![notification(number, 1)], now).await.map(drop);

    let disk = rusqlite::Connection::open(&path).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The first is inside, and the second waits outside.
    let (first, second, third, ready) = tokio::join!(enqueue(1), enqueue(2), enqueue(3), async {
        let commit = async { disk.execute_batch("COMMIT").unwrap() };
        tokio::join!(store.check_writable(), commit).0
    });
    assert_eq!((first, second, third), (Ok(()), Ok(()), Err(StoreError::Busy { retry_after: LONG })));
    assert_eq!(ready, Ok(()));
}
