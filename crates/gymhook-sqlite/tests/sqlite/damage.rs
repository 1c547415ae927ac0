//! Rows with values that nobody has written: they are quarantined or skipped, and the rest continues.

use core::time::Duration;

use gymhook_delivery::{DeliveryRecord, DeliveryState, Then};
use gymhook_sqlite::SqliteStore;
use gymhook_store::{
    AttemptOutcome, AttemptQuery, AttemptRow, Batch, DeliveryQuery, Direction, Fetch, Lease, LeaseRequest,
    NewNotification, Redelivery, RepeatCheck, State, StatsQuery, Store as _, WorkerId,
};
use tempfile::TempDir;
use time::UtcDateTime;

use crate::stage::{endpoint, notification, subscribe};

const HOUR: Duration = Duration::from_secs(3_600);

/// A store with the deliveries 1 to 3, whose sequence numbers these are.
async fn three() -> (TempDir, SqliteStore, UtcDateTime) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
    subscribe(&store).await;
    let now = store.now().await.unwrap();
    enqueue(&store, (1..=3).map(|number| notification(number, 4)).collect(), now).await;
    (folder, store, now)
}

async fn enqueue(store: &SqliteStore, new: Vec<NewNotification>, now: UtcDateTime) {
    assert!(store.enqueue(new, now).await.unwrap().iter().all(Result::is_ok));
}

async fn lease(store: &SqliteStore, now: UtcDateTime) -> Lease {
    let request = LeaseRequest {
        worker: WorkerId::new(uuid::Uuid::from_u128(1)),
        direction: Direction::Outgoing,
        length: HOUR,
        limit: 10,
        only: None,
    };
    let leased = store.lease(request, now).await.unwrap();
    Lease { endpoint: leased[0].subscription.id, epoch: leased[0].epoch }
}

async fn fetch(store: &SqliteStore, now: UtcDateTime) -> gymhook_store::Fetched {
    let fetch = Fetch { endpoint: endpoint(), ordered: false, after: None, limit: 100 };
    store.fetch(vec![fetch], now).await.unwrap().remove(0)
}

fn change(store: &SqliteStore, sql: &str) {
    let connection = rusqlite::Connection::open(store.path()).unwrap();
    assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
}

/// The sequence numbers on the log's page, the latest first, and which of them are quarantined.
async fn page(store: &SqliteStore) -> (Vec<u64>, Vec<u64>) {
    let page = store.deliveries(DeliveryQuery::new(9)).await.unwrap();
    assert_eq!(page.next, None);
    let quarantined = page.items.iter().filter(|row| row.state == State::Quarantined);
    let quarantined = quarantined.map(|row| row.sequence).collect();
    (page.items.iter().map(|row| row.sequence).collect(), quarantined)
}

fn begun(record: &DeliveryRecord, now: UtcDateTime) -> DeliveryRecord {
    let state = DeliveryState::InFlight { lost_at: now + HOUR, then: Then::Decide };
    DeliveryRecord { sends: record.sends + 1, state, ..*record }
}

#[tokio::test]
async fn a_row_with_any_column_changed_is_quarantined_and_the_rest_continues() {
    for (column, is_listed) in [
        ("at = at - 1", true),
        ("at = -9223372036854775808", true),
        ("code = 1", true),
        ("code = 70000", true),
        ("round = 2", true),
        ("attempt = 2", true),
        ("sends = -1", true),
        ("first_failure = 0", true),
        ("probe = 1", true),
        ("check_sum = check_sum + 1", true),
        ("id = randomblob(16)", true),
        ("id = x'07'", false),
        ("digest = randomblob(32)", true),
        ("digest = x''", true),
        ("test = 1", true),
    ] {
        let (_folder, store, now) = three().await;
        change(&store, &format!("UPDATE gymhook_deliveries SET {column} WHERE seq = 2"));

        let lease = lease(&store, now).await;
        let fetched = fetch(&store, now).await;
        let sequences: Vec<u64> = fetched.deliveries.iter().map(|record| record.sequence).collect();
        assert_eq!((sequences, fetched.quarantined), (vec![1, 3], 1), "{column}");
        let again = fetch(&store, now).await;
        assert_eq!((again.deliveries.len(), again.quarantined), (2, 0), "{column}");
        let stats = store.stats(StatsQuery::new(), now).await.unwrap();
        assert_eq!((stats.waiting, stats.quarantined), (2, 1), "{column}");
        let expected = if is_listed { (vec![3, 2, 1], vec![2]) } else { (vec![3, 1], vec![]) };
        assert_eq!(page(&store).await, expected, "{column}");
        let deliveries: Vec<_> = fetched.deliveries.iter().map(|record| begun(record, now)).collect();
        let send = deliveries.iter().map(|record| record.id).collect();
        let batch = Batch { leases: vec![lease], deliveries, send, ..Batch::default() };
        let committed = store.commit(batch, now).await.unwrap();
        assert!(committed.notifications.iter().all(|(_, read)| read.is_some()), "{column}");
    }
}

