//! The engine over a store that fails, and two engines over one store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::num::NonZeroU32;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use gymhook_delivery::Limits;
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{
    AttemptQuery, AttemptRow, LeaseRequest, SqliteStore, State, StatsQuery, Store, StoreError, WorkerId,
};
use gymhook_engine::{Direction, Engine, LoggedAttempt};
use gymhook_retry::{RetryPolicy, RetrySchedule};
use http::StatusCode;
use scripted::*;

async fn start<S: Store>(store: &S, transport: Scripted) -> Engine<S> {
    start_with_leases(store, transport, Duration::from_secs(60)).await
}

async fn start_with_leases<S: Store>(store: &S, transport: Scripted, length: Duration) -> Engine<S> {
    let builder = Engine::builder(store.clone())
        .poll_interval(Duration::from_millis(20))
        .lease_length(length)
        .shutdown_grace(Duration::from_millis(100));
    builder.start(transport).await.unwrap()
}

/// Delivery, request, outcome and type of an attempt.
type Attempted = (u128, u32, &'static str, Option<String>);

/// What an observer was told of attempts.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Attempted>>>);

impl Told {
    /// Notes each, which the log of this store has by then.
    fn observe(&self, store: MemoryStore) -> impl Fn(&LoggedAttempt<'_>) + Send + Sync + use<> {
        let told = Self::clone(self);
        move |attempt| {
            let LoggedAttempt { subscription, event_type, row, .. } = attempt;
            let log = at_once(store.attempts(AttemptQuery::new(row.delivery, 100))).unwrap().items;
            let state = at_once(store.delivery(row.delivery)).unwrap().unwrap();
            let id = row.delivery.as_uuid().as_u128();
            // A panic would be caught.
            let same = |logged: &AttemptRow| (logged.send, logged.outcome) == (row.send, row.outcome);
            let problem = if !log.iter().any(same) {
                Some("it is not in the log")
            } else if state.state == State::InFlight && state.record.unwrap().sends == row.send {
                Some("the log does not say what follows from it")
            } else {
                (subscription.id() != endpoint(1 + id % 4)).then_some("it is another endpoint's")
            };
            let outcome = problem.unwrap_or(row.outcome.as_str());
            told.0.lock().unwrap().push((id, row.send, outcome, event_type.map(str::to_owned)));
        }
    }

    fn sorted(&self) -> Vec<Attempted> {
        let mut told = self.0.lock().unwrap().clone();
        told.sort();
        told
    }
}

/// A store in memory does not wait.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

async fn idle(inside: &MemoryStore) {
    until("nothing is left to do", || async {
        let stats = inside.stats(StatsQuery::new(), inside.now().await.unwrap()).await.unwrap();
        stats.waiting + stats.in_flight == 0
    })
    .await;
}

async fn filled(deliveries: u128) -> (MemoryStore, Engine<MemoryStore>) {
    let store = MemoryStore::with_system_clock();
    let engine = Engine::builder(store.clone()).enqueue_only();
    for number in 1..=4 {
        let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(50), 3))
            .with_attempt_timeout(Duration::from_millis(400))
            .with_own_fault_delay(Duration::from_millis(50));
        let policy = policy().with_retry(retry).with_ordered(number == 4);
        engine.put_subscription(&subscription(number, policy)).await.unwrap();
    }
    let new = (1..=deliveries).map(|id| notification(id, 1 + id % 4)).collect();
    assert!(engine.enqueue(new).await.unwrap().iter().all(Result::is_ok));
    (store, engine)
}

