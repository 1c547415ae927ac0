//! Code that a user passes in panics, at every place where it is called: whoever has nothing to do with it goes on.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{AttemptQuery, NewNotification, State, Store, StoreError};
use gymhook_engine::{
    Answer, Direction, EndpointChange, EndpointId, Engine, EngineBuilder, HandlerTransport, Inbox, InboxItem,
    NotReady, Publication, SecretCipher, SecretCipherError, Sending, SettingsError, Subscription,
    SubscriptionError, Transport, WorkerState,
};
use gymhook_retry::Outcome;
use http::StatusCode;
use scripted::setup::Setup;
use scripted::{
    Reply, Scripted, accepted, delivery, endpoint, notification, policy, status, subscription, until,
};

type Faulty = FaultyStore<MemoryStore>;

fn faulty() -> Faulty {
    FaultyStore::new(MemoryStore::with_system_clock())
}

fn builder<S: Store>(store: S) -> EngineBuilder<S> {
    Engine::builder(store).poll_interval(Duration::from_millis(20)).shutdown_grace(Duration::from_millis(200))
}

async fn until_state<S: Store>(store: &S, id: u128, state: State) {
    let what = format!("delivery {id} is {}", state.as_str());
    until(&what, || async { store.delivery(delivery(id)).await.unwrap().unwrap().state == state }).await;
}

/// The outcomes and details of a delivery's attempts.
async fn log<S: Store>(store: &S, id: u128) -> Vec<(String, String)> {
    let attempts = store.attempts(AttemptQuery::new(delivery(id), 100)).await.unwrap().items;
    attempts.into_iter().map(|row| (row.outcome.to_string(), row.detail.unwrap_or_default())).collect()
}

/// The worker goes on: it never ended.
fn assert_never_ended<S: Store>(engine: &Engine<S>) {
    let health = engine.health();
    assert!(matches!(health.worker, WorkerState::Running { .. }), "{health:?}");
    assert_eq!((health.restarts, health.last_panic), (0, None));
}

#[tokio::test]
async fn an_observer_that_panics() {
    let transport = Scripted::new(|sending| {
        let fails = sending.attempt.attempt.endpoint == endpoint(1) && sending.attempt.number.get() == 1;
        if fails { status(StatusCode::BAD_GATEWAY) } else { accepted() }
    });
    let engine = builder(faulty())
        .on_endpoint_change(|changed, change| {
            assert!(changed != endpoint(1), "the observer of the tests does not like {change:?}");
            assert!(!matches!(change, EndpointChange::Disabled { .. }));
        })
        .start(transport)
        .await
        .unwrap();
    for number in [1, 2] {
        engine.put_subscription(&subscription(number, policy())).await.unwrap();
        let _new = engine.enqueue(vec![notification(number, number)]).await.unwrap();
    }
    until_state(engine.store(), 2, State::Delivered).await;
    until_state(engine.store(), 1, State::Delivered).await;
    assert_never_ended(&engine);
}

#[tokio::test]
async fn an_observer_of_attempts_that_panics() {
    let told: Arc<Mutex<Vec<EndpointId>>> = Arc::default();
    let tell = Arc::clone(&told);
    let engine = builder(faulty())
        .on_attempt_logged(move |attempt| {
            let endpoint = attempt.subscription.id();
            tell.lock().unwrap().push(endpoint);
            if endpoint == self::endpoint(1) {
                panic!("the observer of the tests does not like {:?}", attempt.row);
            }
        })
        .start(Scripted::accepting())
        .await
        .unwrap();
    for number in [1, 2] {
        engine.put_subscription(&subscription(number, policy())).await.unwrap();
    }
    let _new =
        engine.enqueue((1..=4).map(|number| notification(number, 1 + number % 2)).collect()).await.unwrap();
    for number in 1..=4 {
        until_state(engine.store(), number, State::Delivered).await;
    }
    assert_never_ended(&engine);
    engine.shutdown().await;
    let mut told = told.lock().unwrap().clone();
    told.sort();
    assert_eq!(told, [1, 1, 2, 2].map(endpoint), "of each once, also of those that it panicked at");
}

/// Decrypts nothing of one subscription, and encrypts nothing of another.
#[derive(Debug, Default)]
struct Moody {
    opens: Arc<AtomicBool>,
}

impl SecretCipher for Moody {
    fn encrypt(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        assert!(context != endpoint(3).as_uuid().as_bytes(), "no key for {plain:?}");
        Ok(plain.to_vec())
    }

    fn decrypt(&self, encrypted: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        let opens = context != endpoint(1).as_uuid().as_bytes() || self.opens.load(Ordering::SeqCst);
        assert!(opens, "no key for {encrypted:?}");
        Ok(encrypted.to_vec())
    }
}

