//! What a handler passes on is enqueued in the transaction that records that it was handled.

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

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use gymhook::event::{Vendor, egym, point};
use gymhook::signature::{BodySigned, Verified};
use gymhook::{Provider, Received, Unverified};
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{
    DeliveryQuery, NewNotification, SqliteStore, State, StatsQuery, Store, StoreError,
};
use gymhook_engine::{
    Answer, DeliveryId, Engine, EngineBuilder, HandlerError, HandlerTransport, Inbox, InboxHandlers,
    InboxItem, Transport,
};
use gymhook_retry::{Classify, Verdict};
use http::StatusCode;
use scripted::{Scripted, delivery, endpoint, notification, policy, subscription, until};

/// The inbox; 2 and 3 are sent to.
const INBOX: u128 = 1;

/// Another one each time.
fn new_id() -> DeliveryId {
    static DRAWN: AtomicU32 = AtomicU32::new(0);
    delivery(1 << 100 | u128::from(DRAWN.fetch_add(1, Ordering::SeqCst)))
}

/// Something for each of the two endpoints, under ids that are new each time: whatever was enqueued twice would be there twice.
fn something_of(item: &InboxItem) -> Vec<NewNotification> {
    let of = |to| {
        let body = Bytes::from(format!("of {}", item.delivery()));
        NewNotification::new(new_id(), endpoint(to), "passed.on", body)
    };
    vec![of(2), of(3)]
}

fn passing_on() -> impl Transport {
    HandlerTransport::passing_on(|item: InboxItem| async move { Ok(something_of(&item)) })
}

/// An inbox with these items, and the two endpoints that nobody sends to.
async fn filled<S: Store>(store: S, items: u128) {
    let engine = Engine::builder(store).enqueue_only();
    Inbox::open(engine.clone(), endpoint(INBOX), "front desk", Inbox::policy()).await.unwrap();
    for number in [2, 3] {
        engine.put_subscription(&subscription(number, policy())).await.unwrap();
    }
    let new = (1..=items).map(|number| notification(number, INBOX)).collect();
    assert!(engine.enqueue(new).await.unwrap().iter().all(Result::is_ok));
}

fn builder<S: Store>(store: &S) -> EngineBuilder<S> {
    Engine::builder(store.clone())
        .poll_interval(Duration::from_millis(20))
        .shutdown_grace(Duration::from_millis(100))
}

/// How many deliveries there are for each thing that was passed on.
async fn passed_on<S: Store>(store: &S) -> BTreeMap<Bytes, usize> {
    let mut passed_on = BTreeMap::new();
    for row in store.deliveries(DeliveryQuery::new(1_000)).await.unwrap().items {
        if row.endpoint != endpoint(INBOX) {
            let body = store.body(row.id).await.unwrap().expect("it has a body");
            *passed_on.entry(body).or_default() += 1;
        }
    }
    passed_on
}

/// An item that was handled has its two follow-ups, and any other has none. Returns how many were handled.
async fn check<S: Store>(store: &S, items: u128, context: &str) -> u128 {
    let passed_on = passed_on(store).await;
    let mut handled = 0;
    for number in 1..=items {
        let state = store.delivery(delivery(number)).await.unwrap().expect("it is there").state;
        let is_handled = state == State::Delivered;
        let found = passed_on.get(format!("of {}", delivery(number)).as_bytes()).copied().unwrap_or(0);
        assert_eq!(found, if is_handled { 2 } else { 0 }, "{context}: item {number} is {state:?}");
        handled += u128::from(is_handled);
    }
    handled
}

async fn until_handled<S: Store>(store: &S, items: u128) {
    until("everything is handled", || async {
        for number in 1..=items {
            if store.delivery(delivery(number)).await.unwrap().unwrap().state != State::Delivered {
                return false;
            }
        }
        true
    })
    .await;
}

