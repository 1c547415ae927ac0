//! Headers that a delivery brings along, from the publisher to the receiver.

#![cfg(feature = "sqlite")]

use core::time::Duration;
use std::path::Path;

use gymhook_delivery::{AutoDisable, EndpointPolicy};
use gymhook_engine::http::CheckHeadersError;
use gymhook_engine::store::SqliteStore;
use gymhook_engine::{DeliveryHeaders, Engine, Publication, Transport};
use gymhook_retry::{Fault, RetryPolicy, RetrySchedule};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::secrets::Log;
use crate::support::{OK, PATIENT, Server, answered, failed, sending, subscription, transport};

const BUSY: &str = "HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n";
const TRACED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn map<const N: usize>(headers: [(&'static str, &'static str); N]) -> HeaderMap {
    let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    headers.map(pair).into_iter().collect()
}

fn headers<const N: usize>(of: [(&'static str, &'static str); N]) -> DeliveryHeaders {
    DeliveryHeaders::new(map(of)).unwrap()
}

async fn start(path: &Path) -> Engine<SqliteStore> {
    let store = SqliteStore::open(path).unwrap();
    Engine::builder(store).poll_interval(Duration::from_millis(20)).start(transport()).await.unwrap()
}

async fn requests(server: &Server, at_least: usize) -> Vec<String> {
    for _ in 0..12_000 {
        if server.requests().len() >= at_least {
            return server.requests();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} requests came, and {at_least} were to come", server.requests().len());
}

#[tokio::test]
async fn they_are_on_each_attempt_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let server = Server::answering(BUSY).await;
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(20), 1_000));
    let policy = EndpointPolicy::new(retry).with_breaker(None).with_auto_disable(AutoDisable::never());
    let subscription =
        subscription(&server.url()).with_policy(policy).with_headers(map([("x-studio", "mitte")]));
    let event = Publication::new("point", "workout.created", "{}")
        .with_headers(headers([("traceparent", TRACED), ("x-proof", "key \"a\"")]));

    let engine = start(&path).await;
    engine.put_subscription(&subscription).await.unwrap();
    let published = engine.publish("berlin", "workout-1", &event).await.unwrap();
    assert!(published[0].enqueued.is_ok(), "{published:?}");
    let before = requests(&server, 2).await.len();
    engine.shutdown().await;
    engine.store().close().await.unwrap();

    let engine = start(&path).await;
    for request in requests(&server, before + 2).await {
        for line in ["x-studio: mitte", &format!("traceparent: {TRACED}"), "x-proof: key \"a\""] {
            assert_eq!(request.lines().filter(|found| *found == line).count(), 1, "{line} in {request}");
        }
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn the_delivery_s_replaces_the_subscription_s_of_the_same_name() {
    let server = Server::answering(OK).await;
    let subscription =
        subscription(&server.url()).with_headers(map([("x-studio", "mitte"), ("x-source", "subscription")]));
    let mut twice = map([("x-source", "delivery")]);
    twice.append("x-source", HeaderValue::from_static("again"));
    let twice = DeliveryHeaders::new(twice).unwrap();
    let sent = transport().send(sending(subscription, PATIENT).with_headers(twice)).await;
    assert_eq!(sent.outcome, answered(StatusCode::OK));
    let request = server.requests().remove(0);
    let sources: Vec<&str> = request.lines().filter_map(|line| line.strip_prefix("x-source: ")).collect();
    assert_eq!(sources, ["delivery", "again"], "{request}");
    assert!(request.contains("x-studio: mitte"), "{request}");
}

#[tokio::test]
async fn a_reserved_one_is_refused_and_nothing_is_sent() {
    let host = CheckHeadersError::Reserved { name: HeaderName::from_static("host") };
    assert_eq!(DeliveryHeaders::new(map([("host", "internal")])), Err(host));

    // Which ones are the signature's depends on the platform.
    let server = Server::answering(OK).await;
    let signed = headers([("point-signature", "canary")]);
    let refused = transport().send(sending(subscription(&server.url()), PATIENT).with_headers(signed)).await;
    assert_eq!(refused.outcome, failed(Fault::Forbidden));
    let detail = refused.detail.unwrap();
    assert!(detail.contains("point-signature") && !detail.contains("canary"), "{detail}");
    assert_eq!(server.connections(), 0);

    let other = headers([("standard-signature", "1")]);
    let sent = transport().send(sending(subscription(&server.url()), PATIENT).with_headers(other)).await;
    assert_eq!(sent.outcome, answered(StatusCode::OK));
}

#[tokio::test]
async fn with_a_damaged_text_the_request_goes_without_them_and_that_is_logged() {
    let log = Log::default();
    let _recording = tracing::subscriber::set_default(log.clone());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.db");
    let server = Server::answering(OK).await;
    let sender = Engine::builder(SqliteStore::open(&path).unwrap()).enqueue_only();
    sender.put_subscription(&subscription(&server.url())).await.unwrap();
    let event =
        Publication::new("point", "workout.created", "{}").with_headers(headers([("traceparent", "canary")]));
    sender.publish("berlin", "workout-1", &event).await.unwrap();
    let beside = rusqlite::Connection::open(&path).unwrap();
    let damage = "UPDATE gymhook_deliveries SET origin = substr(origin, 1, length(origin) - 1)";
    assert_eq!(beside.execute(damage, []).unwrap(), 1);

    let engine = start(&path).await;
    let request = requests(&server, 1).await.remove(0);
    assert!(!request.contains("traceparent"), "{request}");
    engine.shutdown().await;
    let text = log.text();
    assert!(text.contains("headers cannot be read") && !text.contains("canary"), "{text}");
}