#[tokio::test]
async fn a_cipher_that_panics() {
    let cipher = Moody::default();
    let opens = Arc::clone(&cipher.opens);
    let transport = Scripted::accepting();
    let store = faulty();
    let lease = Duration::from_millis(300);
    let engine =
        builder(store).secret_cipher(cipher).lease_length(lease).start(transport.clone()).await.unwrap();
    for number in [1, 2] {
        engine.put_subscription(&subscription(number, policy())).await.unwrap();
        let _new = engine.enqueue(vec![notification(number, number)]).await.unwrap();
    }
    until_state(engine.store(), 2, State::Delivered).await;

    let refused = engine.put_subscription(&subscription(3, policy())).await.unwrap_err();
    let SubscriptionError::Settings(SettingsError::SecretCipher { source, .. }) = refused else {
        panic!("{refused}")
    };
    assert_eq!(
        source.problem,
        "the cipher panicked: its message is not repeated, since it may hold a secret"
    );
    assert!(engine.subscription(endpoint(1)).await.is_err());
    // Who gets an event is no secret: what the first one wants waits for its key.
    let new =
        engine.fan_out("berlin", "e-1", &Publication::new("point", "workout.created", "{}")).await.unwrap();
    assert_eq!(new.iter().map(|new| new.endpoint).collect::<Vec<_>>(), [endpoint(1), endpoint(2)]);

    // As soon as the key is there, it is sent.
    assert_eq!(transport.sent_ids(), [2]);
    opens.store(true, Ordering::SeqCst);
    until_state(engine.store(), 1, State::Delivered).await;
    assert_never_ended(&engine);
}

/// Panics for one endpoint: when it is called, or when its future is polled.
struct Broken {
    at_once: bool,
}

impl Transport for Broken {
    fn send(&self, sending: Sending) -> impl Future<Output = Answer> + Send {
        let breaks = sending.attempt.attempt.endpoint == endpoint(1);
        assert!(!(breaks && self.at_once), "at once\r\nand on a second line");
        async move {
            tokio::task::yield_now().await;
            assert!(!breaks, "later");
            Answer::new(Outcome::response(StatusCode::OK))
        }
    }

    fn check(&self, subscription: &Subscription) -> Result<(), String> {
        assert!(subscription.id() != endpoint(3), "it cannot be checked");
        Ok(())
    }
}

#[tokio::test]
async fn a_transport_that_panics() {
    for (at_once, said) in [
        (true, "the transport panicked: at once\u{FFFD}\u{FFFD}and on a second line"),
        (false, "the transport panicked: later"),
    ] {
        let engine = builder(faulty()).start(Broken { at_once }).await.unwrap();
        for number in [1, 2] {
            engine.put_subscription(&subscription(number, policy())).await.unwrap();
            let _new = engine.enqueue(vec![notification(number, number)]).await.unwrap();
        }
        until_state(engine.store(), 2, State::Delivered).await;
        // The attempts count, or a body that no code can bear would be sent for ever.
        until_state(engine.store(), 1, State::Undeliverable).await;
        let panicked = ("panicked".to_owned(), said.to_owned());
        assert_eq!(log(engine.store(), 1).await, vec![panicked; 4]);
        // And nobody is charged with it.
        let stats = engine.endpoint_stats(endpoint(1)).await.unwrap().unwrap();
        assert_eq!((stats.record.failing_since, stats.record.held_until), (None, None));
        assert_never_ended(&engine);
    }
}

#[tokio::test]
async fn a_transport_that_panics_when_it_checks() {
    let engine = builder(faulty()).start(Broken { at_once: true }).await.unwrap();
    let refused = engine.put_subscription(&subscription(3, policy())).await;
    let problem = "the transport panicked: it cannot be checked".to_owned();
    assert_eq!(refused, Err(SubscriptionError::Refused { subscription: endpoint(3), problem }));
    engine.put_subscription(&subscription(2, policy())).await.unwrap();
    let _new = engine.enqueue(vec![notification(2, 2)]).await.unwrap();
    until_state(engine.store(), 2, State::Delivered).await;
    assert_never_ended(&engine);
}

/// Does not know where it goes.
struct Lost;

impl Transport for Lost {
    async fn send(&self, _: Sending) -> Answer {
        Answer::new(Outcome::response(StatusCode::OK))
    }

    fn direction(&self) -> Direction {
        panic!("left or right?")
    }
}

