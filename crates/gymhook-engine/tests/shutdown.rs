//! A shutdown ends, whatever does not answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::time::Duration;

use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::{Engine, WorkerState};
use scripted::{Scripted, notification, policy, subscription, until};
use tokio::task::JoinSet;

/// Every call that a worker makes once it has been started.
const CALLS: [Operation; 7] = [
    Operation::Now,
    Operation::Subscription,
    Operation::Lease,
    Operation::OtherWorkers,
    Operation::Commit,
    Operation::Fetch,
    Operation::WorkArrived,
];

/// Much longer than the grace and what is added to it, and much shorter than for ever.
const FOR_EVER: Duration = Duration::from_secs(60);

async fn ends_though_it_hangs(operation: Operation, when: When) {
    let inside = MemoryStore::with_system_clock();
    let store = FaultyStore::new(inside.clone());
    let transport = Scripted::accepting();
    let engine = Engine::builder(store.clone())
        .poll_interval(Duration::from_millis(20))
        .shutdown_grace(Duration::from_millis(100))
        .start(transport.clone())
        .await
        .unwrap();
    // What callers do does not go through the store that hangs.
    let caller = Engine::builder(inside).enqueue_only();
    caller.put_subscription(&subscription(1, policy())).await.unwrap();
    let _new = caller.enqueue(vec![notification(1, 1)]).await.unwrap();
    until("it delivers", || async { transport.sent_ids() == [1] }).await;
    let before = store.reached(operation, when);
    store.hang(operation, when);
    let _new = caller.enqueue(vec![notification(2, 1)]).await.unwrap();
    caller.put_subscription(&subscription(1, policy())).await.unwrap();
    engine.look_for_work([]);
    if operation != Operation::WorkArrived {
        until("it hangs", || async { store.reached(operation, when) > before }).await;
    }
    let ended = tokio::time::timeout(FOR_EVER, engine.shutdown()).await;
    assert!(ended.is_ok(), "{} {operation:?} hangs, and so does the shutdown", when.as_str());
    assert_eq!(engine.health().worker, WorkerState::Stopped);
}

#[tokio::test]
async fn a_shutdown_ends_though_any_call_to_the_store_hangs() {
    let mut engines = JoinSet::new();
    for operation in CALLS {
        for when in When::ALL {
            engines.spawn(ends_though_it_hangs(operation, when));
        }
    }
    while let Some(ended) = engines.join_next().await {
        ended.unwrap();
    }
}
