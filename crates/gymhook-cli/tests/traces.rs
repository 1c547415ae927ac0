//! `gymhook serve` with a collector of OpenTelemetry's: what it is told, what it is never told, and what happens without it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/collector.rs"]
mod collector;
#[path = "support/serving.rs"]
mod serving;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use collector::{Collector, Span};
use serving::{KEY, Load, Serving, command, request, source};

/// The specification's own example.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// OTLP's numbers of kinds.
const SERVER: u64 = 2;
const CLIENT: u64 = 3;

fn start(folder: &Path, collector: &str) -> Serving {
    let config = format!(
        "otlp_endpoint = \"{collector}\"\nsubscriber_networks = [\"127.0.0.0/8\"]\n{}",
        source("egym")
    );
    fs::write(folder.join("gymhook.toml"), config).unwrap();
    Serving::start(folder, &[])
}

fn traceparent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\ntracestate: congo=t61rcWkgMzE\r\n")
}

/// Posts a body, and wants this status.
fn post(serving: &Serving, path: &str, headers: &str, body: &str, status: u16) {
    let length = body.len();
    let answer = request(
        serving.address,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        ),
    );
    let answer = answer.unwrap();
    assert_eq!(answer.status, status, "{answer:?}");
}

/// Answers this many requests with a success, and gives them back.
fn receive(receiver: TcpListener, count: usize) -> thread::JoinHandle<Vec<String>> {
    let answer = move |_| {
        let (mut stream, _) = receiver.accept().unwrap();
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !String::from_utf8_lossy(&request).contains("canary-of-the-body\"}") {
            let read = stream.read(&mut part).unwrap();
            assert_ne!(read, 0, "the request ends early");
            request.extend_from_slice(&part[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request).into_owned()
    };
    thread::spawn(move || (0..count).map(answer).collect())
}

/// The attributes of these names, of which each has to be there.
fn of<'s, const N: usize>(span: &'s Span, names: [&str; N]) -> [&'s str; N] {
    names.map(|name| span.attributes.get(name).unwrap_or_else(|| panic!("{name}: {span:?}")).as_str())
}

#[test]
fn a_published_event_is_traced_to_its_attempt_and_nothing_secret_is_told() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().unwrap();
    let serving = start(folder.path(), &format!("http://{}", collector.address));
    let key = serving.first_key.clone().unwrap();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url =
        format!("http://{}/canary-of-the-path?token=canary-of-the-query", receiver.local_addr().unwrap());
    fs::write(folder.path().join("secret"), SECRET).unwrap();
    let mut create = command(folder.path());
    create.env("GYMHOOK_API_KEY", &key).env("GYMHOOK_SERVER", format!("http://{}", serving.address));
    create.args(["subscriptions", "create", &url, "--gym", "berlin", "--secret-file", "secret"]);
    let created = create.output().unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));

    let received = receive(receiver, 1);
    let event = r#"{"type":"workout.created","gym":"berlin","data":{"member":"canary-of-the-body"}}"#;
    let authorized = format!("authorization: Bearer {key}\r\n{}", traceparent("01"));
    post(&serving, "/v1/events", &authorized, event, 202);
    assert!(received.join().unwrap()[0].contains(&format!("traceparent: 00-{TRACE}-{PARENT}-01")));
    // Anybody may send to a source: such a context is none.
    let webhook = r#"{"accountId":"canary-of-an-account","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    post(&serving, "/in/egym", &format!("x-api-key: {KEY}\r\n{}", traceparent("01")), webhook, 200);
    post(&serving, "/in/egym", "x-api-key: canary-of-a-wrong-key\r\n", webhook, 401);
    assert_eq!(
        serving.get("/v1/deliveries/canary-of-an-id", &format!("authorization: Bearer {key}\r\n")).status,
        404
    );
    assert!(serving.terminate().success());

    let (resource, spans) = collector.received();
    assert_eq!(resource["service.name"], "gymhook");
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();

    let [attempt] = named("POST")[..] else { panic!("one attempt was made: {spans:#?}") };
    assert_eq!((attempt.trace.as_str(), attempt.parent.as_str(), attempt.kind), (TRACE, PARENT, CLIENT));
    assert_eq!((attempt.state.as_str(), attempt.is_error), ("congo=t61rcWkgMzE", false));
    assert_eq!(
        of(
            attempt,
            ["http.request.method", "server.address", "http.response.status_code", "gymhook.outcome"]
        ),
        ["POST", "127.0.0.1", "200", "response"]
    );
    assert!(!of(attempt, ["gymhook.delivery.id"])[0].is_empty());
    assert!(!attempt.attributes.contains_key("http.request.resend_count"), "it was the first: {attempt:?}");

    let [published] = named("POST /v1/events")[..] else { panic!("one event was published: {spans:#?}") };
    assert_eq!(
        (published.trace.as_str(), published.parent.as_str(), published.kind),
        (TRACE, PARENT, SERVER)
    );
    assert_eq!(
        of(published, ["http.request.method", "http.route", "http.response.status_code"]),
        ["POST", "/v1/events", "202"]
    );
    let [missing] = named("GET /v1/deliveries/{id}")[..] else { panic!("one was asked for: {spans:#?}") };
    assert_eq!(
        (missing.parent.as_str(), missing.is_error),
        ("", false),
        "it begins a trace, and the caller erred"
    );
    assert_eq!(of(missing, ["http.response.status_code"]), ["404"]);

    let webhooks = named("receive egym");
    let came = |span: &&Span| {
        of(span, ["gymhook.source", "gymhook.platform", "gymhook.outcome", "http.response.status_code"])
            .map(str::to_owned)
    };
    let outcomes: Vec<_> = webhooks.iter().map(came).collect();
    assert_eq!(outcomes[0], ["egym", "egym", "new", "200"]);
    assert_eq!(outcomes[1], ["egym", "egym", "unknown-key", "401"]);
    assert_eq!(outcomes.len(), 2);
    assert!(webhooks.iter().all(|span| span.trace != TRACE && span.parent.is_empty()), "{webhooks:?}");

    for (head, body) in collector.requests() {
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        let told = String::from_utf8_lossy(&body).into_owned();
        for hidden in ["canary", key.as_str(), KEY, SECRET, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "://"] {
            assert!(!told.contains(hidden), "{hidden:?} is told: {told}");
        }
    }
}