/// Every fifth delivery fails the first time.
fn flaky() -> Scripted {
    Scripted::new(|sending| {
        let first = sending.attempt.number.get() == 1;
        let failing = first && sending.attempt.attempt.delivery.as_uuid().as_u128().is_multiple_of(5);
        status(if failing { StatusCode::BAD_GATEWAY } else { StatusCode::OK })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_on_both_sides_of_its_calls_loses_and_repeats_nothing() {
    for every in 5..=8 {
        let (inside, _engine) = filled(200).await;
        let store = FaultyStore::new(inside.clone());
        let transport = flaky();
        let engine = start_with_leases(&store, transport.clone(), Duration::from_secs(60)).await;
        for operation in [Operation::Commit, Operation::Fetch, Operation::Now, Operation::Subscription] {
            for (when, more) in [(When::Before, 0), (When::After, 1)] {
                let every = NonZeroU32::new(every + more).unwrap();
                let problem = "as the test asks".to_owned();
                store.fail_every(operation, when, every, StoreError::Unavailable { problem });
            }
        }
        idle(&inside).await;
        store.heal();
        let mut sent = transport.sent_ids();
        sent.sort_unstable();
        let mut expected: Vec<u128> = (1..=200).chain((5..=200).step_by(5)).collect();
        expected.sort_unstable();
        assert_eq!(sent, expected, "every {every}: no lease ran out, so nothing goes twice");
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_is_told_of_once_when_it_is_in_the_log_though_the_store_fails_on_both_sides() {
    for every in 5..=8 {
        let (inside, _engine) = filled(200).await;
        let (store, told) = (FaultyStore::new(inside.clone()), Told::default());
        let builder = Engine::builder(store.clone())
            .poll_interval(Duration::from_millis(20))
            .on_attempt_logged(told.observe(inside.clone()));
        let engine = builder.start(flaky()).await.unwrap();
        for (when, more) in [(When::Before, 0), (When::After, 1)] {
            let every = NonZeroU32::new(every + more).unwrap();
            let problem = "as the test asks".to_owned();
            store.fail_every(Operation::Commit, when, every, StoreError::Unavailable { problem });
        }
        idle(&inside).await;
        store.heal();
        engine.shutdown().await;
        let attempt = |id, send| (id, send, "response", Some("workout.created".to_owned()));
        let again = (5..=200).step_by(5).map(|id| attempt(id, 2));
        let mut expected: Vec<_> = (1..=200).map(|id| attempt(id, 1)).chain(again).collect();
        expected.sort();
        assert_eq!(told.sorted(), expected, "every {every}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_anywhere_at_random_loses_nothing() {
    for seed in 0..4 {
        let (inside, _engine) = filled(200).await;
        let store = FaultyStore::new(inside.clone());
        let transport = flaky();
        // A lease whose answer got lost is nobody's until it runs out, and then what was under way may go twice.
        let engine = start_with_leases(&store, transport.clone(), Duration::from_secs(1)).await;
        store.fail_at_random(seed, NonZeroU32::new(16).unwrap());
        idle(&inside).await;
        store.heal();
        let sent: BTreeSet<u128> = transport.sent_ids().into_iter().collect();
        assert_eq!(sent, (1..=200).collect::<BTreeSet<u128>>(), "seed {seed}");
        engine.shutdown().await;
    }
}

#[tokio::test]
async fn while_the_disk_is_full_nothing_is_sent_and_then_everything_is() {
    let (inside, _engine) = filled(20).await;
    let store = FaultyStore::new(inside.clone());
    store.fail_every(Operation::Commit, When::Before, NonZeroU32::MIN, StoreError::Full);
    let transport = Scripted::accepting();
    let engine = start(&store, transport.clone()).await;
    until("it has tried", || async { store.reached(Operation::Commit, When::Before) >= 3 }).await;
    assert_eq!(transport.sent().len(), 0, "nothing is sent that is not written down");
    store.heal();
    idle(&inside).await;
    assert_eq!(transport.sent().len(), 20);
    engine.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever_for_a_store_that_is_gone() {
    let (inside, _engine) = filled(4).await;
    let store = FaultyStore::new(inside);
    let engine = start(&store, Scripted::accepting()).await;
    store.fail_every(Operation::Commit, When::Before, NonZeroU32::MIN, StoreError::Closed);
    engine.shutdown().await;
}

/// The second engine ends the leases of the first, as after a restart: whatever the first still has to say changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_says_after_its_lease_is_lost_changes_nothing() {
    let (store, _engine) = filled(8).await;
    let slow = Scripted::new(|_| Reply::Never);
    let (first_told, second_told) = (Told::default(), Told::default());
    let watched = |told: &Told| {
        Engine::builder(store.clone())
            .poll_interval(Duration::from_millis(20))
            .shutdown_grace(Duration::from_millis(100))
            .on_attempt_logged(told.observe(store.clone()))
    };
    let first = watched(&first_told).start(slow.clone()).await.unwrap();
    until("the first has sent", || async { slow.sent().len() >= 4 }).await;
    let transport = Scripted::accepting();
    let second = watched(&second_told).start(transport.clone()).await.unwrap();
    idle(&store).await;
    // Endpoints begin with one attempt at a time, and each of those counts as lost.
    let lost = slow.sent_ids();
    for id in 1..=8 {
        let attempts = store.attempts(AttemptQuery::new(delivery(id), 100)).await.unwrap().items;
        let outcomes: Vec<&str> = attempts.iter().map(|attempt| attempt.outcome.as_str()).collect();
        let expected: &[&str] = if lost.contains(&id) { &["lost", "response"] } else { &["response"] };
        assert_eq!(outcomes, expected, "delivery {id}");
        assert_eq!(store.delivery(delivery(id)).await.unwrap().unwrap().state, State::Delivered);
    }
    let before = store.stats(StatsQuery::new(), store.now().await.unwrap()).await.unwrap();
    first.shutdown().await;
    assert_eq!(store.stats(StatsQuery::new(), store.now().await.unwrap()).await.unwrap(), before);
    second.shutdown().await;

    // Who wrote a row is told of it, and knows the type of what it has sent itself.
    assert_eq!(first_told.sorted(), []);
    let expected = (1..=8).flat_map(|id| {
        let was_lost = lost.contains(&id);
        let sent = (id, if was_lost { 2 } else { 1 }, "response", Some("workout.created".to_owned()));
        was_lost.then_some((id, 1, "lost", None)).into_iter().chain([sent])
    });
    assert_eq!(second_told.sorted(), expected.collect::<Vec<_>>());
}

/// A handler that does not yield answers after its attempt has counted as lost, and its row is in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_attempt_that_is_answered_after_it_was_lost_is_told_of_once() {
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(Some(held));
    let transport = Scripted::new(move |sending| {
        let is_first = (sending.attempt.attempt.delivery, sending.attempt.attempt.send) == (delivery(1), 1);
        let held = is_first.then(|| held.lock().unwrap().take()).flatten();
        if let Some(held) = held {
            held.recv().unwrap();
        }
        accepted()
    });
    let (store, told) = (MemoryStore::with_system_clock(), Told::default());
    let grace = Limits::new(NonZeroU32::new(16).unwrap()).with_answer_grace(Duration::from_millis(50));
    let engine = Engine::builder(store.clone())
        .poll_interval(Duration::from_millis(20))
        .limits(grace)
        .on_attempt_logged(told.observe(store.clone()))
        .start(transport.clone())
        .await
        .unwrap();
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(50), 3))
        .with_attempt_timeout(Duration::from_millis(100));
    let policy = policy().with_retry(retry);
    engine.put_subscription(&subscription(2, policy)).await.unwrap();
    let _new = engine.enqueue(vec![notification(1, 2)]).await.unwrap();
    idle(&store).await;
    let_go.send(()).unwrap();
    until("the first has answered", || async { transport.sent().len() == 2 }).await;
    let _new = engine.enqueue(vec![notification(5, 2)]).await.unwrap();
    idle(&store).await;
    engine.shutdown().await;
    let attempt = |id, send, outcome| (id, send, outcome, Some("workout.created".to_owned()));
    let expected = [attempt(1, 1, "lost"), attempt(1, 2, "response"), attempt(5, 1, "response")];
    assert_eq!(told.sorted(), expected);
}

/// No endpoint more may be leased while one is busy: the others have to wait, and the store must not be asked without end.
#[tokio::test]
async fn a_worker_that_is_full_lets_its_store_rest() {
    let (inside, _engine) = filled(8).await;
    let store = FaultyStore::new(inside.clone());
    let transport = Scripted::new(|_| Reply::Never);
    let engine = Engine::builder(store.clone())
        .poll_interval(Duration::from_millis(50))
        .shutdown_grace(Duration::ZERO)
        .max_endpoints(NonZeroU32::MIN)
        .start(transport.clone())
        .await
        .unwrap();
    until("it is busy", || async { !transport.sent().is_empty() }).await;
    let before = store.reached(Operation::Now, When::Before);
    tokio::time::sleep(Duration::from_millis(200)).await;
    // It looks four times in that time; without rest it looked thousands of times.
    let looks = store.reached(Operation::Now, When::Before) - before;
    assert!(looks < 100, "{looks} looks");
    engine.shutdown().await;
}

/// A worker that is gone has its endpoints until its leases end; the others come then, and not when they next look around.
#[tokio::test]
async fn what_another_worker_left_is_taken_over_when_its_lease_ends() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
    let gone = open();
    assert!(gone.take_over().await.unwrap(), "nobody else is there");
    let enqueueing = Engine::builder(gone.clone()).enqueue_only();
    enqueueing.put_subscription(&subscription(1, policy())).await.unwrap();
    enqueueing.enqueue(vec![notification(1, 1)]).await.unwrap();
    let worker = WorkerId::new(*delivery(99).as_uuid());
    let request = LeaseRequest {
        worker,
        direction: Direction::Outgoing,
        length: Duration::from_millis(300),
        limit: 1,
        only: None,
    };
    assert_eq!(gone.lease(request, gone.now().await.unwrap()).await.unwrap().len(), 1);

    let transport = Scripted::accepting();
    let hour = Duration::from_secs(3_600);
    let builder = Engine::builder(open()).poll_interval(hour).lease_length(hour);
    let engine = builder.start(transport.clone()).await.unwrap();
    until("it is taken over", || async { transport.sent_ids().contains(&1) }).await;
    // Nor does a shutdown wait for that.
    tokio::time::timeout(Duration::from_secs(60), engine.shutdown()).await.unwrap();
}

/// A visit that leases endpoints and fails afterwards has leased them: they do not wait until that lease has run out.
#[tokio::test]
async fn what_was_leased_before_a_visit_failed_is_worked_on() {
    let (inside, _engine) = filled(8).await;
    let store = FaultyStore::new(inside.clone());
    let gone = StoreError::Unavailable { problem: "gone".to_owned() };
    // The first round trip leases two of the four endpoints. The second one reads their deliveries, and leases the others.
    store.fail_next(Operation::Fetch, When::Before, gone);
    let builder = Engine::builder(store.clone()).lease_batch(NonZeroU32::new(2).unwrap());
    let engine = builder.lease_length(Duration::from_secs(3_600)).start(Scripted::accepting()).await.unwrap();
    idle(&inside).await;
    engine.shutdown().await;
}

/// Only what nobody can read is quarantined: a body that cannot be read just now waits.
#[tokio::test]
async fn a_body_that_cannot_be_read_for_a_while_is_not_quarantined() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let store = SqliteStore::open(&path).unwrap();
    let enqueueing = Engine::builder(store.clone()).enqueue_only();
    enqueueing.put_subscription(&subscription(1, policy())).await.unwrap();
    enqueueing.enqueue(vec![notification(1, 1)]).await.unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    // Whoever reads a body meets an integer overflow, which is an error of no kind of its own.
    let broken = "ALTER TABLE gymhook_bodies RENAME TO kept;
        CREATE VIEW gymhook_bodies AS SELECT seq, abs(-9223372036854775807 - 1) AS body FROM kept";
    other.execute_batch(broken).unwrap();

    let inside = FaultyStore::new(store.clone());
    let transport = Scripted::accepting();
    let engine = start(&inside, transport.clone()).await;
    until("it has been tried", || async { inside.reached(Operation::Commit, When::Before) > 1 }).await;
    assert_eq!(transport.sent_ids(), []);
    other.execute_batch("DROP VIEW gymhook_bodies; ALTER TABLE kept RENAME TO gymhook_bodies").unwrap();
    until("it is sent", || async { transport.sent_ids() == [1] }).await;
    engine.shutdown().await;
    assert_eq!(store.stats(StatsQuery::new(), store.now().await.unwrap()).await.unwrap().quarantined, 0);
}