/// Calls this with the number of each point of the store that is reached, over all operations and both sides.
fn at_each_point(
    store: &FaultyStore<MemoryStore>,
    reached: impl Fn(u32, Operation, When) + Clone + Send + Sync + 'static,
) {
    let count = Arc::new(AtomicU32::new(0));
    for operation in Operation::ALL.iter().copied() {
        for when in When::ALL {
            let (count, reached) = (Arc::clone(&count), reached.clone());
            store.on(operation, when, move || {
                reached(count.fetch_add(1, Ordering::SeqCst) + 1, operation, when);
            });
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

const ITEMS: u128 = 3;
/// More points than it takes to handle the items.
const POINTS: u32 = 40;

/// The process is gone at the n-th point of its store, for every n; another one goes on.
#[test]
fn a_crash_at_any_call_leaves_both_or_neither() {
    let (mut with_some, mut with_none) = (0, 0);
    for point in 1..=POINTS {
        let inside = MemoryStore::with_system_clock();
        let store = FaultyStore::new(inside.clone());
        let (crashed, is_crashed) = tokio::sync::watch::channel(false);
        let hanging = store.clone();
        at_each_point(&store, move |number, _, _| {
            if number == point {
                for operation in Operation::ALL.iter().copied() {
                    When::ALL.into_iter().for_each(|when| hanging.hang(operation, when));
                }
                crashed.send_replace(true);
            }
        });
        let first = runtime();
        first.block_on(async {
            filled(inside.clone(), ITEMS).await;
            let mut is_crashed = is_crashed.clone();
            let start = async {
                let _engine = builder(&store).start(passing_on()).await.unwrap();
                core::future::pending::<()>().await;
            };
            tokio::select! {
                () = start => {}
                gone = is_crashed.wait_for(|gone| *gone) => drop(gone.unwrap()),
            }
        });
        // With all its tasks.
        drop(first);

        runtime().block_on(async {
            match check(&inside, ITEMS, &format!("crash at point {point}")).await {
                0 => with_none += 1,
                _ => with_some += 1,
            }
            let engine = builder(&inside).start(passing_on()).await.unwrap();
            until_handled(&inside, ITEMS).await;
            engine.shutdown().await;
            assert_eq!(check(&inside, ITEMS, &format!("after a crash at point {point}")).await, ITEMS);
        });
    }
    assert!(with_some > 0 && with_none > 0, "{with_some} crashes after the commit, {with_none} before it");
}

/// The n-th point of the store fails, for every n, and its worker goes on.
#[test]
fn a_fault_at_any_call_leaves_both_or_neither() {
    for point in 1..=POINTS {
        runtime().block_on(async {
            let inside = MemoryStore::with_system_clock();
            filled(inside.clone(), ITEMS).await;
            let store = FaultyStore::new(inside.clone());
            // A lease whose answer was lost is nobody's until it runs out.
            let engine = builder(&store).lease_length(Duration::from_millis(400));
            // An engine whose first calls fail does not start.
            let engine = engine.start(passing_on()).await.unwrap();
            let failing = store.clone();
            let context = format!("fault at point {point}");
            at_each_point(&store, move |number, operation, when| {
                if number == point {
                    let problem = "as the test asks".to_owned();
                    failing.fail_next(operation, when, StoreError::Unavailable { problem });
                }
            });
            until_handled(&inside, ITEMS).await;
            assert_eq!(check(&inside, ITEMS, &context).await, ITEMS);
            engine.shutdown().await;
            assert_eq!(check(&inside, ITEMS, &context).await, ITEMS);
        });
    }
}

/// Commits fail again and again, before they are made or with their answers lost.
#[tokio::test(flavor = "multi_thread")]
async fn commits_that_fail_again_and_again_enqueue_each_once() {
    const MANY: u128 = 50;
    for (every, when) in [(2, When::Before), (2, When::After), (3, When::After)] {
        let inside = MemoryStore::with_system_clock();
        filled(inside.clone(), MANY).await;
        let store = FaultyStore::new(inside.clone());
        let problem = "as the test asks".to_owned();
        let every = core::num::NonZeroU32::new(every).unwrap();
        store.fail_every(Operation::Commit, when, every, StoreError::Unavailable { problem });
        let engine = builder(&store).start(passing_on()).await.unwrap();
        until_handled(&inside, MANY).await;
        store.heal();
        engine.shutdown().await;
        assert_eq!(check(&inside, MANY, "after all").await, MANY);
    }
}

/// A worker that has lost its lease has handled nothing, whatever its handler says.
#[tokio::test]
async fn an_answer_under_a_lost_lease_passes_nothing_on() {
    let store = MemoryStore::with_system_clock();
    filled(store.clone(), 1).await;
    let (let_go, held) = tokio::sync::watch::channel(false);
    let (begun, has_begun) = tokio::sync::watch::channel(false);
    let slow = HandlerTransport::passing_on(move |item: InboxItem| {
        let mut held = held.clone();
        begun.send_replace(true);
        async move {
            held.wait_for(|let_go| *let_go).await.unwrap();
            Ok(something_of(&item))
        }
    });
    let first = builder(&store).start(slow).await.unwrap();
    has_begun.clone().wait_for(|begun| *begun).await.unwrap();
    // It ends the leases of the first, as after a restart.
    let second = builder(&store).start(passing_on()).await.unwrap();
    until_handled(&store, 1).await;
    let_go.send_replace(true);
    first.shutdown().await;
    second.shutdown().await;
    assert_eq!(check(&store, 1, "two workers").await, 1);
}

#[tokio::test]
async fn a_failure_and_an_answer_that_comes_too_late_pass_nothing_on() {
    let store = MemoryStore::with_system_clock();
    filled(store.clone(), 2).await;
    let retry = Inbox::policy().retry().clone().with_attempt_timeout(Duration::from_millis(50));
    let open = Engine::builder(store.clone()).enqueue_only();
    Inbox::open(open, endpoint(INBOX), "front desk", Inbox::policy().with_retry(retry)).await.unwrap();
    let handler = HandlerTransport::passing_on(|item: InboxItem| async move {
        if item.attempt() > 1 {
            return Ok(something_of(&item));
        }
        if item.delivery() == delivery(1) {
            return Err(HandlerError::retry("not yet"));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(something_of(&item))
    });
    let engine = builder(&store).start(handler).await.unwrap();
    until_handled(&store, 2).await;
    engine.shutdown().await;
    assert_eq!(check(&store, 2, "both were handled the second time").await, 2);
}

/// What the policy does not take for a success is none.
#[tokio::test]
async fn an_answer_that_the_policy_rejects_passes_nothing_on() {
    let store = MemoryStore::with_system_clock();
    filled(store.clone(), 1).await;
    let classify = Classify::new().with(StatusCode::NO_CONTENT, Verdict::Reject);
    let retry = Inbox::policy().retry().clone().with_classify(classify);
    let open = Engine::builder(store.clone()).enqueue_only();
    Inbox::open(open, endpoint(INBOX), "front desk", Inbox::policy().with_retry(retry)).await.unwrap();
    let engine = builder(&store).start(passing_on()).await.unwrap();
    until("it is given up", || async {
        store.delivery(delivery(1)).await.unwrap().unwrap().state == State::Undeliverable
    })
    .await;
    engine.shutdown().await;
    assert_eq!(check(&store, 1, "rejected").await, 0);
}

#[tokio::test]
async fn one_that_is_refused_is_left_out_and_too_many_are_rejected() {
    let store = MemoryStore::with_system_clock();
    filled(store.clone(), 4).await;
    let handler = HandlerTransport::passing_on(|item: InboxItem| async move {
        let number = item.delivery().as_uuid().as_u128();
        let body = |bytes| Bytes::from(vec![b'x'; bytes]);
        let new = |position: u128, body| {
            NewNotification::new(delivery(1_000 * (number + 1) + position), endpoint(2), "passed.on", body)
        };
        Ok(match number {
            1 => {
                let unknown = NewNotification { endpoint: endpoint(9), ..new(1, body(1)) };
                vec![unknown, new(2, body(1))]
            }
            2 => (0..=Answer::MAX_FOLLOW_UPS as u128).map(|position| new(position, Bytes::new())).collect(),
            3 => vec![new(1, body(Answer::MAX_FOLLOW_UP_BYTES)), new(2, body(1))],
            _ => vec![new(1, body(Answer::MAX_FOLLOW_UP_BYTES))],
        })
    });
    let engine = builder(&store).start(handler).await.unwrap();
    until("everything has ended", || async {
        let stats = store.stats(StatsQuery::new(), store.now().await.unwrap()).await.unwrap();
        stats.in_flight == 0 && store.delivery(delivery(5_001)).await.unwrap().is_some()
    })
    .await;
    engine.shutdown().await;
    let state = async |number| store.delivery(delivery(number)).await.unwrap().map(|row| row.state);
    assert_eq!(state(1).await, Some(State::Delivered));
    assert_eq!((state(2_001).await, state(2_002).await), (None, Some(State::Waiting)));
    for number in [2, 3] {
        assert_eq!(state(number).await, Some(State::Undeliverable), "{number}");
        let log = engine.delivery(delivery(number)).await.unwrap().unwrap();
        let attempt = log.attempts.items.first().unwrap();
        assert_eq!(attempt.status, Some(422));
        assert!(attempt.detail.as_ref().unwrap().contains("follow-ups"), "{attempt:?}");
        assert_eq!(state(1_000 * (number + 1) + 1).await, None);
    }
    assert_eq!((state(4).await, state(5_001).await), (Some(State::Delivered), Some(State::Waiting)));
}

/// Two engines on one store, neither of which looks for work by itself within the test.
#[tokio::test]
async fn what_is_passed_on_is_sent_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("gateway.db")).unwrap();
    let hour = Duration::from_secs(3_600);
    let sender = Scripted::accepting();
    let sending = Engine::builder(store.clone()).poll_interval(hour).start(sender.clone()).await.unwrap();
    let receiving = Engine::builder(store.clone()).poll_interval(hour).start(passing_on()).await.unwrap();
    filled(store.clone(), 0).await;
    let mut items = 0;
    for round in 0..12_u128 {
        // Each is told of on its own, to whichever worker listens.
        for _ in 0..=round % 3 {
            items += 1;
            receiving.enqueue(vec![notification(items, INBOX)]).await.unwrap();
        }
        let expected = 2 * usize::try_from(items).unwrap();
        until("both were sent", || async { sender.sent().len() == expected }).await;
    }
    receiving.shutdown().await;
    sending.shutdown().await;
}

#[tokio::test]
async fn handlers_of_platforms_pass_on_what_they_have_read() {
    let store = MemoryStore::with_system_clock();
    filled(store.clone(), 0).await;
    let of = |item: &InboxItem, event_type: &str| {
        NewNotification::new(new_id(), endpoint(2), event_type, item.body().clone())
    };
    type Hook = Verified<Received<point::Notification>, BodySigned>;
    type EgymHook = Verified<Received<egym::Notification>>;
    let handlers = InboxHandlers::new()
        .pass_on(move |_: Hook, item: InboxItem| async move { Ok(vec![of(&item, "proved")]) })
        .pass_on_as(&Provider::egym(), move |_: EgymHook, item: InboxItem| async move {
            Ok(vec![of(&item, "proved.as")])
        })
        .dangerous_pass_on_unverified(
            move |_: Unverified<Received<point::Notification>>, item: InboxItem| async move {
                Ok(vec![of(&item, "not.proved")])
            },
        )
        .pass_on_otherwise(move |item: InboxItem| async move { Ok(vec![of(&item, "otherwise")]) });
    let engine = builder(&store).start(handlers).await.unwrap();
    let body = |vendor| {
        let sample = gymhook::event::samples().find(|sample| sample.vendor == vendor).unwrap();
        Bytes::from_static(sample.body.as_bytes())
    };
    let origins = [
        (
            Vendor::POINT,
            r#"{"vendor":"point","key":"main","sender":"hmac","body":true,"time":true,"id":false}"#,
        ),
        (
            Vendor::EGYM,
            r#"{"vendor":"egym","key":"main","sender":"bearer-secret","body":false,"time":false,"id":false}"#,
        ),
        (Vendor::POINT, r#"{"vendor":"point","body":false,"time":false,"id":false}"#),
        (Vendor::EGYM, r#"{"vendor":"egym","body":false,"time":false,"id":false}"#),
    ];
    let new = (1..).zip(origins).map(|(number, (vendor, origin))| NewNotification {
        origin: Some(origin.to_owned()),
        ..NewNotification::new(delivery(number), endpoint(INBOX), "workout.created", body(vendor))
    });
    assert!(engine.enqueue(new.collect()).await.unwrap().iter().all(Result::is_ok));
    until_handled(&store, 4).await;
    engine.shutdown().await;
    let rows = store.deliveries(DeliveryQuery::new(100)).await.unwrap().items;
    let mut passed_on: Vec<_> =
        rows.iter().filter(|row| row.endpoint == endpoint(2)).map(|row| row.event_type.as_str()).collect();
    passed_on.sort_unstable();
    assert_eq!(passed_on, ["not.proved", "otherwise", "proved", "proved.as"]);
}
