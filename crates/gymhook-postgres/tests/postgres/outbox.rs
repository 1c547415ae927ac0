//! Enqueueing inside a transaction of your own.

use gymhook_delivery::{DeliveryId, Enqueued};
use gymhook_postgres::enqueue_in;
use gymhook_store::{NewNotification, Refused, StatsQuery, Store, StoreError};

use crate::stage::{NOW, client, endpoint, execute, fresh, notification, shared, subscribe};

#[tokio::test]
async fn it_is_there_if_and_only_if_the_transaction_commits() {
    let store = fresh().await;
    let mut client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    execute(&client, &store, "CREATE TABLE gymhook.bookings (member int)").await;
    let book = format!("INSERT INTO {}.bookings VALUES (17)", store.schema());

    let transaction = client.transaction().await.unwrap();
    transaction.execute(&book, &[]).await.unwrap();
    let new = [notification(1, 1), notification(2, 1)];
    let enqueued = enqueue_in(&transaction, store.schema(), &new).await.unwrap();
    assert_eq!(enqueued, [Ok(Enqueued::New), Ok(Enqueued::New)]);
    assert_eq!(store.delivery(new[0].id).await.unwrap(), None, "others see it before the commit");
    transaction.rollback().await.unwrap();
    assert_eq!(store.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 0);

    let transaction = client.transaction().await.unwrap();
    transaction.execute(&book, &[]).await.unwrap();
    let before = store.now().await.unwrap();
    let enqueued = enqueue_in(&transaction, store.schema(), &new).await.unwrap();
    assert_eq!(enqueued, [Ok(Enqueued::New), Ok(Enqueued::New)]);
    transaction.commit().await.unwrap();
    let after = store.now().await.unwrap();
    for new in &new {
        let row = store.delivery(new.id).await.unwrap().unwrap();
        assert!(before <= row.enqueued_at && row.enqueued_at <= after, "{row:?}");
        assert_eq!(store.body(new.id).await.unwrap().unwrap(), new.body);
    }
    let bookings = format!("SELECT count(*) FROM {}.bookings", store.schema());
    assert_eq!(client.query_one(&bookings, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test]
async fn refusals_leave_the_transaction_usable() {
    let store = fresh().await;
    let mut client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();

    let transaction = client.transaction().await.unwrap();
    let other = NewNotification { body: "other".into(), ..notification(1, 1) };
    let odd = NewNotification { event_type: "a\0b".to_owned(), ..notification(4, 1) };
    let new = [notification(1, 1), other, notification(2, 9), odd, notification(3, 1), notification(3, 1)];
    let enqueued = enqueue_in(&transaction, store.schema(), &new).await.unwrap();
    assert!(matches!(enqueued[0], Ok(Enqueued::Duplicate { .. })));
    assert_eq!(enqueued[1], Err(Refused::Conflict { delivery: DeliveryId::from_u128(1) }));
    assert_eq!(enqueued[2], Err(Refused::UnknownEndpoint { endpoint: endpoint(9) }));
    let unstorable = enqueued[3].unwrap_err().to_string();
    assert!(unstorable.contains("event type has a NUL character"), "{unstorable}");
    assert_eq!(enqueued[4], Ok(Enqueued::New));
    assert!(matches!(enqueued[5], Ok(Enqueued::Duplicate { .. })));
    assert_eq!(enqueue_in(&transaction, store.schema(), &[]).await, Ok(Vec::new()));
    transaction.commit().await.unwrap();
    assert_eq!(store.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 2);
}

#[tokio::test]
async fn a_transaction_that_may_be_lost_is_refused() {
    let store = fresh().await;
    let mut client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("SET LOCAL synchronous_commit = off").await.unwrap();
    let refused = enqueue_in(&transaction, store.schema(), &[notification(1, 1)]).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
}
