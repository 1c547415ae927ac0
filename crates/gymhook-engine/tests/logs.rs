//! What is logged at which level: a person who reads warnings only has to hear of what needs one.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::fmt::{self, Write};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use gymhook_engine::store::{NewNotification, SqliteStore, State, Store};
use gymhook_engine::{Answer, Engine, HandlerError, HandlerTransport, Inbox, InboxItem};
use gymhook_retry::{Outcome, OwnFault};
use http::StatusCode;
use scripted::setup::Setup;
use scripted::{Reply, Scripted, accepted, delivery, endpoint, policy, status, subscription, until};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down a line for each event in this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// How many lines begin with the level and hold all of these.
    fn count(&self, level: &str, parts: &[&str]) -> usize {
        let holds = |line: &&String| line.starts_with(level) && parts.iter().all(|part| line.contains(part));
        self.0.lock().unwrap().iter().filter(holds).count()
    }
}

struct Fields<'l>(&'l mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = event.metadata().level().to_string();
        event.record(&mut Fields(&mut line));
        self.0.lock().unwrap().push(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn what_passes_is_for_debug_and_what_was_given_up_or_is_our_fault_a_warning() {
    let log = Log::default();
    let _recording = tracing::subscriber::set_default(log.clone());
    let setup = Setup::new(Scripted::new(|sending| {
        match (sending.attempt.attempt.delivery == delivery(1), sending.attempt.attempt.send) {
            (true, 1) => Reply::Answer(
                Answer::new(Outcome::Internal(OwnFault::Network)).with_detail("the cable is out"),
            ),
            (true, 2) => status(StatusCode::SERVICE_UNAVAILABLE),
            (true, _) => accepted(),
            (false, _) => status(StatusCode::SERVICE_UNAVAILABLE),
        }
    }))
    .await;
    let retry = policy().retry().clone().with_own_fault_delay(Duration::from_millis(50));
    setup.engine.put_subscription(&subscription(1, policy().with_retry(retry))).await.unwrap();
    setup.enqueue([1], 1).await;
    setup.until_state(1, State::Delivered).await;
    setup.enqueue([2], 1).await;
    setup.until_state(2, State::Undeliverable).await;
    setup.engine.shutdown().await;

    let of_endpoint = format!("endpoint={}", endpoint(1));
    assert_eq!(log.count("INFO", &["a worker started", "worker=", "store_clock="]), 1);
    assert_eq!(log.count("WARN", &["failed internally", &of_endpoint, "Network", "the cable is out"]), 1);
    assert_eq!(log.count("DEBUG", &[&of_endpoint, "StartedFailing"]), 2);
    assert_eq!(log.count("DEBUG", &[&of_endpoint, "Recovered"]), 1);
    assert_eq!(log.count("DEBUG", &[&of_endpoint, "DeliveryFailed"]), 1);
    let given_up =
        ["given up", &of_endpoint, &format!("delivery={}", delivery(2)), "Exhausted", "status=503"];
    assert_eq!(log.count("WARN", &[&given_up[..], &["event_type=\"workout.created\""]].concat()), 1);
    assert_eq!(log.count("WARN", &[]), 2);
}

/// What is said is one line, and of what a receiver answered nothing.
#[tokio::test]
async fn a_failed_delivery_says_what_the_handler_or_the_receiver_said() {
    let log = Log::default();
    let _recording = tracing::subscriber::set_default(log.clone());
    let setup = Setup::new(Scripted::new(|_| {
        let answer = Answer::new(Outcome::response(StatusCode::NOT_FOUND));
        Reply::Answer(answer.with_captured("no member Jane Doe").with_detail("a\r\nERROR forged"))
    }))
    .await;
    setup.engine.put_subscription(&subscription(1, policy())).await.unwrap();
    setup.enqueue([1], 1).await;
    setup.until_state(1, State::Undeliverable).await;
    let of_it = format!("delivery={}", delivery(1));
    assert_eq!(log.count("DEBUG", &["an attempt failed", &of_it, "status=404"]), 3);
    assert_eq!(log.count("WARN", &["given up", &of_it, "status=404", "a\u{FFFD}\u{FFFD}ERROR forged"]), 1);
    for level in ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"] {
        assert_eq!(log.count(level, &["Jane Doe"]), 0);
    }

    let handler = HandlerTransport::new(|item: InboxItem| async move {
        match item.attempt() {
            1 => Err(HandlerError::retry("the database is away")),
            _ => Err(HandlerError::reject("no such member")),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("inbox.db")).unwrap();
    let engine = Engine::builder(store).start(handler).await.unwrap();
    let inbox = Inbox::open(engine, endpoint(2), "front desk", Inbox::policy()).await.unwrap();
    let came_in = NewNotification::new(delivery(2), endpoint(2), "CUSTOMER_CHECKIN", "{}".into());
    inbox.engine().enqueue(vec![came_in]).await.unwrap();
    let store = inbox.engine().store();
    until("it is given up", || async {
        store.delivery(delivery(2)).await.unwrap().unwrap().state == State::Undeliverable
    })
    .await;
    let of_it = format!("delivery={}", delivery(2));
    let failed = ["a handler failed", &of_it, "event_type=\"CUSTOMER_CHECKIN\"", "the database is away"];
    assert_eq!(log.count("WARN", &failed), 1);
    assert_eq!(log.count("WARN", &["given up", &of_it, "Rejected", "status=422", "no such member"]), 1);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_a_warning_and_a_receiver_that_does_is_none() {
    let log = Log::default();
    let _recording = tracing::subscriber::set_default(log.clone());
    let hasty = |policy: gymhook_engine::EndpointPolicy| {
        let retry = policy.retry().clone().with_attempt_timeout(Duration::from_millis(50));
        policy.with_retry(retry)
    };

    let folder = tempfile::tempdir().unwrap();
    let calls = Arc::new(Mutex::new(0));
    let handler = HandlerTransport::new(move |_: InboxItem| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        let first = *calls == 1;
        async move {
            if first {
                core::future::pending::<()>().await;
            }
            Ok(())
        }
    });
    let store = SqliteStore::open(folder.path().join("inbox.db")).unwrap();
    let engine = Engine::builder(store).start(handler).await.unwrap();
    let policy_of_inbox = hasty(Inbox::policy());
    let inbox = Inbox::open(engine, endpoint(1), "front desk", policy_of_inbox).await.unwrap();
    let came_in = NewNotification::new(delivery(1), endpoint(1), "CUSTOMER_CHECKIN", "{}".into());
    inbox.engine().enqueue(vec![came_in]).await.unwrap();
    let store = inbox.engine().store();
    until("it is handled", || async {
        store.delivery(delivery(1)).await.unwrap().unwrap().state == State::Delivered
    })
    .await;

    let sending = Setup::new(Scripted::new(|sending| match sending.attempt.attempt.send {
        1 => Reply::Never,
        _ => accepted(),
    }))
    .await;
    sending.engine.put_subscription(&subscription(2, hasty(policy()))).await.unwrap();
    sending.enqueue([2], 2).await;
    sending.until_state(2, State::Delivered).await;

    let of_inbox = format!("endpoint={}", endpoint(1));
    assert_eq!(log.count("WARN", &["took too long", &of_inbox]), 1);
    assert_eq!(log.count("WARN", &[]), 1);
}
