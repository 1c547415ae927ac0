//! One table of requests against every adapter, over real sockets: the same answers everywhere.

use core::time::Duration;
use std::collections::BTreeSet;

use bytes::Bytes;
use gymhook::event::{Vendor, samples};
use gymhook_adapter_tests::{
    Adapter, MAX_BODY, Reply, Sources, Step, chunk, exchange, exchange_h2, keep_ledger, point_body, sign,
    sign_with, start,
};
use http::{HeaderMap, Request};
use time::UtcDateTime;

/// A request, and what it has to be answered.
struct Case {
    name: String,
    method: &'static str,
    path: String,
    headers: HeaderMap,
    body: Body,
    status: u16,
    /// `Allow` of the answer.
    allow: Option<&'static str>,
}

enum Body {
    /// With its length.
    Whole(Vec<u8>),
    /// In chunks, or frames, with a pause between them and no length.
    Pieces(Vec<Vec<u8>>, Duration),
    /// A length, and nothing of the body itself.
    Declared(usize),
    /// Chunks without end. HTTP/1.1 only.
    Endless,
}

const NO_PAUSE: Duration = Duration::ZERO;
/// Long enough that the server reads one piece before the next one comes.
const PAUSE: Duration = Duration::from_millis(20);

impl Case {
    fn new(name: &str, path: &str, headers: HeaderMap, body: Body, status: u16) -> Self {
        let (name, path) = (name.to_owned(), path.to_owned());
        Self { name, method: "POST", path, headers, body, status, allow: None }
    }

    fn with_method(self, method: &'static str, allow: Option<&'static str>) -> Self {
        Self { method, allow, ..self }
    }

    fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("a value"));
        self
    }

    /// What no log may hold: signatures and keys.
    fn secrets(&self) -> Vec<String> {
        let values = self.headers.iter().filter_map(|(_, value)| value.to_str().ok());
        values.filter(|value| value.len() > 12).map(str::to_owned).collect()
    }

    /// As bytes of HTTP/1.1.
    fn steps(&self) -> Vec<Step> {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: gym\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        let length = |bytes: usize| format!("content-length: {bytes}\r\n\r\n").into_bytes();
        const CHUNKED: &[u8] = b"transfer-encoding: chunked\r\n\r\n";
        match &self.body {
            Body::Whole(body) => vec![Step::Send([head, length(body.len()), body.clone()].concat())],
            Body::Declared(bytes) => vec![Step::Send([head, length(*bytes)].concat())],
            Body::Endless => vec![Step::Send([&head, CHUNKED].concat()), Step::ChunksForEver],
            Body::Pieces(pieces, pause) => {
                let mut steps = vec![Step::Send([&head, CHUNKED].concat())];
                for piece in pieces {
                    steps.extend([Step::Send(chunk(piece)), Step::Wait(*pause)]);
                }
                steps.push(Step::Send(b"0\r\n\r\n".to_vec()));
                steps
            }
        }
    }

    /// As a request of HTTP/2 with its frames, if it can be one.
    fn to_h2(&self) -> Option<(Request<()>, Vec<Bytes>, Duration)> {
        let mut request = Request::builder().method(self.method).uri(format!("http://gym{}", self.path));
        let headers = request.headers_mut().expect("a request");
        *headers = self.headers.clone();
        let (frames, pause) = match &self.body {
            Body::Endless => return None,
            Body::Whole(body) if body.is_empty() => (Vec::new(), NO_PAUSE),
            Body::Whole(body) => {
                headers.insert("content-length", body.len().into());
                (vec![Bytes::from(body.clone())], NO_PAUSE)
            }
            Body::Declared(bytes) => {
                headers.insert("content-length", (*bytes).into());
                // One byte, and then nothing for as long as the connection lasts.
                (vec![Bytes::from_static(b" "); 2], Duration::from_secs(3_600))
            }
            Body::Pieces(pieces, pause) => (pieces.iter().cloned().map(Bytes::from).collect(), *pause),
        };
        Some((request.body(()).expect("a request"), frames, pause))
    }

    fn check(&self, server: &str, reply: Option<Reply>) -> Reply {
        let reply = reply.unwrap_or_else(|| panic!("{}: {server} closed without an answer", self.name));
        assert_eq!(reply.status, self.status, "{}: {server} answered {reply:?}", self.name);
        assert_eq!(reply.header("allow"), self.allow, "{}: {server} answered {reply:?}", self.name);
        if self.status >= 400 {
            assert!(reply.body.is_empty(), "{}: {server} answered {reply:?}", self.name);
        }
        reply
    }
}

