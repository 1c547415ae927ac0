//! A repeat brings back the body of the one that it repeats, if a broken transaction has lost that.

use core::time::Duration;

use gymhook_sqlite::SqliteStore;
use gymhook_store::DeliveryId;
use gymhook_store::{NewNotification, Refused, RepeatCheck, Store as _};

use crate::stage::{endpoint, subscribe};

#[tokio::test]
async fn what_is_repeated_has_its_body_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("inbox.db")).unwrap();
    subscribe(&store).await;
    let now = store.now().await.unwrap();
    let new =
        |number: u128| NewNotification::new(DeliveryId::from_u128(number), endpoint(), "a", "{}".into());
    let check = RepeatCheck { fingerprint: [7; 32], window: Duration::from_secs(60) };
    let once = |number| NewNotification { repeat_check: Some(check), ..new(number) };
    let unreadable = || NewNotification { unreadable: true, ..new(3) };
    assert!(store.enqueue(vec![once(1), unreadable()], now).await.unwrap().iter().all(Result::is_ok));
    let connection = rusqlite::Connection::open(store.path()).unwrap();
    assert_eq!(connection.execute("DELETE FROM gymhook_bodies", []), Ok(2));

    let other = NewNotification { body: "another".into(), ..once(4) };
    let repeats = |number| Err(Refused::Repeat { delivery: DeliveryId::from_u128(number) });
    let enqueued = store.enqueue(vec![other], now).await;
    assert_eq!(enqueued, Ok(vec![repeats(1)]));
    assert_eq!(store.body(DeliveryId::from_u128(1)).await, Ok(None), "another body is not its own");
    let enqueued = store.enqueue(vec![once(2), unreadable()], now).await;
    assert_eq!(enqueued, Ok(vec![repeats(1), repeats(3)]));
    for number in [1, 3] {
        assert_eq!(store.body(DeliveryId::from_u128(number)).await, Ok(Some("{}".into())));
    }
}
