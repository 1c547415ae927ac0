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

use core::time::Duration;

use gymhook_engine::Engine;
use gymhook_engine::store::{SqliteStore, State, Store};
use http::StatusCode;
use scripted::*;
use tempfile::TempDir;

struct Setup {
    /// Kept until the end of the test.
    _folder: TempDir,
    transport: Scripted,
    engine: Engine<SqliteStore>,
}

async fn start(folder: TempDir, transport: Scripted) -> Setup {
    let store = SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
    let engine = Engine::builder(store)
        .poll_interval(Duration::from_millis(50))
        .shutdown_grace(Duration::from_millis(200))
        .start(transport.clone())
        .await
        .unwrap();
    Setup { _folder: folder, transport, engine }
}

impl Setup {
    async fn new(transport: Scripted) -> Self {
        start(tempfile::tempdir().unwrap(), transport).await
    }

    async fn state(&self, id: u128) -> State {
        self.engine.store().delivery(delivery(id)).await.unwrap().expect("it is there").state
    }

    async fn until_state(&self, id: u128, state: State) {
        until(&format!("delivery {id} is {}", state.as_str()), || async { self.state(id).await == state })
            .await;
    }
}

#[tokio::test]
async fn what_is_handed_over_is_delivered_with_its_bytes() {
    let setup = Setup::new(Scripted::accepting()).await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    for answer in setup.engine.enqueue((1..=100).map(|id| notification(id, 1)).collect()).await.unwrap() {
        let _new = answer.unwrap();
    }
    setup.until_state(100, State::Delivered).await;
    until("all are delivered", || async { setup.engine.stats().await.unwrap().waiting == 0 }).await;
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
    let _new = setup.engine.enqueue(vec![notification(7, 1)]).await.unwrap();
    setup.until_state(7, State::Delivered).await;
    let log = setup.engine.delivery(delivery(7)).await.unwrap().unwrap();
    let statuses: Vec<Option<u16>> = log.attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(502), Some(502), Some(200)]);
    assert_eq!(log.attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(log.body.unwrap(), "body 7");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_endpoints_at_once() {
    let setup = Setup::new(Scripted::accepting()).await;
    for endpoint in 1..=100 {
        setup.engine.put_subscription(&subscription(endpoint, policy())).await.unwrap();
    }
    for batch in 0..100_u128 {
        let new = (0..100).map(|number| notification(batch * 100 + number, 1 + number)).collect();
        for answer in setup.engine.enqueue(new).await.unwrap() {
            let _new = answer.unwrap();
        }
    }
    until("all are delivered", || async {
        let stats = setup.engine.stats().await.unwrap();
        stats.waiting + stats.in_flight == 0
    })
    .await;
    assert_eq!(setup.transport.sent().len(), 10_000);
    setup.engine.shutdown().await;
}