#[tokio::test]
async fn a_transport_that_panics_when_it_is_asked_for_its_direction() {
    let store = faulty();
    let refused = builder(store.clone()).start(Lost).await.unwrap_err();
    assert!(refused.to_string().contains("left or right?"), "{refused}");
    assert_eq!(store.reached(Operation::TakeOver, When::Before), 0, "nothing has begun");
}

#[tokio::test]
async fn a_handler_that_panics() {
    for (at_once, said) in [(true, "at once"), (false, "later")] {
        let handler = HandlerTransport::new(move |item: InboxItem| {
            let breaks = item.delivery() == delivery(1) && item.attempt() == 1;
            assert!(!(breaks && at_once), "at once");
            async move {
                tokio::task::yield_now().await;
                assert!(!breaks, "later");
                Ok(())
            }
        });
        let engine = builder(faulty()).start(handler).await.unwrap();
        let inbox = Inbox::open(engine, endpoint(1), "front desk", Inbox::policy()).await.unwrap();
        let came_in = |id| NewNotification::new(delivery(id), endpoint(1), "CUSTOMER_CHECKIN", "{}".into());
        let _new = inbox.engine().enqueue(vec![came_in(1), came_in(2)]).await.unwrap();
        let store = inbox.engine().store();
        until_state(store, 2, State::Delivered).await;
        until_state(store, 1, State::Delivered).await;
        let panicked = ("panicked".to_owned(), format!("the handler panicked: {said}"));
        assert_eq!(log(store, 1).await.first(), Some(&panicked));
        assert_never_ended(inbox.engine());
    }
}

/// Everything that a worker asks of its store panics once, before it is done and after.
#[tokio::test]
async fn a_store_that_panics() {
    for operation in [
        Operation::Now,
        Operation::Lease,
        Operation::OtherWorkers,
        Operation::Commit,
        Operation::Fetch,
        Operation::Subscription,
        Operation::WorkArrived,
    ] {
        for when in When::ALL {
            let store = faulty();
            let transport = Scripted::accepting();
            // A lease whose answer was lost is nobody's until it has run out.
            let lease = Duration::from_millis(300);
            let engine = builder(store.clone()).lease_length(lease).start(transport.clone()).await.unwrap();
            let armed = Arc::new(AtomicBool::new(true));
            let trigger = Arc::clone(&armed);
            store.on(operation, when, move || {
                assert!(!trigger.swap(false, Ordering::SeqCst), "the store of the tests gives up");
            });
            // Not through the engine, which would panic in the caller's own task.
            let other = Engine::builder(store.inner().clone()).enqueue_only();
            for number in [1, 2] {
                other.put_subscription(&subscription(number, policy())).await.unwrap();
                let _new = other.enqueue(vec![notification(number, number)]).await.unwrap();
            }
            until_state(store.inner(), 1, State::Delivered).await;
            until_state(store.inner(), 2, State::Delivered).await;
            let what = format!("{} {}", when.as_str(), operation.as_str());
            // A change: the worker reads the subscription again.
            other.put_subscription(&subscription(1, policy())).await.unwrap();
            let _new = other.enqueue(vec![notification(3, 1)]).await.unwrap();
            until(&what, || async { !armed.load(Ordering::SeqCst) }).await;
            until_state(store.inner(), 3, State::Delivered).await;
            let mut sent = transport.sent_ids();
            sent.sort_unstable();
            assert_eq!(sent, [1, 2, 3], "{what}: each once");
            if operation != Operation::WorkArrived {
                let (error, _) = engine.health().last_store_error.expect(&what);
                let problem = "the store panicked: the store of the tests gives up".to_owned();
                assert_eq!(error, StoreError::Unavailable { problem }, "{what}");
            }
            assert_never_ended(&engine);
        }
    }
}

#[tokio::test]
async fn a_store_that_panics_when_the_engine_starts() {
    let store = faulty();
    store.on(Operation::TakeOver, When::Before, || panic!("not today"));
    let refused = builder(store.clone()).start(Scripted::accepting()).await.unwrap_err();
    assert_eq!(refused, StoreError::Unavailable { problem: "the store panicked: not today".to_owned() });
}

#[tokio::test]
async fn a_store_that_panics_when_it_is_asked_whether_it_can_be_written_to() {
    let setup = Setup::new(Scripted::new(|_| Reply::Never)).await;
    assert_eq!(setup.engine.readiness().await, Ok(()));
    let store = faulty();
    store.on(Operation::CheckWritable, When::Before, || panic!("no"));
    let engine = builder(store).enqueue_only();
    let problem = "the store panicked: no".to_owned();
    assert_eq!(engine.readiness().await, Err(NotReady::Store(StoreError::Unavailable { problem })));
}
