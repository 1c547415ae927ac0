//! The worker itself panics: it is started again, takes its endpoints over at once, and sends nothing twice.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::fmt;
use core::num::NonZeroU32;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{AttemptQuery, SqliteStore, State, Store, StoreError};
use gymhook_engine::{Answer, Engine, LoggedAttempt, NotReady, Sending, Transport, WorkerState};
use gymhook_retry::Outcome;
use http::StatusCode;
use scripted::{
    Reply, Scripted, accepted, delivery, endpoint, notification, policy, status, subscription, until,
};
use tokio::sync::Notify;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Panics in the worker's own code: where it logs that an endpoint started to fail, this many times.
#[derive(Clone, Default)]
struct Trap {
    left: Arc<AtomicU32>,
    /// Whether every error that is logged makes it panic, as a subscriber does that writes to a full disk.
    at_every_error: bool,
    /// The pauses that were logged.
    pauses: Arc<Mutex<Vec<String>>>,
}

impl Trap {
    fn times(left: u32) -> Self {
        Self { left: Arc::new(AtomicU32::new(left)), ..Self::default() }
    }
}

#[derive(Default)]
struct Finds {
    started_failing: bool,
    pause: Option<String>,
}

impl Visit for Finds {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.started_failing |= format!("{value:?}") == "StartedFailing";
        if field.name() == "pause" {
            self.pause = Some(format!("{value:?}"));
        }
    }
}

