//! What is looked for often is found in an index, and what an index is not for does not write it.

use gymhook_postgres::tokio_postgres::Client;
use gymhook_store::{DeliveryQuery, State, StatsQuery, Store};

use crate::stage::{NOW, client, connect, endpoint, fresh_database, notification, soon, subscribe};

/// Without one of these everything works, and reads a whole table.
#[tokio::test]
async fn what_is_looked_for_often_is_indexed() {
    let config = fresh_database().await;
    let client = client(&config).await;
    drop(connect(&config).await.unwrap());
    let sql = "SELECT tablename || substring(indexdef FROM 'USING btree( .*)') FROM pg_indexes WHERE schemaname = 'gymhook'";
    let indexed = client.query(sql, &[]).await.unwrap();
    let indexed: Vec<String> = indexed.iter().map(|row| row.get(0)).collect();
    for wanted in [
        "subscriptions (gym, id)",
        "subscriptions (lease_until, id) WHERE (deleted_at IS NULL)",
        "notifications (endpoint, seq)",
        "notifications (event_type, seq)",
        "notifications (endpoint, fingerprint) WHERE (fingerprint IS NOT NULL)",
        "deliveries (endpoint, state, at, seq)",
        "deliveries (endpoint, seq) WHERE (state = 0)",
        "deliveries (endpoint, at, seq) WHERE (test AND (state = 0))",
        "deliveries (endpoint, state, seq) WHERE (state > 2)",
        "deliveries (state, seq) WHERE (state > 2)",
        "commands (endpoint, due, number)",
        "notices (number) WHERE (acknowledged_at IS NULL)",
        "api_keys (issued_at, id)",
        "api_keys (gym, issued_at, id) WHERE (gym IS NOT NULL)",
    ] {
        assert!(indexed.iter().any(|index| index == wanted), "{wanted}: {indexed:?}");
    }
}

/// Whoever only sends does not pay for the index, and whoever asks for a fingerprint does not read the whole table.
#[tokio::test]
async fn a_fingerprint_is_found_by_its_index_and_others_are_not_in_it() {
    let config = fresh_database().await;
    let client = client(&config).await;
    let store = connect(&config).await.unwrap();
    subscribe(&store, &client, 1..=1).await;
    store.enqueue((1..=5_000).map(|number| notification(number, 1)).collect(), NOW).await.unwrap();
    client.batch_execute("ANALYZE gymhook.notifications").await.unwrap();
    let pages = "SELECT pg_relation_size('gymhook.notifications_by_fingerprint')";
    let empty: i64 = client.query_one(pages, &[]).await.unwrap().get(0);
    assert_eq!(empty, 8_192, "the first page of an empty index");
    let end_windows = include_str!("../../src/end_windows.sql");
    client
        .batch_execute(&format!("PREPARE end_windows (uuid[], bytea[], bigint[]) AS {end_windows}"))
        .await
        .unwrap();
    let plan = "EXPLAIN (COSTS off) EXECUTE end_windows
        (ARRAY['00000000-0000-0000-0000-000000000001'::uuid], ARRAY['\x07'::bytea], ARRAY[5])";
    let plan: Vec<String> = client.query(plan, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("notifications_by_fingerprint"), "{plan}");
    assert!(!plan.contains("Seq Scan on notifications"), "{plan}");
}

