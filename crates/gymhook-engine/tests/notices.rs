//! An owner is told that an endpoint was disabled, and warned before, by whichever process asks, whatever crashes.

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

use core::num::NonZeroU32;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use gymhook_delivery::{AutoDisable, DisableReason, EndpointChange, EndpointPolicy};
use gymhook_engine::Engine;
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{StatsQuery, Store, StoreError};
use http::StatusCode;
use scripted::setup::Setup;
use scripted::*;

const HOLD: Duration = Duration::from_secs(3_600);
const DISABLED: EndpointChange =
    EndpointChange::Disabled { reason: DisableReason::FailedInARow { deliveries: 4 } };

/// No retry, a warning at half of four failures in a row.
fn policy() -> EndpointPolicy {
    let rule = AutoDisable::never().with_failed_in_a_row(NonZeroU32::new(4)).with_warnings([50]);
    let never = gymhook_retry::RetryPolicy::new(gymhook_retry::RetrySchedule::never());
    scripted::policy().with_retry(never).with_auto_disable(rule)
}

fn broken() -> Scripted {
    Scripted::new(|_| status(StatusCode::BAD_GATEWAY))
}

async fn until_disabled<S: Store>(engine: &Engine<S>) {
    until("it is disabled", || async { engine.stats().await.unwrap().disabled == 1 }).await;
}

#[tokio::test]
async fn a_process_without_a_worker_tells_the_owner_once() {
    let setup = Setup::new(broken()).await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup.enqueue(1..=4, 1).await;
    until_disabled(&setup.engine).await;
    let mailer = Engine::builder(setup.engine.store().clone()).enqueue_only();
    let told = mailer.notices(100, HOLD).await.unwrap();
    let said: Vec<_> = told.iter().map(|notice| (notice.endpoint, notice.change)).collect();
    assert_eq!(said, [(endpoint(1), EndpointChange::Warned { percent: 50 }), (endpoint(1), DISABLED)]);
    assert_eq!(setup.engine.notices(100, HOLD).await, Ok(Vec::new()), "they are the mailer's");
    assert_eq!(mailer.acknowledge(told.iter().map(|notice| notice.id)).await, Ok(2));
    assert_eq!(mailer.acknowledge(told.iter().map(|notice| notice.id)).await, Ok(0));

    // What somebody did needs not be told.
    setup.engine.enable(endpoint(1)).await.unwrap();
    until("it is enabled", || async { setup.engine.stats().await.unwrap().disabled == 0 }).await;
    setup.engine.disable(endpoint(1)).await.unwrap();
    until_disabled(&setup.engine).await;
    assert_eq!(setup.engine.notices(100, HOLD).await, Ok(Vec::new()));
}

/// Whichever commit fails, on whichever side: a disabled endpoint has its notices, and each once.
#[tokio::test]
async fn a_notice_is_neither_lost_nor_doubled_when_commits_fail() {
    for when in When::ALL {
        for every in 1..=4 {
            let store = FaultyStore::new(MemoryStore::with_system_clock());
            let engine = Engine::builder(store.clone())
                .poll_interval(Duration::from_millis(20))
                .start(broken())
                .await
                .unwrap();
            engine.put_subscription(&subscription(1, policy())).await.unwrap();
            let unavailable = StoreError::Unavailable { problem: "wanted".to_owned() };
            store.fail_every(Operation::Commit, when, NonZeroU32::new(every + 1).unwrap(), unavailable);
            let new = (1..=4).map(|id| notification(id, 1)).collect();
            assert!(engine.enqueue(new).await.unwrap().iter().all(Result::is_ok));
            until_disabled(&engine).await;
            let told = engine.notices(100, HOLD).await.unwrap();
            let said: Vec<_> = told.iter().map(|notice| notice.change).collect();
            assert_eq!(said, [EndpointChange::Warned { percent: 50 }, DISABLED], "{when:?} {every}");
            engine.shutdown().await;
            assert_eq!(engine.notices(100, HOLD).await, Ok(Vec::new()), "{when:?} {every}");
        }
    }
}

/// What the store in memory says: it never waits.
fn at_once<F: Future>(asked: F) -> F::Output {
    match pin!(asked).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(said) => said,
        Poll::Pending => panic!("it waits"),
    }
}

/// As a crash does that comes right after the commit that disables: nothing can be written after it.
#[tokio::test]
async fn a_notice_is_in_the_commit_that_disables() {
    let inside = MemoryStore::with_system_clock();
    let store = FaultyStore::new(inside.clone());
    let engine = Engine::builder(store.clone())
        .poll_interval(Duration::from_millis(20))
        .start(broken())
        .await
        .unwrap();
    engine.put_subscription(&subscription(1, policy())).await.unwrap();
    let faults = store.clone();
    store.on(Operation::Commit, When::After, move || {
        let now = at_once(inside.now()).unwrap();
        if at_once(inside.stats(StatsQuery::new(), now)).unwrap().disabled == 1 {
            let unavailable = StoreError::Unavailable { problem: "wanted".to_owned() };
            faults.fail_every(Operation::Commit, When::Before, NonZeroU32::MIN, unavailable);
        }
    });
    let new = (1..=4).map(|id| notification(id, 1)).collect();
    assert!(engine.enqueue(new).await.unwrap().iter().all(Result::is_ok));
    until_disabled(&engine).await;
    let told = engine.notices(100, HOLD).await.unwrap();
    let said: Vec<_> = told.iter().map(|notice| notice.change).collect();
    assert_eq!(said, [EndpointChange::Warned { percent: 50 }, DISABLED]);
}
