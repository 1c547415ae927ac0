//! A transport that answers as a test tells it to, and remembers what it was asked.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod setup;

use core::time::Duration;
use std::sync::{Arc, Mutex};

use gymhook::send::EndpointUrl;
use gymhook_delivery::{AutoDisable, EndpointPolicy};
use gymhook_engine::store::NewNotification;
use gymhook_engine::{Answer, DeliveryId, EndpointId, Sending, Subscription, Transport};
use gymhook_retry::{Outcome, RetryPolicy, RetrySchedule};
use gymhook_signature::{Keyring, Secret};
use http::StatusCode;

type Script = dyn Fn(&Sending) -> Reply + Send + Sync;

/// What the other side does.
pub enum Reply {
    Answer(Answer),
    /// An answer after a while.
    Late(Duration, Answer),
    Never,
    Panic,
}

#[derive(Clone)]
pub struct Scripted {
    script: Arc<Script>,
    pub sent: Arc<Mutex<Vec<Sending>>>,
}

impl Scripted {
    pub fn new(script: impl Fn(&Sending) -> Reply + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), sent: Arc::default() }
    }

    /// Everything is accepted.
    pub fn accepting() -> Self {
        Self::new(|_| accepted())
    }

    pub fn sent(&self) -> Vec<Sending> {
        self.sent.lock().unwrap().clone()
    }

    /// The deliveries sent so far, in their order.
    pub fn sent_ids(&self) -> Vec<u128> {
        self.sent().iter().map(|sending| sending.attempt.attempt.delivery.as_uuid().as_u128()).collect()
    }
}

impl Transport for Scripted {
    async fn send(&self, sending: Sending) -> Answer {
        let reply = (self.script)(&sending);
        self.sent.lock().unwrap().push(sending);
        match reply {
            Reply::Answer(answer) => answer,
            Reply::Late(after, answer) => {
                tokio::time::sleep(after).await;
                answer
            }
            Reply::Never => core::future::pending().await,
            Reply::Panic => panic!("as the script asks"),
        }
    }
}

pub fn accepted() -> Reply {
    status(StatusCode::OK)
}

pub fn status(status: StatusCode) -> Reply {
    Reply::Answer(Answer::new(Outcome::response(status)))
}

pub const fn endpoint(id: u128) -> EndpointId {
    EndpointId::from_u128(id)
}

pub const fn delivery(id: u128) -> DeliveryId {
    DeliveryId::from_u128(id)
}

/// Three retries, 50 ms apart; no breaker, no auto-disable.
pub fn policy() -> EndpointPolicy {
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(50), 3))
        .with_attempt_timeout(Duration::from_secs(5));
    EndpointPolicy::new(retry).with_breaker(None).with_auto_disable(AutoDisable::never())
}

pub fn subscription(id: u128, policy: EndpointPolicy) -> Subscription {
    let keys = Keyring::single("main", Secret::new("a secret of the tests").unwrap()).unwrap();
    let url = EndpointUrl::dangerous_without_rule("http://127.0.0.1:9/hook").unwrap();
    Subscription::new(endpoint(id), "berlin", "point", url, Arc::new(keys), policy)
}

pub fn notification(id: u128, to: u128) -> NewNotification {
    NewNotification::new(delivery(id), endpoint(to), "workout.created", format!("body {id}").into())
}

/// Waits until something holds; a test that waits for what never comes fails after a minute.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..12_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("timed out waiting until {what}");
}
