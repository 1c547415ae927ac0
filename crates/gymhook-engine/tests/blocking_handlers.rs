//! A transport or handler that does not yield while its worker panics: it cannot be stopped, and it is never called twice at once.
//!
//! A process of its own, since the trap is for all threads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{State, Store};
use gymhook_engine::{Engine, WorkerState};
use http::StatusCode;
use scripted::{Scripted, accepted, delivery, notification, policy, status, subscription, until};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Panics, once, in the worker's own code: where it logs that an endpoint started to fail.
#[derive(Default)]
struct Trap(AtomicBool);

struct Finds(bool);

impl Visit for Finds {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.0 |= format!("{value:?}") == "StartedFailing";
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
        let mut finds = Finds(false);
        event.record(&mut finds);
        assert!(!finds.0 || self.0.swap(true, Ordering::SeqCst), "into the trap");
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_does_not_yield_is_waited_for_and_what_it_answered_counts() {
    tracing::subscriber::set_global_default(Trap::default()).unwrap();
    let (let_go, held) = channel::<()>();
    let (has_begun, begun) = channel::<()>();
    let held = Mutex::new(Some((has_begun, held)));
    let transport = Scripted::new(move |sending| {
        let attempt = sending.attempt.attempt;
        // Not locked while it waits: a second call would wait, too, and the test with it.
        let first = (attempt.delivery == delivery(9)).then(|| held.lock().unwrap().take()).flatten();
        if let Some((has_begun, held)) = first {
            has_begun.send(()).unwrap();
            // Nothing is awaited here.
            held.recv().unwrap();
        }
        let fails = attempt.delivery == delivery(1) && attempt.send == 1;
        if fails { status(StatusCode::BAD_GATEWAY) } else { accepted() }
    });
    let store = MemoryStore::with_system_clock();
    let engine = Engine::builder(store.clone())
        .poll_interval(Duration::from_millis(20))
        .shutdown_grace(Duration::from_millis(200))
        .start(transport.clone())
        .await
        .unwrap();
    for number in [1, 3] {
        engine.put_subscription(&subscription(number, policy())).await.unwrap();
    }
    let _new = engine.enqueue(vec![notification(9, 3)]).await.unwrap();
    tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
    let _new = engine.enqueue(vec![notification(1, 1)]).await.unwrap();
    until("the worker has panicked", || async { engine.health().restarts == 1 }).await;
    // Long enough for the next worker to begin, if nothing holds it up.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let state = engine.health().worker;
    let_go.send(()).unwrap();
    for id in [1, 9] {
        until("it is delivered", || async {
            store.delivery(delivery(id)).await.unwrap().unwrap().state == State::Delivered
        })
        .await;
    }
    assert_eq!(
        transport.sent_ids().iter().filter(|id| **id == 9).count(),
        1,
        "one call, whose answer counts"
    );
    assert!(matches!(state, WorkerState::Restarting { .. }), "the next worker has begun: {state:?}");
    engine.shutdown().await;
}
