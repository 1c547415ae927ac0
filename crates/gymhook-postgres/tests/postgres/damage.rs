//! Rows that cannot be read are quarantined, and the rest continues.

use gymhook_delivery::DeliveryId;
use gymhook_store::{DeliveryQuery, Enqueued, State, StatsQuery, Store, StoreError, SubscriptionQuery};

use crate::stage::{
    NOW, all_of, begin, client, endpoint, execute, fresh, held, notification, request, shared, subscribe,
};

#[tokio::test]
async fn a_row_with_any_column_changed_is_quarantined_and_the_rest_goes_on() {
    for change in [
        "UPDATE gymhook.deliveries SET at = at - 1 WHERE seq = 2",
        "UPDATE gymhook.deliveries SET code = 1 WHERE seq = 2",
        "UPDATE gymhook.deliveries SET round = 2 WHERE seq = 2",
        "UPDATE gymhook.deliveries SET attempt = 2 WHERE seq = 2",
        "UPDATE gymhook.deliveries SET sends = -1 WHERE seq = 2",
        "UPDATE gymhook.deliveries SET first_failure = 0 WHERE seq = 2",
        "UPDATE gymhook.deliveries SET probe = true WHERE seq = 2",
        "UPDATE gymhook.deliveries SET check_sum = check_sum # 1 WHERE seq = 2",
        "UPDATE gymhook.notifications SET id = gen_random_uuid() WHERE seq = 2",
        "UPDATE gymhook.notifications SET digest = set_byte(digest, 0, get_byte(digest, 0) # 1) WHERE seq = 2",
        "UPDATE gymhook.notifications SET digest = '' WHERE seq = 2",
        "UPDATE gymhook.notifications SET test = true WHERE seq = 2",
        "DELETE FROM gymhook.notifications WHERE seq = 2",
    ] {
        let store = fresh().await;
        let client = client(&shared()).await;
        subscribe(&store, &client, 1..=1).await;
        store.enqueue((1..=3).map(|number| notification(number, 1)).collect(), NOW).await.unwrap();
        execute(&client, &store, change).await;

        let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
        let fetched = store.fetch(vec![all_of(1)], NOW).await.unwrap().remove(0);
        assert_eq!(
            fetched.deliveries.iter().map(|record| record.sequence).collect::<Vec<_>>(),
            [1, 3],
            "{change}"
        );
        assert_eq!(fetched.quarantined, 1, "{change}");
        let again = store.fetch(vec![all_of(1)], NOW).await.unwrap().remove(0);
        assert_eq!((again.deliveries.len(), again.quarantined), (2, 0), "{change}");
        let stats = store.stats(StatsQuery::new(), NOW).await.unwrap();
        assert_eq!((stats.waiting, stats.quarantined), (2, 1), "{change}");
        let committed = store.commit(begin(lease, &fetched.deliveries), NOW).await.unwrap();
        assert!(committed.notifications.iter().all(|(_, read)| read.is_some()), "{change}");
    }
}

#[tokio::test]
async fn a_body_that_is_another_is_quarantined_and_not_sent() {
    for change in [
        "UPDATE gymhook.notifications SET body = body || 'x' WHERE seq = 2",
        "UPDATE gymhook.notifications SET body = set_byte(body, 3, get_byte(body, 3) # 1) WHERE seq = 2",
        "DELETE FROM gymhook.notifications WHERE seq = 2",
    ] {
        let store = fresh().await;
        let client = client(&shared()).await;
        subscribe(&store, &client, 1..=1).await;
        store.enqueue((1..=3).map(|number| notification(number, 1)).collect(), NOW).await.unwrap();
        let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
        let deliveries = store.fetch(vec![all_of(1)], NOW).await.unwrap().remove(0).deliveries;
        execute(&client, &store, change).await;

        let committed = store.commit(begin(lease, &deliveries), NOW).await.unwrap();
        let sent: Vec<u128> = committed
            .notifications
            .iter()
            .filter(|(_, read)| read.is_some())
            .map(|(id, _)| id.as_uuid().as_u128())
            .collect();
        assert_eq!(sent, [1, 3], "{change}");
        assert_eq!(committed.notifications.len(), 3);
        let stats = store.stats(StatsQuery::new(), NOW).await.unwrap();
        assert_eq!((stats.in_flight, stats.quarantined), (2, 1), "{change}");
        // The worker's next record of it changes nothing.
        store.commit(begin(lease, &deliveries[1..2]), NOW).await.unwrap();
        assert_eq!(store.stats(StatsQuery::new(), NOW).await.unwrap().quarantined, 1, "{change}");
    }
}

#[tokio::test]
async fn a_subscription_that_cannot_be_read_stands_in_nobodys_way() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=2).await;
    store.enqueue(vec![notification(1, 1), notification(2, 2)], NOW).await.unwrap();
    execute(&client, &store, "UPDATE gymhook.subscriptions SET record = left(record, 20) WHERE id = (SELECT min(id::text)::uuid FROM gymhook.subscriptions)").await;
    let leased = store.lease(request(1), NOW).await.unwrap();
    assert_eq!(leased.iter().map(|leased| leased.subscription.id).collect::<Vec<_>>(), [endpoint(2)]);
    let query = SubscriptionQuery { gym: None, after: None, limit: 10 };
    assert_eq!(store.subscriptions(query).await.unwrap().items.len(), 1);
    let unreadable = store.subscription(endpoint(1)).await.unwrap_err();
    assert!(matches!(unreadable, StoreError::Damaged { .. }), "{unreadable:?}");
}

#[tokio::test]
async fn what_an_endpoint_answers_cannot_keep_a_batch_from_being_written() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
    let deliveries = store.fetch(vec![all_of(1)], NOW).await.unwrap().remove(0).deliveries;
    let mut batch = begin(lease, &deliveries);
    batch.attempts.push((
        endpoint(1),
        gymhook_store::AttemptRow {
            delivery: deliveries[0].id,
            sequence: deliveries[0].sequence,
            send: 1,
            round: deliveries[0].round,
            number: 1,
            began: None,
            ended: NOW,
            outcome: gymhook_store::AttemptOutcome::Response,
            status: Some(500),
            captured: Some("a\0b".to_owned()),
            detail: Some("\0".to_owned()),
        },
    ));
    store.commit(batch, NOW).await.unwrap();
    let attempt =
        store.attempts(gymhook_store::AttemptQuery::new(deliveries[0].id, 9)).await.unwrap().items.remove(0);
    assert_eq!(attempt.captured.as_deref(), Some("a\u{fffd}b"));
    let query = DeliveryQuery { state: Some(State::InFlight), ..DeliveryQuery::new(10) };
    assert_eq!(store.deliveries(query).await.unwrap().items.len(), 1);
    assert_eq!(store.body(DeliveryId::from_u128(1)).await.unwrap(), Some(notification(1, 1).body));
}

/// As on a replica that took over, or after the data alone was restored.
#[tokio::test]
async fn a_sequence_that_is_behind_its_rows_is_said_and_can_be_set() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    execute(&client, &store, "ALTER SEQUENCE gymhook.orders RESTART").await;
    let behind = store.enqueue(vec![notification(2, 1)], NOW).await;
    assert!(
        matches!(&behind, Err(StoreError::Invalid { problem }) if problem.contains("`orders` is behind the rows")),
        "{behind:?}"
    );
    let set = "SELECT setval('gymhook.orders', (SELECT max(seq) FROM gymhook.notifications))";
    execute(&client, &store, set).await;
    assert_eq!(store.enqueue(vec![notification(2, 1)], NOW).await, Ok(vec![Ok(Enqueued::New)]));
}