fn honest() -> Vec<Case> {
    let mut cases = Vec::new();
    for sample in samples() {
        let headers = sign(sample.vendor, sample.body.as_bytes());
        let (vendor, event_type, body) = (sample.vendor, sample.event_type, sample.body.as_bytes().to_vec());
        cases.push(Case::new(
            &format!("{vendor} {event_type}"),
            &format!("/any/{vendor}"),
            headers,
            Body::Whole(body),
            200,
        ));
    }
    cases
}

fn point(name: &str, headers: HeaderMap, body: &[u8], status: u16) -> Case {
    Case::new(name, "/any/point", headers, Body::Whole(body.to_vec()), status)
}

/// Every way in which a proof fails, at every platform.
fn unproved() -> Vec<Case> {
    let mut cases = Vec::new();
    for vendor in Vendor::ALL.iter().copied() {
        let body = samples().find(|sample| sample.vendor == vendor).expect("a sample").body.as_bytes();
        let path = format!("/any/{vendor}");
        let mut case = |name: &str, headers| {
            let name = format!("{vendor}: {name}");
            cases.push(Case::new(&name, &path, headers, Body::Whole(body.to_vec()), 401));
        };
        case("unsigned", HeaderMap::new());
        case("another secret", sign_with(vendor, "another secret", body, UtcDateTime::now()));
        let signed = sign(vendor, body);
        for name in signed.keys() {
            let mut doubled = signed.clone();
            doubled.append(name, signed[name].clone());
            case(&format!("{name} doubled"), doubled);
            let mut malformed = signed.clone();
            malformed.insert(name, "\u{e4}".parse().expect("a value"));
            case(&format!("{name} malformed"), malformed);
        }
    }
    let body = point_body(200);
    let now = UtcDateTime::now();
    for (name, at) in [("too old", now - time::Duration::HOUR), ("too new", now + time::Duration::HOUR)] {
        let headers = sign_with(Vendor::POINT, gymhook_adapter_tests::SECRET, &body, at);
        cases.push(point(name, headers, &body, 401));
    }
    cases.push(point("another body", sign(Vendor::POINT, &body), &point_body(201), 401));
    cases.push(Case::new(
        "a signed body is asked for, and the platform signs none",
        "/signed/pg-next",
        sign(Vendor::PG_NEXT, b"{}"),
        Body::Whole(PG_NEXT.to_vec()),
        401,
    ));
    cases
}

const PG_NEXT: &[u8] =
    br#"{"entityId":1,"uuid":"u-1","payload":[{"timestamp":1642779144176,"type":"CUSTOMER_CHECKIN"}]}"#;