impl Subscriber for Trap {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        assert!(!self.at_every_error || *event.metadata().level() != Level::ERROR, "no room for a line");
        let mut finds = Finds::default();
        event.record(&mut finds);
        self.pauses.lock().unwrap().extend(finds.pause);
        if finds.started_failing {
            let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            assert!(left.is_err(), "into the trap");
        }
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Delivery 1 fails once, at endpoint 1; everything else is accepted, and delivery 9 is never answered at first.
fn transport() -> Scripted {
    Scripted::new(|sending| {
        let attempt = sending.attempt.attempt;
        match (attempt.delivery, attempt.send) {
            (id, 1) if id == delivery(1) => status(StatusCode::BAD_GATEWAY),
            (id, 1) if id == delivery(9) => Reply::Never,
            _ => accepted(),
        }
    })
}

async fn start(store: FaultyStore<MemoryStore>, transport: Scripted) -> Engine<FaultyStore<MemoryStore>> {
    start_watched(store, transport, |_| {}).await
}

async fn start_watched(
    store: FaultyStore<MemoryStore>,
    transport: Scripted,
    observe: impl Fn(&LoggedAttempt<'_>) + Send + Sync + 'static,
) -> Engine<FaultyStore<MemoryStore>> {
    let engine = Engine::builder(store)
        .poll_interval(Duration::from_millis(20))
        .shutdown_grace(Duration::from_millis(200))
        // Nothing here waits for as long: whatever goes on, goes on because its lease was released.
        .lease_length(Duration::from_secs(3_600))
        .on_attempt_logged(observe)
        .start(transport)
        .await
        .unwrap();
    for number in 1..=3 {
        engine.put_subscription(&subscription(number, policy())).await.unwrap();
    }
    engine
}

async fn until_restarting(engine: &Engine<FaultyStore<MemoryStore>>) {
    until("it is to be started again", || async {
        matches!(engine.health().worker, WorkerState::Restarting { .. })
    })
    .await;
}

async fn until_delivered(engine: &Engine<FaultyStore<MemoryStore>>, ids: &[u128]) {
    for id in ids {
        until("it is delivered", || async {
            let row = engine.store().inner().delivery(delivery(*id)).await.unwrap().unwrap();
            row.state == State::Delivered
        })
        .await;
    }
}

#[tokio::test]
async fn a_worker_that_panics_is_started_again_and_sends_nothing_twice_but_what_was_under_way() {
    let trap = Trap::times(2);
    let _set = tracing::subscriber::set_default(trap.clone());
    let transport = transport();
    let store = FaultyStore::new(MemoryStore::with_system_clock());
    let told: Arc<Mutex<Vec<_>>> = Arc::default();
    let tell = Arc::clone(&told);
    let observe = move |attempt: &LoggedAttempt<'_>| {
        let (row, is_known) = (attempt.row, attempt.event_type.is_some());
        tell.lock().unwrap().push((
            row.delivery.as_uuid().as_u128(),
            row.send,
            row.outcome.as_str(),
            is_known,
        ));
    };
    let engine = start_watched(store, transport.clone(), observe).await;
    assert_eq!(engine.readiness().await, Ok(()));
    let _new = engine.enqueue(vec![notification(9, 3), notification(2, 2)]).await.unwrap();
    until("delivery 9 is under way", || async { transport.sent_ids().contains(&9) }).await;
    let _new = engine.enqueue(vec![notification(1, 1), notification(3, 2)]).await.unwrap();

    // The next worker need not wait for the end of a lease.
    until_delivered(&engine, &[1, 2, 3, 9]).await;
    let _new = engine.enqueue(vec![notification(4, 1), notification(5, 2)]).await.unwrap();
    until_delivered(&engine, &[4, 5]).await;
    let mut sent = transport.sent_ids();
    sent.sort_unstable();
    assert_eq!(sent, [1, 1, 2, 3, 4, 5, 9, 9], "1 had failed, and 9 was under way");

    let health = engine.health();
    assert!(matches!(health.worker, WorkerState::Running { .. }), "{health:?}");
    assert!(health.restarts >= 1, "{health:?}");
    assert!(
        health.last_panic.as_ref().unwrap().starts_with("the worker panicked: into the trap"),
        "{health:?}"
    );
    assert!(health.last_commit.is_some() && health.last_round_trip >= health.last_commit, "{health:?}");
    assert_eq!(engine.readiness().await, Ok(()));
    engine.shutdown().await;
    assert_eq!(engine.health().worker, WorkerState::Stopped);
    assert_eq!(engine.readiness().await, Err(NotReady::Worker { state: WorkerState::Stopped }));

    // Also of what the worker left, which was written after it.
    let mut told = told.lock().unwrap().clone();
    told.sort_unstable();
    let answered = |id, send| (id, send, "response", true);
    let of_9 = [(9, 1, "lost", false), answered(9, 2)];
    let others = [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (5, 1)].map(|(id, send)| answered(id, send));
    assert_eq!(told, [&others[..], &of_9].concat());
}

/// Answers each delivery when the test says so: the first with an error, the others with success.
#[derive(Clone, Default)]
struct Held {
    sent: Arc<AtomicU32>,
    answers: Arc<[Notify; 2]>,
}

impl Transport for Held {
    async fn send(&self, sending: Sending) -> Answer {
        let is_first = sending.attempt.attempt.delivery == delivery(1);
        self.sent.fetch_add(1, Ordering::SeqCst);
        let [first, others] = &*self.answers;
        if is_first { first } else { others }.notified().await;
        Answer::new(Outcome::response(if is_first { StatusCode::BAD_GATEWAY } else { StatusCode::OK }))
    }
}

/// What was being written when the worker panicked is written, and told of like everything else.
#[tokio::test]
async fn an_attempt_whose_row_is_being_written_while_the_worker_panics_is_told_of() {
    let _set = tracing::subscriber::set_default(Trap::times(1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let store = FaultyStore::new(SqliteStore::open(&path).unwrap());
    let (transport, told) = (Held::default(), Arc::new(Mutex::new(Vec::new())));
    let tell = Arc::clone(&told);
    let engine = Engine::builder(store.clone())
        .on_attempt_logged(move |attempt| tell.lock().unwrap().push(attempt.row.delivery))
        .start(transport.clone())
        .await
        .unwrap();
    for number in [1, 2] {
        engine.put_subscription(&subscription(number, policy())).await.unwrap();
    }
    let _new = engine.enqueue(vec![notification(1, 1), notification(2, 2)]).await.unwrap();
    until("both are under way", || async { transport.sent.load(Ordering::SeqCst) == 2 }).await;

    let lock = rusqlite::Connection::open(&path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = store.reached(Operation::Commit, When::Before);
    transport.answers[1].notify_one();
    until("the row waits", || async { store.reached(Operation::Commit, When::Before) > before }).await;
    transport.answers[0].notify_one();
    until("it panics", || async { engine.health().last_panic.is_some() }).await;
    assert!(told.lock().unwrap().is_empty());
    lock.execute_batch("COMMIT").unwrap();
    until("both are told of", || async { told.lock().unwrap().len() == 2 }).await;
    assert_eq!(*told.lock().unwrap(), [2, 1].map(delivery));
    transport.answers[0].notify_one();
    engine.shutdown().await;
}

#[tokio::test]
async fn a_worker_is_started_again_once_its_store_is_back_or_stops_when_it_is_told_to() {
    let trap = Trap::default();
    let _set = tracing::subscriber::set_default(trap.clone());
    for stops in [false, true] {
        trap.left.store(1, Ordering::SeqCst);
        let store = FaultyStore::new(MemoryStore::with_system_clock());
        let engine = start(store.clone(), transport()).await;
        let broken = StoreError::Unavailable { problem: "no".to_owned() };
        let faults = store.clone();
        // The attempt has been sent: from now on nothing can be written.
        store.on(Operation::Commit, When::After, move || {
            faults.fail_every(Operation::Commit, When::Before, NonZeroU32::MIN, broken.clone());
        });
        let _new = engine.enqueue(vec![notification(1, 1)]).await.unwrap();
        until_restarting(&engine).await;
        let state = engine.health().worker;
        assert_eq!(engine.readiness().await, Err(NotReady::Worker { state }));
        store.on(Operation::Commit, When::After, || {});
        store.heal();
        if stops {
            engine.shutdown().await;
            assert_eq!(engine.health().worker, WorkerState::Stopped);
            // What had ended is written, and nobody holds a lease.
            let stats =
                store.endpoint_stats(endpoint(1), engine.now().await.unwrap()).await.unwrap().unwrap();
            assert_eq!(stats.lease, None);
        } else {
            until_delivered(&engine, &[1]).await;
            let logged = store.attempts(AttemptQuery::new(delivery(1), 100)).await.unwrap().items;
            assert_eq!(logged.iter().map(|row| row.status).collect::<Vec<_>>(), [Some(502), Some(200)]);
        }
    }
}

#[tokio::test]
async fn a_worker_is_started_again_though_its_panic_cannot_be_logged() {
    let trap = Trap { at_every_error: true, ..Trap::times(1) };
    let _set = tracing::subscriber::set_default(trap);
    let store = FaultyStore::new(MemoryStore::with_system_clock());
    let engine = start(store.clone(), transport()).await;
    let broken = StoreError::Unavailable { problem: "no".to_owned() };
    let faults = store.clone();
    // From the panic on nothing can be written, so the restart itself has something to log.
    store.on(Operation::Commit, When::After, move || {
        faults.fail_every(Operation::Commit, When::Before, NonZeroU32::MIN, broken.clone());
    });
    let _new = engine.enqueue(vec![notification(1, 1)]).await.unwrap();
    until_restarting(&engine).await;
    store.on(Operation::Commit, When::After, || {});
    let tried = store.reached(Operation::Commit, When::Before);
    until("what was left is tried again", || async {
        store.reached(Operation::Commit, When::Before) > tried + 1
    })
    .await;
    store.heal();
    until_delivered(&engine, &[1]).await;
    assert!(matches!(engine.health().worker, WorkerState::Running { .. }), "{:?}", engine.health());
    engine.shutdown().await;
}

/// The worker panics after the store has begun to hang: neither what it left can be written, nor can the next one begin.
#[tokio::test]
async fn a_worker_that_panicked_over_a_store_that_hangs_is_stopped_in_time() {
    let trap = Trap::default();
    let _set = tracing::subscriber::set_default(trap.clone());
    for (hangs, when) in [(Operation::Commit, When::Before), (Operation::Now, When::Before)] {
        trap.left.store(1, Ordering::SeqCst);
        let store = FaultyStore::new(MemoryStore::with_system_clock());
        let engine = start(store.clone(), transport()).await;
        let faults = store.clone();
        // The attempt has been sent.
        store.on(Operation::Commit, When::After, move || faults.hang(hangs, when));
        let _new = store.inner().enqueue(vec![notification(1, 1)], store.inner().now().await.unwrap()).await;
        until_restarting(&engine).await;
        let ended = tokio::time::timeout(Duration::from_secs(60), engine.shutdown()).await;
        assert!(ended.is_ok(), "{hangs:?} hangs, and so does the shutdown");
        assert_eq!(engine.health().worker, WorkerState::Stopped);
    }
}

/// As above, but the store says at once that it cannot write what the worker left.
#[tokio::test]
async fn a_worker_that_panicked_over_a_store_that_fails_is_stopped_in_time() {
    let _set = tracing::subscriber::set_default(Trap::times(1));
    let store = FaultyStore::new(MemoryStore::with_system_clock());
    let engine = start(store.clone(), transport()).await;
    let faults = store.clone();
    store.on(Operation::Commit, When::After, move || {
        let broken = StoreError::Unavailable { problem: "no".to_owned() };
        faults.fail_every(Operation::Commit, When::Before, NonZeroU32::MIN, broken);
    });
    let _new = engine.enqueue(vec![notification(1, 1)]).await.unwrap();
    until_restarting(&engine).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), engine.shutdown()).await;
    assert!(ended.is_ok(), "nothing can be written, and the shutdown waits until it can");
    assert_eq!(engine.health().worker, WorkerState::Stopped);
}

/// The store panics where what the worker left is written, or where the next one begins.
#[tokio::test]
async fn a_worker_is_started_again_though_its_store_panics_meanwhile() {
    let trap = Trap::default();
    let _set = tracing::subscriber::set_default(trap.clone());
    for operation in [Operation::Commit, Operation::Now] {
        trap.left.store(1, Ordering::SeqCst);
        let store = FaultyStore::new(MemoryStore::with_system_clock());
        let engine = start(store.clone(), transport()).await;
        let (armed, arms) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        let (panics, arming, still) = (Arc::clone(&armed), Arc::clone(&armed), Arc::clone(&arms));
        store.on(operation, When::Before, move || assert!(!panics.load(Ordering::SeqCst), "not now"));
        // The attempt has been sent.
        store.on(Operation::Commit, When::After, move || {
            arming.store(still.load(Ordering::SeqCst), Ordering::SeqCst);
        });
        let _new = engine.enqueue(vec![notification(1, 1)]).await.unwrap();
        until_restarting(&engine).await;
        let tried = store.reached(operation, When::Before);
        until("it is tried again", || async { store.reached(operation, When::Before) > tried + 1 }).await;
        arms.store(false, Ordering::SeqCst);
        armed.store(false, Ordering::SeqCst);
        until_delivered(&engine, &[1]).await;
        let logged = store.inner().attempts(AttemptQuery::new(delivery(1), 100)).await.unwrap().items;
        assert_eq!(logged.iter().map(|row| row.status).collect::<Vec<_>>(), [Some(502), Some(200)]);
        engine.shutdown().await;
    }
}

/// Two endpoints start to fail at once: it panics again while it says what it leaves.
#[tokio::test]
async fn a_worker_that_panics_again_when_it_leaves_releases_its_leases() {
    let trap = Trap::times(2);
    let _set = tracing::subscriber::set_default(trap.clone());
    let transport = Scripted::new(|sending| match sending.attempt.attempt.send {
        1 => status(StatusCode::BAD_GATEWAY),
        _ => accepted(),
    });
    let engine = start(FaultyStore::new(MemoryStore::with_system_clock()), transport).await;
    let _new = engine.enqueue(vec![notification(1, 1), notification(2, 2)]).await.unwrap();
    until_delivered(&engine, &[1, 2]).await;
    assert_eq!(trap.left.load(Ordering::SeqCst), 0);
    assert_eq!(engine.health().restarts, 1, "the second panic was in what the first one left");
}

#[tokio::test]
async fn the_pause_before_a_restart_grows() {
    let trap = Trap::times(3);
    let _set = tracing::subscriber::set_default(trap.clone());
    let transport = Scripted::new(|sending| match sending.attempt.attempt.send {
        1 => status(StatusCode::BAD_GATEWAY),
        _ => accepted(),
    });
    let engine = start(FaultyStore::new(MemoryStore::with_system_clock()), transport).await;
    for number in 1..=3 {
        let _new = engine.enqueue(vec![notification(number, number)]).await.unwrap();
        until_delivered(&engine, &[number]).await;
    }
    assert_eq!(*trap.pauses.lock().unwrap(), ["100ms", "200ms", "400ms"]);
}

#[tokio::test]
async fn an_engine_without_a_worker_is_ready_when_its_store_is() {
    let store = FaultyStore::new(MemoryStore::with_system_clock());
    let engine = Engine::builder(store.clone()).enqueue_only();
    assert_eq!(engine.health().worker, WorkerState::EnqueueOnly);
    assert_eq!(engine.readiness().await, Ok(()));
    store.fail_next(Operation::CheckWritable, When::Before, StoreError::Full);
    assert_eq!(engine.readiness().await, Err(NotReady::Store(StoreError::Full)));
}