#[tokio::test]
async fn a_row_with_an_impossible_value_keeps_nobody_from_the_log() {
    let all = vec![3, 2, 1];
    for (column, listed, quarantined) in [
        ("state = 9", all.clone(), vec![2]),
        ("state = 70000", all.clone(), vec![2]),
        ("state = -1", all.clone(), vec![2]),
        ("enqueued_at = 9223372036854775807", all.clone(), vec![]),
        ("enqueued_at = -9223372036854775808", all, vec![]),
        ("endpoint = x'07'", vec![3, 1], vec![]),
        ("event_type = CAST(x'ff' AS TEXT)", vec![3, 1], vec![]),
        ("origin = CAST(x'ff' AS TEXT)", vec![3, 1], vec![]),
        ("seq = -2", vec![3, 1], vec![]),
    ] {
        let (_folder, store, now) = three().await;
        change(&store, &format!("UPDATE gymhook_deliveries SET {column} WHERE seq = 2"));
        assert_eq!(page(&store).await, (listed, quarantined), "{column}");
        let of_endpoint = DeliveryQuery { endpoint: Some(endpoint()), ..DeliveryQuery::new(9) };
        assert!(store.deliveries(of_endpoint).await.unwrap().items.len() >= 2, "{column}");
        let stats = store.stats(StatsQuery::new(), now).await.unwrap();
        assert!(stats.waiting >= 2, "{column}: {stats:?}");
    }
}

#[tokio::test]
async fn a_row_in_no_state_is_purged_like_one_that_is_quarantined() {
    for state in [-1, 9, 70_000] {
        let (_folder, store, now) = three().await;
        change(&store, &format!("UPDATE gymhook_deliveries SET state = {state} WHERE seq = 2"));
        assert_eq!(store.purge(now, 9).await, Ok(0), "it is not old");
        assert_eq!(store.purge(now + HOUR, 9).await, Ok(1), "state {state}");
        assert_eq!(page(&store).await.0, [3, 1]);
    }
}

#[tokio::test]
async fn a_time_that_no_calendar_has_is_the_nearest_one() {
    let (_folder, store, now) = three().await;
    change(&store, "UPDATE gymhook_deliveries SET at = -9223372036854775808 WHERE seq = 1");
    change(&store, "UPDATE gymhook_deliveries SET at = 9223372036854775807, state = 2 WHERE seq = 2");
    change(&store, "UPDATE gymhook_deliveries SET at = 9223372036854775807, state = 3 WHERE seq = 3");
    let stats = store.stats(StatsQuery::new(), now).await.unwrap();
    assert_eq!(stats.oldest_due, Some(UtcDateTime::MIN));
    let stats = store.endpoint_stats(endpoint(), now).await.unwrap().unwrap();
    assert_eq!(stats.oldest_due, Some(UtcDateTime::MIN));
    assert_eq!(stats.last_delivered, Some(UtcDateTime::MAX));
    assert_eq!(stats.last_undeliverable, Some(UtcDateTime::MAX));
}