fn by_http() -> Vec<Case> {
    let whole = |bytes| Body::Whole(point_body(bytes));
    let signed = |bytes| sign(Vendor::POINT, &point_body(bytes));
    let pieces = |lengths: &[usize], pause| {
        let mut rest = point_body(lengths.iter().sum());
        let cut = lengths.iter().map(|length| rest.drain(..*length).collect());
        Body::Pieces(cut.collect(), pause)
    };
    let case = |name, headers, body, status| Case::new(name, "/any/point", headers, body, status);
    let empty = || Body::Whole(Vec::new());
    let mut cases = vec![
        case("as long as it may be", signed(MAX_BODY), whole(MAX_BODY), 200),
        case("a byte too long", signed(MAX_BODY + 1), whole(MAX_BODY + 1), 413),
        case("a length too long, and no body", HeaderMap::new(), Body::Declared(MAX_BODY + 1), 413),
        case("… of 2^63", HeaderMap::new(), Body::Declared(1 << 63), 413),
        case("in pieces", signed(300), pieces(&[1, 2, 297], PAUSE), 200),
        case("in pieces, as long as it may be", signed(MAX_BODY), pieces(&[MAX_BODY - 1, 1], PAUSE), 200),
        case(
            "two pieces with the limit between them",
            signed(MAX_BODY + 1),
            pieces(&[MAX_BODY, 1], PAUSE),
            413,
        ),
        case("two pieces with the limit in the second", signed(5_000), pieces(&[3_000, 2_000], PAUSE), 413),
        case("endless", HeaderMap::new(), Body::Endless, 413),
        case("asks before it sends", signed(300), whole(300), 200).with_header("expect", "100-continue"),
        case("asks before it sends too much", HeaderMap::new(), Body::Declared(MAX_BODY + 1), 413)
            .with_header("expect", "100-continue"),
        case("gzip", signed(300), whole(300), 415).with_header("content-encoding", "gzip"),
        case("gzip, with a length only", HeaderMap::new(), Body::Declared(300), 415)
            .with_header("content-encoding", "gzip"),
        case("identity", signed(300), whole(300), 200).with_header("content-encoding", "identity"),
        case("identity, then gzip", signed(300), whole(300), 415)
            .with_header("content-encoding", "identity")
            .with_header("content-encoding", "gzip"),
        point("proved, and no JSON", sign(Vendor::POINT, b"canary-body"), b"canary-body", 400),
        point("proved, and empty", sign(Vendor::POINT, b""), b"", 400),
        Case::new("typed", "/typed", sign(Vendor::PG_NEXT, PG_NEXT), Body::Whole(PG_NEXT.to_vec()), 200),
        Case::new("with a signed body", "/signed/point", signed(300), whole(300), 200),
        Case::new("too slow", "/slow", signed(300), pieces(&[100; 3], Duration::from_millis(600)), 408),
        Case::new(
            "one byte, and no more",
            "/slow",
            signed(300),
            pieces(&[1, 299], Duration::from_secs(3_600)),
            408,
        ),
        Case::new("nothing of its body", "/slow", signed(300), Body::Declared(300), 408),
    ];
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        cases
            .push(case("no method for it", HeaderMap::new(), empty(), 405).with_method(method, Some("POST")));
        let (status, allow) = match method {
            "GET" | "HEAD" => (200, None),
            _ => (405, Some("GET, HEAD, POST")),
        };
        let probe = Case::new("a probe", "/probe", HeaderMap::new(), empty(), status);
        cases.push(probe.with_method(method, allow));
    }
    cases.push(Case::new("a webhook beside probes", "/probe", signed(300), whole(300), 200));
    cases.push(Case::new("elsewhere", "/nowhere", signed(300), whole(300), 404));
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn every_adapter_answers_the_same() {
    let ledger = keep_ledger();
    let sources = Sources::new();
    let mut servers = Vec::new();
    for adapter in Adapter::ALL {
        servers.push((adapter, start(adapter, &sources).await));
    }
    let cases = [honest(), unproved(), by_http()].into_iter().flatten();
    let (mut refused, mut canaries) = (BTreeSet::new(), vec!["canary".to_owned()]);
    for case in cases {
        canaries.extend(case.secrets());
        let mut replies: Vec<(String, Reply)> = Vec::new();
        for (adapter, server) in &servers {
            let name = format!("{adapter:?} over HTTP/1.1");
            let reply = case.check(&name, exchange(server.address, case.steps()).await);
            if case.status == 401 {
                refused.insert(reply.raw.clone());
            }
            replies.push((name, reply));
            if let Some((request, frames, pause)) = case.to_h2() {
                let name = format!("{adapter:?} over HTTP/2");
                let reply = exchange_h2(server.address, request, frames, pause).await;
                replies.push((name.clone(), case.check(&name, reply)));
            }
        }
        let (first, expected) = &replies[0];
        for (other, reply) in &replies[1..] {
            assert_eq!(reply.essence(), expected.essence(), "{}: {other} and {first}", case.name);
        }
    }
    let texts: Vec<_> = refused.iter().map(|raw| String::from_utf8_lossy(raw)).collect();
    assert_eq!(refused.len(), 1, "401 is one sequence of bytes: {texts:?}");

    let (lines, counts) = (ledger.lines(), ledger.counts());
    for line in lines.iter().chain(counts.keys()) {
        for canary in &canaries {
            assert!(!line.contains(canary), "{canary} is in {line}");
        }
    }
    let labels: BTreeSet<_> = counts.keys().filter_map(|name| name.split("reason=").nth(1)).collect();
    let expected = "body-not-signed} body-too-large} content-encoding} duplicate-header} malformed-header} method-not-allowed} \
        missing-header} signature-mismatch} timed-out} timestamp-too-new} timestamp-too-old} unknown-key} unreadable}";
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), expected.split_whitespace().collect::<Vec<_>>());
}