/// The publisher decides whether its trace is kept.
#[test]
fn what_is_not_sampled_is_not_told() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().unwrap();
    let serving = start(folder.path(), &format!("http://{}/v1/traces/", collector.address));
    let key = serving.first_key.clone().unwrap();
    let event = r#"{"type":"workout.created","gym":"berlin","data":{}}"#;
    for flags in ["00", "01"] {
        post(
            &serving,
            "/v1/events",
            &format!("authorization: Bearer {key}\r\n{}", traceparent(flags)),
            event,
            202,
        );
    }
    assert!(serving.terminate().success());
    assert_eq!(collector.received().1.len(), 1);
    assert!(collector.requests()[0].0.starts_with("post /v1/traces http/1.1\r\n"));
}

#[test]
fn a_collector_that_is_away_stops_nothing() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Connections wait for somebody to accept them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (collector, said) in [
        (closed, "the collector at otlp_endpoint takes no spans"),
        (silent.local_addr().unwrap(), "the last spans may be missing at the collector"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut serving = start(folder.path(), &format!("http://{collector}"));
        let load = Load::start(serving.address, "/in/egym");
        // More than the queue holds.
        load.reach(3_000);
        let (_, failed) = load.end();
        assert!(failed.is_empty(), "{failed:?}");
        serving.signal(rustix::process::Signal::TERM);
        assert!(serving.child.wait().unwrap().success(), "{}", serving.log());
        assert!(serving.log().contains(said), "{}", serving.log());
        let told = serving.log().matches("takes no spans").count();
        assert!(told <= 1, "it is told {told} times");
    }
}
