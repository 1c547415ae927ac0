//! Rows that cannot be read are quarantined, and the rest continues.

use gymhook_delivery::DeliveryId;
use gymhook_postgres::PostgresStore;
use gymhook_postgres::tokio_postgres::Client;
use gymhook_store::{
    AttemptOutcome, AttemptQuery, AttemptRow, Batch, DeliveryQuery, Enqueued, State, StatsQuery, Store,
    StoreError, SubscriptionQuery,
};
use time::UtcDateTime;

use crate::stage::{
    LEASE, NOW, all_of, begin, client, endpoint, execute, fresh, held, notification, record, request, shared,
    subscribe,
};

/// The sequence numbers on the log's page, the latest first, and which of them are quarantined.
async fn page(store: &PostgresStore) -> (Vec<u64>, Vec<u64>) {
    let page = store.deliveries(DeliveryQuery::new(9)).await.unwrap();
    assert_eq!(page.next, None);
    let quarantined = page.items.iter().filter(|row| row.state == State::Quarantined);
    let quarantined = quarantined.map(|row| row.sequence).collect();
    (page.items.iter().map(|row| row.sequence).collect(), quarantined)
}

/// A store with the deliveries 1 to 3, whose sequence numbers these are.
async fn three() -> (PostgresStore, Client) {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    store.enqueue((1..=3).map(|number| notification(number, 1)).collect(), NOW).await.unwrap();
    (store, client)
}

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
        // Without its notification nothing is known of it that a page could show.
        let expected =
            if change.starts_with("DELETE") { (vec![3, 1], vec![]) } else { (vec![3, 2, 1], vec![2]) };
        assert_eq!(page(&store).await, expected, "{change}");
        let committed = store.commit(begin(lease, &fetched.deliveries), NOW).await.unwrap();
        assert!(committed.notifications.iter().all(|(_, read)| read.is_some()), "{change}");
    }
}

#[tokio::test]
async fn a_row_with_an_impossible_value_keeps_nobody_from_the_log() {
    for (change, quarantined) in [
        ("UPDATE gymhook.deliveries SET state = 9 WHERE seq = 2", vec![2]),
        ("UPDATE gymhook.deliveries SET state = -1 WHERE seq = 2", vec![2]),
        ("UPDATE gymhook.notifications SET enqueued_at = 9223372036854775807 WHERE seq = 2", vec![]),
        ("UPDATE gymhook.notifications SET enqueued_at = -9223372036854775808 WHERE seq = 2", vec![]),
    ] {
        let (store, client) = three().await;
        execute(&client, &store, change).await;
        assert_eq!(page(&store).await, (vec![3, 2, 1], quarantined), "{change}");
    }
}

#[tokio::test]
async fn a_row_in_no_state_is_purged_like_one_that_is_quarantined() {
    for state in [-1, 9] {
        let (store, client) = three().await;
        let sql = format!("UPDATE gymhook.deliveries SET state = {state} WHERE seq = 2");
        execute(&client, &store, &sql).await;
        assert_eq!(store.purge(NOW, 9).await, Ok(0), "it is not old");
        assert_eq!(store.purge(NOW + LEASE, 9).await, Ok(1), "state {state}");
        assert_eq!(page(&store).await.0, [3, 1]);
    }
}

#[tokio::test]
async fn a_time_that_no_calendar_has_is_the_nearest_one() {
    let (store, client) = three().await;
    let sql = "UPDATE gymhook.deliveries SET at = -9223372036854775808 WHERE seq = 1;
        UPDATE gymhook.deliveries SET at = 9223372036854775807, state = 2 WHERE seq = 2;
        UPDATE gymhook.deliveries SET at = 9223372036854775807, state = 3 WHERE seq = 3";
    execute(&client, &store, sql).await;
    let stats = store.stats(StatsQuery::new(), NOW).await.unwrap();
    assert_eq!(stats.oldest_due, Some(UtcDateTime::MIN));
    let stats = store.endpoint_stats(endpoint(1), NOW).await.unwrap().unwrap();
    assert_eq!(stats.oldest_due, Some(UtcDateTime::MIN));
    assert_eq!(stats.last_delivered, Some(UtcDateTime::MAX));
    assert_eq!(stats.last_undeliverable, Some(UtcDateTime::MAX));
}

#[tokio::test]
async fn an_attempt_that_cannot_be_read_is_named_with_its_column() {
    for (column, value) in [
        ("send", "4294967296"),
        ("round", "0"),
        ("round", "-1"),
        ("number", "-1"),
        ("began", "9223372036854775807"),
        ("ended", "-9223372036854775808"),
        ("outcome", "'sunk'"),
        ("status", "70000"),
    ] {
        let (store, client) = three().await;
        let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
        let record = record(&store, 1).await;
        let attempt = AttemptRow {
            delivery: record.id,
            sequence: record.sequence,
            send: 1,
            round: record.round,
            number: 1,
            began: Some(NOW),
            ended: NOW,
            outcome: AttemptOutcome::Response,
            status: Some(500),
            captured: None,
            detail: None,
        };
        let attempts = vec![(endpoint(1), attempt)];
        store.commit(Batch { leases: vec![lease], attempts, ..Batch::default() }, NOW).await.unwrap();
        execute(&client, &store, &format!("UPDATE gymhook.attempts SET {column} = {value}")).await;
        let send = if column == "send" { 0 } else { 1 };
        let unreadable = AttemptRow::unreadable(record.id, send, column);
        let read = store.attempts(AttemptQuery::new(record.id, 9)).await;
        assert_eq!(read, Err(unreadable), "{column} = {value}");
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
    let query = SubscriptionQuery::new(10);
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
        AttemptRow {
            delivery: deliveries[0].id,
            sequence: deliveries[0].sequence,
            send: 1,
            round: deliveries[0].round,
            number: 1,
            began: None,
            ended: NOW,
            outcome: AttemptOutcome::Response,
            status: Some(500),
            captured: Some("a\0b".to_owned()),
            detail: Some("\0".to_owned()),
        },
    ));
    store.commit(batch, NOW).await.unwrap();
    let attempt = store.attempts(AttemptQuery::new(deliveries[0].id, 9)).await.unwrap().items.remove(0);
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