/// Until all other connections are closed, which makes their figures known.
async fn until_alone(client: &Client) {
    let others =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'";
    soon(async {
        while !client.query(others, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// How often the deliveries were read as a whole, how often by their states, and how many entries that index has given: what
/// connections that are closed have done.
async fn scans(client: &Client) -> (i64, i64, i64) {
    until_alone(client).await;
    let sql =
        "SELECT t.seq_scan, i.idx_scan, i.idx_tup_read FROM pg_stat_user_tables t JOIN pg_stat_user_indexes i USING (relid)
        WHERE t.relname = 'deliveries' AND i.indexrelname = 'deliveries_by_state'";
    let read = client.query_one(sql, &[]).await.unwrap();
    (read.get(0), read.get(1), read.get(2))
}

/// What ended long ago is not looked at to count what ended just now.
#[tokio::test]
async fn what_ended_is_counted_in_its_index() {
    let config = fresh_database().await;
    let (reader, writer) = (client(&config).await, client(&config).await);
    let store = connect(&config).await.unwrap();
    subscribe(&store, &writer, 1..=1).await;
    store.enqueue((1..=5_000).map(|number| notification(number, 1)).collect(), NOW).await.unwrap();
    let long_ago = "UPDATE gymhook.deliveries SET state = 2, at = seq; ANALYZE gymhook.deliveries";
    writer.batch_execute(long_ago).await.unwrap();
    drop((store, writer));
    let (whole, by_state, entries) = scans(&reader).await;

    let store = connect(&config).await.unwrap();
    let gym = Some("berlin-mitte".to_owned());
    for query in [StatsQuery::new(), StatsQuery { gym, ..StatsQuery::new() }] {
        assert_eq!(store.stats(query, NOW).await.unwrap().delivered, 0);
    }
    drop(store);
    let (still_whole, more_by_state, more_entries) = scans(&reader).await;
    assert_eq!(still_whole, whole, "the table was read as a whole");
    assert!(more_by_state > by_state);
    assert_eq!(more_entries, entries, "nothing ended in the window");
}

/// How many rows of notifications and deliveries were read by connections that are closed.
async fn rows_read(client: &Client) -> i64 {
    until_alone(client).await;
    let sql = "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_user_tables
        WHERE relname IN ('notifications', 'deliveries')";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// A hundred thousand deliveries, of which one in a hundred was not delivered, in each state as many.
const MANY: &str = "INSERT INTO gymhook.notifications (seq, id, endpoint, digest, event_type, enqueued_at, test, body)
        SELECT n, lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(1 + n % 10), 32, '0')::uuid, '', 'workout.created', n, false, ''
        FROM generate_series(1, 100000) n;
    INSERT INTO gymhook.deliveries (seq, endpoint, state, at, code, round, attempt, sends, probe, check_sum)
        SELECT seq, endpoint, CASE WHEN seq % 100 = seq / 100 % 10 THEN (ARRAY[0, 1, 3, 4, 5, 6])[1 + seq / 1000 % 6] ELSE 2 END,
            seq, 0, 1, 1, 1, false, 0
        FROM gymhook.notifications;";

/// The few that were not delivered are listed without a look at the many that were, and no more of them than the list has.
#[tokio::test]
async fn what_was_not_delivered_is_found_in_its_index() {
    const LISTED: u32 = 10;
    let config = fresh_database().await;
    let (reader, writer) = (client(&config).await, client(&config).await);
    let store = connect(&config).await.unwrap();
    subscribe(&store, &writer, 1..=10).await;
    writer.batch_execute(MANY).await.unwrap();
    writer.batch_execute("VACUUM ANALYZE").await.unwrap();
    drop((store, writer));

    for state in
        [State::Undeliverable, State::Cancelled, State::Quarantined, State::Unreadable, State::Waiting]
    {
        let all = DeliveryQuery { state: Some(state), ..DeliveryQuery::new(LISTED) };
        let gym = DeliveryQuery { gym: Some("berlin-mitte".to_owned()), ..all.clone() };
        let one = DeliveryQuery { endpoint: Some(endpoint(3)), ..all.clone() };
        for query in [all, gym, one] {
            let before = rows_read(&reader).await;
            let store = connect(&config).await.unwrap();
            let found = store.deliveries(query.clone()).await.unwrap().items;
            drop(store);
            let sequences: Vec<u64> = found.iter().map(|row| row.sequence).collect();
            assert!(sequences.is_sorted_by(|later, earlier| later > earlier), "{sequences:?}");
            assert_eq!(found.len(), LISTED as usize, "{query:?}");
            assert!(found.iter().all(|row| row.state == state), "{query:?}");
            // One more of each endpoint tells whether there is another page.
            let is_of_all = query.gym.is_none() && state != State::Waiting;
            let endpoints = if query.endpoint.is_some() || is_of_all { 1 } else { 10 };
            let most = (i64::from(LISTED) + 1) * (endpoints + 2);
            let read = rows_read(&reader).await - before;
            assert!(read <= most, "{read} rows were read, of {most} allowed, for {query:?}");
        }
    }
}