#[tokio::test]
async fn a_page_of_what_is_due_goes_past_a_time_that_no_calendar_has() {
    let (_folder, store, now) = three().await;
    change(&store, "UPDATE gymhook_deliveries SET at = -9223372036854775808 WHERE seq = 2");
    let first = Fetch { endpoint: endpoint(), ordered: false, after: None, limit: 1 };
    let fetched = store.fetch(vec![first], now).await.unwrap().remove(0);
    assert_eq!((fetched.deliveries.len(), fetched.quarantined), (0, 1));
    let next = store.fetch(vec![Fetch { after: fetched.more, ..first }], now).await.unwrap().remove(0);
    assert!(fetched.more.is_some());
    assert_eq!(next.deliveries.iter().map(|record| record.sequence).collect::<Vec<_>>(), [1]);
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
        ("outcome", "CAST(x'ff' AS TEXT)"),
        ("status", "70000"),
        ("captured", "CAST(x'ff' AS TEXT)"),
        ("detail", "CAST(x'ff' AS TEXT)"),
    ] {
        let (_folder, store, now) = three().await;
        let lease = lease(&store, now).await;
        let record = fetch(&store, now).await.deliveries[0];
        let attempt = AttemptRow {
            delivery: record.id,
            sequence: record.sequence,
            send: 1,
            round: record.round,
            number: 1,
            began: Some(now),
            ended: now,
            outcome: AttemptOutcome::Response,
            status: Some(500),
            captured: None,
            detail: None,
        };
        let attempts = vec![(endpoint(), attempt)];
        store.commit(Batch { leases: vec![lease], attempts, ..Batch::default() }, now).await.unwrap();
        change(&store, &format!("UPDATE gymhook_attempts SET {column} = {value}"));
        let send = if column == "send" { 0 } else { 1 };
        let unreadable = AttemptRow::unreadable(record.id, send, column);
        let read = store.attempts(AttemptQuery::new(record.id, 9)).await;
        assert_eq!(read, Err(unreadable), "{column} = {value}");
    }
}

/// An id of another length is no endpoint's, and keeps no other one from its worker, its redeliveries and the purge.
#[tokio::test]
async fn an_id_of_another_length_keeps_the_others_from_nothing() {
    let (_folder, store, now) = three().await;
    change(
        &store,
        "INSERT INTO gymhook_subscriptions (id, gym, settings, secrets, record, url)
         VALUES (x'07', 'berlin-mitte', '{}', x'', '{}', 'https://receiver.example/')",
    );
    change(&store, "INSERT INTO gymhook_commands (endpoint, due, name) VALUES (x'07', 0, 'reload')");
    change(
        &store,
        "INSERT INTO gymhook_commands (endpoint, due, name, delivery)
         SELECT endpoint, 0, 'redeliver', x'07' FROM gymhook_deliveries WHERE seq = 1",
    );
    lease(&store, now).await;
    assert_eq!(fetch(&store, now).await.commands, []);
    let of_gym = DeliveryQuery { gym: Some("berlin-mitte".to_owned()), ..DeliveryQuery::new(9) };
    assert_eq!(store.deliveries(of_gym).await.unwrap().items.len(), 3);

    change(&store, "UPDATE gymhook_deliveries SET state = 3, id = x'07' WHERE seq = 1");
    change(&store, "UPDATE gymhook_deliveries SET state = 3 WHERE seq = 2");
    let which = Redelivery { endpoint: endpoint(), from: now, until: None, undeliverable_only: true };
    assert_eq!(store.redeliver(which, now).await, Ok(1));
    assert_eq!(store.purge(now + HOUR, 9).await, Ok(2));
    assert_eq!(page(&store).await.0, [3]);
}

/// What cannot be read repeats nothing, and what is like it can be enqueued.
#[tokio::test]
async fn a_digest_of_another_length_keeps_no_repeat_from_its_answer() {
    let (_folder, store, now) = three().await;
    let check = Some(RepeatCheck { fingerprint: [7; 32], window: HOUR });
    enqueue(&store, vec![NewNotification { repeat_check: check, ..notification(4, 4) }], now).await;
    change(&store, "UPDATE gymhook_deliveries SET digest = x'07' WHERE seq = 4");
    let again = NewNotification { repeat_check: check, ..notification(5, 4) };
    let enqueued = store.enqueue(vec![again, notification(6, 4)], now).await.unwrap();
    assert_eq!(enqueued[0], Err(gymhook_store::Refused::Repeat { delivery: notification(4, 4).id }));
    assert!(enqueued[1].is_ok());
}
