//! The engine, on a SQLite file, through a scripted transport.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{AttemptOutcome, SqliteStore, State, StatsQuery, Store};
use gymhook_engine::{Answer, Engine, Publication, Sending, Transport};
use gymhook_retry::{Outcome, RetryPolicy, RetrySchedule};
use http::StatusCode;
use scripted::setup::Setup;
use scripted::*;

#[tokio::test]
async fn what_is_enqueued_is_delivered_with_its_bytes() {
    let setup = Setup::new(Scripted::accepting()).await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup.enqueue(1..=100, 1).await;
    setup.until_idle().await;
    let mut sent = setup.transport.sent();
    sent.sort_by_key(|sending| sending.attempt.attempt.delivery);
    assert_eq!(sent.len(), 100);
    for (id, sending) in (1..).zip(sent) {
        assert_eq!(sending.body, format!("body {id}"));
        assert_eq!(sending.event_type, "workout.created");
    }
    setup.engine.shutdown().await;
}

#[tokio::test]
async fn a_failure_is_retried_and_every_attempt_is_logged() {
    let transport = Scripted::new(|sending| {
        let failing = sending.attempt.number.get() < 3;
        status(if failing { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
    });
    let setup = Setup::new(transport).await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup.enqueue([7], 1).await;
    setup.until_state(7, State::Delivered).await;
    let log = setup.engine.delivery(delivery(7)).await.unwrap().unwrap();
    let statuses: Vec<Option<u16>> = log.attempts.items.iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(502), Some(502), Some(200)]);
    assert_eq!(log.attempts.items.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(log.body.unwrap(), "body 7");
    assert_eq!(setup.transport.sent_ids(), [7, 7, 7], "the id stays the same");
}

/// More than one request leases: those that it has no room for are in the next one, and nobody waits for the poll.
#[tokio::test(flavor = "multi_thread")]
async fn endpoints_with_work_are_leased_without_a_poll_however_many_they_are() {
    const ENDPOINTS: u128 = 600;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
    let engine = Engine::builder(store.clone())
        .poll_interval(Duration::from_secs(3_600))
        .start(Scripted::accepting())
        .await
        .unwrap();
    for endpoint in 1..=ENDPOINTS {
        engine.put_subscription(&subscription(endpoint, policy())).await.unwrap();
    }
    let new = (1..=ENDPOINTS).map(|id| notification(id, id)).collect();
    assert!(engine.enqueue(new).await.unwrap().iter().all(Result::is_ok));
    until("everything is delivered", || async {
        let stats = store.stats(StatsQuery::new(), store.now().await.unwrap()).await.unwrap();
        u128::from(stats.delivered) == ENDPOINTS
    })
    .await;
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_endpoints_at_once() {
    let setup = Setup::new(Scripted::accepting()).await;
    for endpoint in 1..=100 {
        setup.engine.put_subscription(&subscription(endpoint, policy())).await.unwrap();
    }
    for endpoint in 1..=100 {
        setup.enqueue(endpoint * 100..endpoint * 100 + 100, endpoint).await;
    }
    setup.until_idle().await;
    let mut sent = setup.transport.sent_ids();
    sent.sort_unstable();
    assert_eq!(sent, (100..=10_099).collect::<Vec<_>>(), "each once");
    setup.engine.shutdown().await;
}

#[tokio::test]
async fn a_delivery_that_brings_its_task_down_comes_to_an_end_and_the_rest_goes_on() {
    let poison = |sending: &Sending| sending.attempt.attempt.delivery == delivery(1);
    let setup =
        Setup::new(Scripted::new(move |sending| if poison(sending) { Reply::Panic } else { accepted() }))
            .await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup.enqueue(1..=10, 1).await;
    setup.until_idle().await;
    assert_eq!(setup.state(1).await, State::Undeliverable);
    assert_eq!(setup.outcomes(1).await, ["panicked"; 4]);
    for id in 2..=10 {
        assert_eq!(setup.state(id).await, State::Delivered);
    }
}

#[tokio::test]
async fn an_endpoint_that_never_answers_times_out() {
    let retry = RetryPolicy::new(RetrySchedule::never()).with_attempt_timeout(Duration::from_millis(100));
    let setup = Setup::new(Scripted::new(|_| Reply::Never)).await;
    setup.engine.put_subscription(&subscription(1, policy().with_retry(retry))).await.unwrap();
    setup.enqueue([1], 1).await;
    setup.until_state(1, State::Undeliverable).await;
    let mut outcomes = setup.outcomes(1).await;
    // On a machine that is busy elsewhere, writing an attempt down may take until its deadline: then it was not made.
    outcomes.retain(|outcome| outcome != "internal");
    assert_eq!(outcomes, ["timeout"]);
}

#[tokio::test]
async fn an_ordered_endpoint_keeps_its_order_past_its_window_and_its_failures() {
    let transport = Scripted::new(|sending| {
        let id = sending.attempt.attempt.delivery.as_uuid().as_u128();
        let failing = id % 100 == 50 && sending.attempt.number.get() == 1;
        status(if failing { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
    });
    let setup = Setup::new(transport).await;
    setup.engine.put_subscription(&subscription(1, policy().with_ordered(true))).await.unwrap();
    setup.enqueue(1..=300, 1).await;
    setup.until_idle().await;
    let mut seen = setup.transport.sent_ids();
    assert_eq!(seen.len(), 303);
    seen.dedup();
    assert_eq!(seen, (1..=300).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_retry_that_is_far_away_is_set_aside_and_comes_back() {
    // The engine holds what is due within ten seconds; this retry is due after eleven.
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(11), 1));
    let transport = Scripted::new(|sending| {
        status(if sending.attempt.number.get() == 1 { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
    });
    let setup = Setup::new(transport).await;
    setup.engine.put_subscription(&subscription(1, policy().with_retry(retry))).await.unwrap();
    setup.enqueue([1], 1).await;
    until("the first attempt has failed", || async { setup.outcomes(1).await == ["502"] }).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(setup.state(1).await, State::Waiting);
    until("it is delivered", || async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        setup.state(1).await == State::Delivered
    })
    .await;
    let sent = setup.transport.sent();
    let apart = sent[1].now - sent[0].now;
    assert!(apart >= Duration::from_secs(11), "{apart}");
}

#[tokio::test]
async fn a_body_that_has_changed_on_disk_is_quarantined_and_the_rest_goes_on() {
    let setup = Setup::new(Scripted::accepting()).await;
    setup.engine.put_subscription(&subscription(1, policy().with_ordered(true))).await.unwrap();
    setup.engine.disable(endpoint(1)).await.unwrap();
    until("it is disabled", || async { setup.engine.stats().await.unwrap().disabled == 1 }).await;
    setup.enqueue(1..=3, 1).await;
    let connection = rusqlite::Connection::open(setup.engine.store().path()).unwrap();
    let changed = connection.execute(
        "UPDATE gymhook_bodies SET body = x'00' WHERE seq = (SELECT min(seq) FROM gymhook_bodies)",
        [],
    );
    assert_eq!(changed, Ok(1));
    setup.engine.enable(endpoint(1)).await.unwrap();
    setup.until_state(3, State::Delivered).await;
    assert_eq!(setup.transport.sent_ids(), [2, 3]);
    assert_eq!(setup.state(1).await, State::Quarantined);
    assert_eq!(setup.engine.stats().await.unwrap().quarantined, 1);
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_under_way() {
    let late =
        |_: &Sending| Reply::Late(Duration::from_millis(100), Answer::new(Outcome::response(StatusCode::OK)));
    let setup = Setup::new(Scripted::new(late)).await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup.enqueue([1], 1).await;
    setup.until_state(1, State::InFlight).await;
    setup.engine.shutdown().await;
    assert_eq!(setup.state(1).await, State::Delivered);
}

#[tokio::test]
async fn what_a_shutdown_gives_up_is_not_charged_and_goes_on_afterwards() {
    let setup = Setup::new(Scripted::new(|_| Reply::Never)).await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup.enqueue([1], 1).await;
    setup.until_state(1, State::InFlight).await;
    setup.engine.shutdown().await;
    assert_eq!(setup.state(1).await, State::Waiting);
    let record = setup.engine.store().delivery(delivery(1)).await.unwrap().unwrap().record.unwrap();
    assert_eq!(record.attempt.get(), 1, "the same attempt again");
    let Setup { folder, engine, .. } = setup;
    drop(engine);
    let again = Setup::on(folder, Scripted::accepting()).await;
    again.until_state(1, State::Delivered).await;
}

#[test]
fn a_worker_that_is_gone_costs_an_attempt_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let first = tokio::runtime::Runtime::new().unwrap();
    let setup = first.block_on(async {
        let setup = Setup::on(folder, Scripted::new(|_| Reply::Never)).await;
        setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
        setup.enqueue(1..=3, 1).await;
        setup.until_state(1, State::InFlight).await;
        setup
    });
    let Setup { folder, engine, .. } = setup;
    // The worker's task ends in the midst of its work, and closes the file.
    first.shutdown_timeout(Duration::from_secs(60));
    drop(engine);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let again = Setup::on(folder, Scripted::accepting()).await;
        again.until_idle().await;
        assert_eq!(again.outcomes(1).await, ["lost", "200"]);
        assert_eq!(again.transport.sent().iter().map(|sending| sending.attempt.attempt.send).max(), Some(2));
    });
}

#[tokio::test]
async fn a_subscription_that_cannot_be_read_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let before = Engine::builder(SqliteStore::open(&path).unwrap()).enqueue_only();
    for number in [1, 2, 3] {
        before.put_subscription(&subscription(number, policy())).await.unwrap();
    }
    let connection = rusqlite::Connection::open(path).unwrap();
    for (number, column) in [(1_u128, "record"), (2, "settings")] {
        let sql = format!("UPDATE gymhook_subscriptions SET {column} = '{{' WHERE id = ?1");
        assert_eq!(connection.execute(&sql, [number.to_be_bytes()]), Ok(1));
    }
    let setup = Setup::on(folder, Scripted::accepting()).await;
    for number in [1, 2, 3] {
        setup.enqueue([number], number).await;
    }
    setup.until_state(3, State::Delivered).await;
    assert_eq!(setup.transport.sent_ids(), [3]);
    assert_eq!((setup.state(1).await, setup.state(2).await), (State::Waiting, State::Waiting));
    let published = setup
        .engine
        .publish("berlin", "e-1", &Publication::new("point", "workout.created", "{}"))
        .await
        .unwrap();
    let to: Vec<_> = published.iter().map(|published| published.subscription).collect();
    assert_eq!(to, [endpoint(3)]);
}

#[tokio::test]
async fn an_engine_that_is_dropped_finishes_in_good_order() {
    let setup = Setup::new(Scripted::accepting()).await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup.enqueue(1..=10, 1).await;
    setup.until_idle().await;
    let store = setup.engine.store().clone();
    drop(setup.engine);
    // The leases are given back, so another worker need not wait for them to run out.
    until("the leases are given back", || async {
        let connection = rusqlite::Connection::open(store.path()).unwrap();
        let now = store.now().await.unwrap().unix_timestamp_nanos() / 1_000;
        let sql = "SELECT count(*) FROM gymhook_subscriptions WHERE lease_until > ?1";
        let held: i64 = connection.query_row(sql, [i64::try_from(now).unwrap()], |row| row.get(0)).unwrap();
        held == 0
    })
    .await;
}

/// The worker is told of nothing, and has the endpoint under lease for the sake of a retry that waits.
#[tokio::test]
async fn what_another_process_enqueues_is_found_behind_a_retry() {
    let transport = Scripted::new(|sending| {
        let is_first = sending.attempt.attempt.delivery == delivery(1);
        status(if is_first { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
    });
    let setup = Setup::new(transport).await;
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(9), 9));
    setup.engine.put_subscription(&subscription(1, policy().with_retry(retry))).await.unwrap();
    setup.enqueue([1], 1).await;
    until("the first attempt has failed", || async {
        let log = setup.engine.delivery(delivery(1)).await.unwrap().unwrap();
        log.attempts.items.len() == 1
    })
    .await;
    let other = SqliteStore::open(setup.folder.path().join("webhooks.db")).unwrap();
    let now = other.now().await.unwrap();
    let _new = other.enqueue(vec![notification(2, 1)], now).await.unwrap();
    setup.until_state(2, State::Delivered).await;
}

#[tokio::test]
async fn an_attempt_timeout_longer_than_a_lease_keeps_nothing_from_being_sent() {
    let folder = tempfile::tempdir().unwrap();
    let transport = Scripted::new(|_| {
        Reply::Late(Duration::from_millis(900), Answer::new(Outcome::response(StatusCode::OK)))
    });
    let engine = Engine::builder(SqliteStore::open(folder.path().join("webhooks.db")).unwrap())
        .poll_interval(Duration::from_millis(20))
        .lease_length(Duration::from_millis(600))
        .start(transport.clone())
        .await
        .unwrap();
    engine.put_subscription(&subscription(1, policy())).await.unwrap();
    let _new = engine.enqueue(vec![notification(1, 1)]).await.unwrap();
    until("it is delivered", || async {
        engine.store().delivery(delivery(1)).await.unwrap().unwrap().state == State::Delivered
    })
    .await;
    assert_eq!(transport.sent_ids(), [1], "the lease is renewed meanwhile");
    engine.shutdown().await;
}

/// Its first attempt is paused for longer than its lease lasts, as a stopped process is, and has not sent by then.
#[derive(Clone, Default)]
struct PausedOnce {
    began: Arc<AtomicBool>,
    /// The numbers of the requests that were made.
    made: Arc<Mutex<Vec<u32>>>,
}

const SHORT_LEASE: Duration = Duration::from_millis(1_000);

impl Transport for PausedOnce {
    async fn send(&self, sending: Sending) -> Answer {
        if !self.began.swap(true, Ordering::SeqCst) {
            let mut is_first = true;
            poll_fn(|context| {
                if !core::mem::take(&mut is_first) {
                    return Poll::Ready(());
                }
                let (_nobody, never) = std::sync::mpsc::channel::<()>();
                let _none = never.recv_timeout(2 * SHORT_LEASE);
                // As a socket that can be written to again does.
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
        self.made.lock().unwrap().push(sending.attempt.attempt.send);
        Answer::new(Outcome::response(StatusCode::OK))
    }
}

/// All of the process is paused, so there is one thread.
#[tokio::test(flavor = "current_thread")]
async fn an_attempt_that_is_paused_past_its_lease_before_it_is_sent_is_not_sent_after_it() {
    let transport = PausedOnce::default();
    let engine = Engine::builder(MemoryStore::with_system_clock())
        .poll_interval(Duration::from_millis(20))
        .lease_length(SHORT_LEASE)
        .start(transport.clone())
        .await
        .unwrap();
    let policy = policy().with_retry(
        RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(1), 9))
            .with_attempt_timeout(SHORT_LEASE / 4),
    );
    engine.put_subscription(&subscription(1, policy)).await.unwrap();
    let _new = engine.enqueue(vec![notification(1, 1)]).await.unwrap();
    until("it is delivered", || async {
        engine.store().delivery(delivery(1)).await.unwrap().unwrap().state == State::Delivered
    })
    .await;
    let made = transport.made.lock().unwrap().clone();
    assert!(!made.contains(&1), "{made:?}");
    let attempts = engine.delivery(delivery(1)).await.unwrap().unwrap().attempts.items;
    assert_eq!(attempts[0].outcome, AttemptOutcome::Lost, "the pause is not the endpoint's failure");
    engine.shutdown().await;
}
