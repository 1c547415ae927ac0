//! What does gymhook do for me, in ten seconds?
//!
//! This is a long demonstration; the short answers are `verify_request`, `receive_axum`, `send_once` and `send_durably_small`. It
//! starts a real server on a loopback port with a route for each platform, and a real client that plays the platforms: the client
//! posts one signed request for every documented event type, then everything that a hostile peer would try. It prints the verdict
//! on each request; the exit status is 0 only if all of them were as expected.
//!
//! `cargo run --release --example quickstart`

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use bytes::Bytes;
use gymhook::event::{AnyNotification, Kind, Sample, Vendor, samples};
use gymhook::signature::{Key, Keyring, Secret, Signer, Verified};
use gymhook::{Provider, Received, Receiver};
use gymhook_axum::{Refusal, Webhook, WebhookRejection, WebhookSource};
use gymhook_examples::{or_dash, table, wrapped_table};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use time::{Duration, UtcDateTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type AnyError = Box<dyn Error + Send + Sync>;
type Verdict = Result<Verified<Received<AnyNotification>>, Refusal>;

/// How many event types each platform documents; PG Next's include two that are seen in receivers only.
const DOCUMENTED_TYPES: [(Vendor, usize); 5] = [
    (Vendor::GYMPOINT, 9),
    (Vendor::EGYM, 6),
    (Vendor::PERFECTGYM, 13),
    (Vendor::PG_NEXT, 46),
    (Vendor::POINT, 2),
];

const SECRETS: [(&str, &str); 2] =
    [("studio-berlin", "berlin-3f9c2a7e51d84b06a9d1"), ("studio-poznan", "poznan-a81e6d0475c2f39b17c4")];

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    let (verdicts_in, mut verdicts) = mpsc::unbounded_channel();
    let platforms = Platforms::connect(serve(routes(verdicts_in)?).await?)?;
    let mut tally = Tally::default();

    honest_requests(&platforms, &mut verdicts, &mut tally).await?;
    hostile_requests(&platforms, &mut verdicts, &mut tally).await?;

    println!("{} expectations held, {} did not", tally.expected, tally.unexpected);
    Ok(if tally.unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

// ---------------------------------------------------------------- your server

/// Somewhere to put what arrived, and what was refused.
type Verdicts = mpsc::UnboundedSender<Verdict>;

/// A route for each platform, with a source of its own.
fn routes(verdicts: Verdicts) -> Result<Router, AnyError> {
    let mut routes = Router::new();
    for provider in Provider::all() {
        let source = WebhookSource::new(Receiver::new(&provider, keyring()?)?);
        let state = Server { source, verdicts: verdicts.clone() };
        routes = routes.route(&format!("/hooks/{}", provider.vendor()), post(hook).with_state(state));
    }
    Ok(routes)
}

/// What a handler of webhooks needs: where they come from, and whatever else it works with.
#[derive(Clone)]
struct Server {
    source: WebhookSource,
    verdicts: Verdicts,
}

impl FromRef<Server> for WebhookSource {
    fn from_ref(server: &Server) -> Self {
        server.source.clone()
    }
}

/// Most handlers take a `Webhook`, and never see what is refused. This one passes the refusal on, to show it.
async fn hook(
    State(server): State<Server>,
    verdict: Result<Webhook, WebhookRejection>,
) -> Result<StatusCode, StatusCode> {
    let verdict = verdict.map(|Webhook(verified)| verified).map_err(WebhookRejection::into_refusal);
    let answer =
        verdict.as_ref().map_or_else(|refusal| refusal.answer().status(), |_| StatusCode::NO_CONTENT);
    server.verdicts.send(verdict).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(answer)
}

fn keyring() -> Result<Keyring, AnyError> {
    let keys = SECRETS.iter().map(|(studio, secret)| Ok(Key::new(*studio, Secret::new(secret)?)));
    Ok(Keyring::new(keys.collect::<Result<Vec<_>, AnyError>>()?)?)
}

async fn serve(routes: Router) -> Result<SocketAddr, AnyError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

// ---------------------------------------------------------------- the platforms, played by a real client

struct Platforms {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    signers: BTreeMap<Vendor, Signer>,
}

impl Platforms {
    fn connect(address: SocketAddr) -> Result<Self, AnyError> {
        let mut signers = BTreeMap::new();
        for provider in Provider::all() {
            signers.insert(provider.vendor(), Signer::with_shared(provider.scheme().clone(), keyring()?)?);
        }
        Ok(Self { client: Client::builder(TokioExecutor::new()).build_http(), address, signers })
    }

    fn sign(&self, vendor: Vendor, body: &[u8], at: UtcDateTime) -> Result<HeaderMap, AnyError> {
        let signer = self.signers.get(&vendor).ok_or("a platform without a signer")?;
        Ok(signer.sign("0f8fad5b-d9cb-469f-a165-70867728950e", body, at)?)
    }

    async fn post(
        &self,
        vendor: Vendor,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<StatusCode, AnyError> {
        let body = body.into();
        if body.len() > Receiver::<AnyNotification>::DEFAULT_MAX_BODY {
            return self.announce(vendor, &headers, body.len()).await;
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("http://{}/hooks/{vendor}", self.address).parse()?;
        *request.headers_mut() = headers;
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        let response = self.client.request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status)
    }
}

impl Platforms {
    /// Says how long a body is and asks for leave to send it, as curl does with a long one.
    async fn announce(
        &self,
        vendor: Vendor,
        headers: &HeaderMap,
        bytes: usize,
    ) -> Result<StatusCode, AnyError> {
        let mut head = format!(
            "POST /hooks/{vendor} HTTP/1.1\r\nhost: gym\r\nexpect: 100-continue\r\ncontent-length: {bytes}\r\n"
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
        }
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(format!("{head}\r\n").as_bytes()).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        Ok(StatusCode::from_bytes(answer.last_chunk::<3>().ok_or("no status")?)?)
    }
}

/// What the server made of the request that was just posted.
async fn next(verdicts: &mut mpsc::UnboundedReceiver<Verdict>) -> Result<Verdict, AnyError> {
    let verdict = tokio::time::timeout(std::time::Duration::from_secs(5), verdicts.recv()).await?;
    verdict.ok_or_else(|| "the server is gone".into())
}

#[derive(Default)]
struct Tally {
    expected: usize,
    unexpected: usize,
}

impl Tally {
    fn count(&mut self, as_expected: bool) -> &'static str {
        if as_expected {
            self.expected += 1;
            "ok"
        } else {
            self.unexpected += 1;
            "NOT AS EXPECTED"
        }
    }
}

// ---------------------------------------------------------------- every documented event type of every platform

async fn honest_requests(
    platforms: &Platforms,
    verdicts: &mut mpsc::UnboundedReceiver<Verdict>,
    tally: &mut Tally,
) -> Result<(), AnyError> {
    let mut rows = table(&["platform", "type", "kind", "subject", "key", "proved", ""]);
    for sample in samples() {
        let headers = platforms.sign(sample.vendor, sample.body.as_bytes(), UtcDateTime::now())?;
        let status = platforms.post(sample.vendor, headers, sample.body).await?;
        let verdict = next(verdicts).await?;
        let as_expected = status == StatusCode::NO_CONTENT && reads_as(&verdict, sample);
        let mark = tally.count(as_expected);
        match &verdict {
            Ok(verified) => {
                for event in verified.value().events() {
                    let subject = format!("{} {}", event.subject.kind, or_dash(event.subject.id));
                    let proved = verified.proof().assurance().proved().collect::<Vec<_>>().join(", ");
                    let (vendor, kind, key) = (
                        event.vendor.to_string(),
                        event.kind.to_string(),
                        verified.proof().key().to_string(),
                    );
                    rows.add_row([&vendor, event.event_type, &kind, &subject, &key, &proved, mark]);
                }
            }
            Err(refusal) => {
                rows.add_row([
                    sample.vendor.as_str(),
                    sample.event_type,
                    "-",
                    "-",
                    "-",
                    &refusal.to_string(),
                    mark,
                ]);
            }
        }
    }
    println!("{rows}");
    for (vendor, documented) in DOCUMENTED_TYPES {
        tally.count(samples().filter(|sample| sample.vendor == vendor).count() == documented);
    }
    Ok(())
}

fn reads_as(verdict: &Verdict, sample: &Sample) -> bool {
    let (Ok(verified), Some(provider)) = (verdict, Provider::of(sample.vendor)) else { return false };
    let received = verified.value();
    received.body() == sample.body.as_bytes()
        && *verified.proof().key() == SECRETS[0].0
        && verified.proof().assurance() == provider.scheme().assurance()
        && received.events().count() > 0
        && received.events().all(|event| event.event_type == sample.event_type && event.kind != Kind::Other)
}

// ---------------------------------------------------------------- what a hostile peer would try

/// One request that is not what it seems, with what has to come of it.
struct Attack {
    what: &'static str,
    vendor: Vendor,
    headers: HeaderMap,
    body: Bytes,
    status: StatusCode,
    /// A part of what the operator is told.
    told: &'static str,
}

async fn hostile_requests(
    platforms: &Platforms,
    verdicts: &mut mpsc::UnboundedReceiver<Verdict>,
    tally: &mut Tally,
) -> Result<(), AnyError> {
    let mut rows = wrapped_table(&["attack", "platform", "answer", "what the operator is told", ""]);
    for attack in attacks(platforms)? {
        let Attack { what, vendor, headers, body, status, told } = attack;
        let answer = platforms.post(vendor, headers, body).await?;
        let report = describe(&next(verdicts).await?);
        let mark = tally.count(answer == status && report.contains(told));
        rows.add_row([what, vendor.as_str(), answer.as_str(), &report, mark]);
    }
    println!("{rows}");
    Ok(())
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Ok(verified) => {
            let kinds: Vec<String> = verified
                .value()
                .events()
                .map(|event| format!("{} ({})", event.event_type, event.kind))
                .collect();
            format!("accepted as {}: {verified}", kinds.join(", "))
        }
        Err(refusal) => refusal.to_string(),
    }
}

fn attacks(platforms: &Platforms) -> Result<Vec<Attack>, AnyError> {
    let now = UtcDateTime::now();
    let body = first_body(Vendor::POINT)?;
    let point = |what, headers, body: &[u8], told| Attack {
        what,
        vendor: Vendor::POINT,
        headers,
        body: Bytes::copy_from_slice(body),
        status: StatusCode::UNAUTHORIZED,
        told,
    };
    let signed = platforms.sign(Vendor::POINT, body, now)?;
    let changed = [body, b" "].concat();
    let stranger = Signer::with_shared(
        Provider::point().scheme().clone(),
        Keyring::single("stranger", Secret::new("guessed")?)?,
    )?;
    let mut doubled = signed.clone();
    doubled.append("point-signature", HeaderValue::from_static("t=1,v1=00"));

    let mut attacks = vec![
        point("body changed", signed, &changed, "no valid key made the signature"),
        point("secret wrong", stranger.sign("", body, now)?, body, "no valid key made the signature"),
        point("signature stripped", HeaderMap::new(), body, "point-signature is missing"),
        point("header doubled", doubled, body, "occurs 2 times"),
        point("time stale", platforms.sign(Vendor::POINT, body, now - Duration::HOUR)?, body, "ago"),
        point(
            "time from the future",
            platforms.sign(Vendor::POINT, body, now + Duration::HOUR)?,
            body,
            "in the future",
        ),
    ];
    attacks.extend(bodies_that_lie(platforms, now)?);
    Ok(attacks)
}

fn bodies_that_lie(platforms: &Platforms, now: UtcDateTime) -> Result<[Attack; 4], AnyError> {
    // PerfectGym signs the request's id, not its body: the signature of one request fits any other.
    let reused = platforms.sign(Vendor::PERFECTGYM, first_body(Vendor::PERFECTGYM)?, now)?;
    let forged =
        br#"{"event":"ContractPaymentDone","triggeredDate":"2026-01-01T00:00:00Z","data":{"contractId":1}}"#;
    let unknown =
        br#"{"entityId":1,"uuid":"5b1e","payload":[{"timestamp":1767268800000,"type":"SAUNA_TOO_HOT"}]}"#;
    let huge = vec![b' '; 2 * 1024 * 1024];
    let depth = 100_000;
    let bomb = format!(r#"{{"event":"member.created","data":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let honest = |vendor, body: &[u8]| platforms.sign(vendor, body, now);
    Ok([
        Attack {
            what: "signature reused with another body",
            vendor: Vendor::PERFECTGYM,
            headers: reused,
            body: Bytes::from_static(forged),
            status: StatusCode::NO_CONTENT,
            told: "sender by keyed digest, body not proved, time not proved, id signed",
        },
        Attack {
            what: "unknown type (no attack: kept)",
            vendor: Vendor::PG_NEXT,
            headers: honest(Vendor::PG_NEXT, unknown)?,
            body: Bytes::from_static(unknown),
            status: StatusCode::NO_CONTENT,
            told: "SAUNA_TOO_HOT (other)",
        },
        Attack {
            what: "2 MiB body",
            vendor: Vendor::GYMPOINT,
            headers: honest(Vendor::GYMPOINT, &huge)?,
            body: huge.into(),
            status: StatusCode::PAYLOAD_TOO_LARGE,
            told: "more than the 262144 allowed",
        },
        Attack {
            what: "JSON nested 100,000 deep",
            vendor: Vendor::GYMPOINT,
            headers: honest(Vendor::GYMPOINT, bomb.as_bytes())?,
            body: bomb.into(),
            status: StatusCode::BAD_REQUEST,
            told: "nested",
        },
    ])
}

fn first_body(vendor: Vendor) -> Result<&'static [u8], AnyError> {
    let sample = samples().find(|sample| sample.vendor == vendor);
    Ok(sample.ok_or("a platform without a sample")?.body.as_bytes())
}
