//! How do I deliver webhooks myself, with a client and a store of my own?
//!
//! This is a long demonstration; `send_once` sends a single request. It runs the loop of `gymhook-delivery`'s front page with a real
//! HTTP client, against a real server that fails, stalls, redirects, asks to wait, says that it is gone, and recovers. The schedule
//! is compressed to fractions of a second. It prints the delivery log as a table and ends with the totals; the exit status is 0
//! only if each delivery ended as its endpoint's behaviour demands.
//!
//! `cargo run --example send_by_hand`

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use gymhook::delivery::{
    Attempt, AttemptRef, BodyDigest, Delivery, DeliveryChange, DeliveryId, DeliveryState, Dispatcher, End,
    EndpointChange, EndpointId, Enqueued, Limits, NewDelivery, Output, Record, Redelivered,
};
use gymhook::retry::{Classify, Fault, Outcome, RetryPolicy, RetrySchedule};
use gymhook::send::{self, EndpointUrl};
use gymhook::signature::{Keyring, Secret, Signer};
use gymhook::{Provider, Receiver};
use gymhook_examples::table;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use time::UtcDateTime;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

type AnyError = Box<dyn Error + Send + Sync>;

/// Each endpoint's behaviour, and whether a delivery arrives there without manual help.
const CHARACTERS: [(&str, bool); 6] = [
    ("healthy", true),
    ("fails-twice", true),
    ("stalls-once", true),
    ("redirects", false),
    ("asks-to-wait", true),
    ("gone", false),
];

const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(400);
const BODY: &[u8] = br#"{"event":"checkin.created","data":{"member":"m-1"}}"#;

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    let mut sender = Sender::new(serve().await?)?;
    sender.enqueue_one_for_each_endpoint()?;
    sender.drive().await;
    let expected = |name: &str| CHARACTERS.iter().any(|(character, arrives)| *character == name && *arrives);
    let alone = sender.report(expected);

    println!(
        "All receivers have recovered; a person enables the endpoint that was gone, and redelivers what was given up."
    );
    sender.enable_and_redeliver()?;
    sender.drive().await;
    let by_hand = sender.report(|_| true);
    Ok(if alone && by_hand { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A driver of the machine: it has the bodies, the URLs, the secrets, the clock and the network; the machine has none of them.
struct Sender {
    dispatcher: Dispatcher,
    signer: Signer,
    client: Client<HttpConnector, Full<Bytes>>,
    urls: BTreeMap<EndpointId, (&'static str, EndpointUrl)>,
    /// Stands in for the database: what is pushed here counts as durable.
    journal: Vec<(UtcDateTime, Record)>,
    started: UtcDateTime,
    outcomes: BTreeMap<AttemptRef, Outcome>,
}

impl Sender {
    fn new(url: String) -> Result<Self, AnyError> {
        let provider = Provider::gympoint();
        let retry =
            RetryPolicy::new(RetrySchedule::fixed([100, 200, 400].map(Duration::from_millis).to_vec()))
                .with_attempt_timeout(ATTEMPT_TIMEOUT)
                .with_classify(Classify::new().disabling_on_gone());
        let policy = provider.profile().endpoint_policy().with_retry(retry);

        let mut dispatcher =
            Dispatcher::new(Limits::new(NonZeroU32::MIN.saturating_add(31)), None, UtcDateTime::now());
        let mut urls = BTreeMap::new();
        for (number, (character, _)) in (1_u128..).zip(CHARACTERS) {
            let endpoint = EndpointId::from_u128(number);
            dispatcher.add_endpoint(endpoint, policy.clone(), UtcDateTime::now())?;
            // A platform's rule asks for https; this receiver is on our own machine.
            let url = EndpointUrl::dangerous_without_rule(&format!("{url}/{character}"))?;
            urls.insert(endpoint, (character, url));
        }
        Ok(Self {
            dispatcher,
            signer: provider.signer(keyring()?)?,
            client: Client::builder(TokioExecutor::new()).build_http(),
            urls,
            journal: Vec::new(),
            started: UtcDateTime::now(),
            outcomes: BTreeMap::new(),
        })
    }

    fn enqueue_one_for_each_endpoint(&mut self) -> Result<(), AnyError> {
        for (number, endpoint) in (100_u128..).zip(self.urls.keys()) {
            let id = DeliveryId::from_u128(number);
            let body = BodyDigest::new([7; 32]); // all bodies are equal here; otherwise their SHA-256
            let new = NewDelivery::new(id, *endpoint, body);
            let enqueued = self.dispatcher.enqueue(new, UtcDateTime::now())?;
            assert_eq!(enqueued, Enqueued::New);
        }
        Ok(())
    }

    fn enable_and_redeliver(&mut self) -> Result<(), AnyError> {
        for endpoint in self.urls.keys() {
            self.dispatcher.enable(*endpoint, UtcDateTime::now())?;
            for delivery in self.dispatcher.undeliverable(*endpoint) {
                let redelivered = self.dispatcher.redeliver(delivery, UtcDateTime::now())?;
                assert_eq!(redelivered, Redelivered::Now);
            }
        }
        Ok(())
    }

    /// Drains the machine to `WakeAt`, and stores each record before the attempt that follows it is sent.
    async fn drive(&mut self) {
        let (answer, mut answers) = mpsc::unbounded_channel();
        loop {
            match self.dispatcher.poll_output() {
                Output::Record(record) => self.journal.push((UtcDateTime::now(), record)),
                Output::Attempt(attempt) => self.send(&attempt, answer.clone()),
                Output::WakeAt(None) if self.dispatcher.in_flight() == 0 => break,
                Output::WakeAt(wake) => tokio::select! {
                    Some((attempt, outcome)) = answers.recv() => {
                        self.outcomes.insert(attempt, outcome);
                        self.dispatcher.handle_outcome(&attempt, &outcome, UtcDateTime::now());
                    }
                    () = sleep_until(wake) => self.dispatcher.handle_timeout(UtcDateTime::now()),
                },
            }
        }
    }

    fn send(&self, attempt: &Attempt, answer: mpsc::UnboundedSender<(AttemptRef, Outcome)>) {
        let Some((_, url)) = self.urls.get(&attempt.attempt.endpoint) else { return };
        let id = attempt.attempt.delivery.to_string();
        let request = send::request(&self.signer, url, &id, Bytes::from_static(BODY), UtcDateTime::now());
        let (client, attempt) = (self.client.clone(), attempt.attempt);
        tokio::spawn(async move {
            let outcome = match request {
                Ok(request) => {
                    tokio::time::timeout(ATTEMPT_TIMEOUT, exchange(client, request.map(Full::new)))
                        .await
                        .unwrap_or(Outcome::Failure(Fault::Timeout))
                }
                Err(_) => Outcome::Internal(gymhook::retry::OwnFault::Signing),
            };
            // Nobody listens any more once the loop is over.
            let _ = answer.send((attempt, outcome));
        });
    }

    /// Prints what was journalled since the last report, and the totals; says whether the deliveries ended as expected.
    fn report(&mut self, expected: impl Fn(&str) -> bool) -> bool {
        let mut rows = table(&["at", "endpoint", "what happened", "then"]);
        let mut sends = 0;
        for (at, record) in std::mem::take(&mut self.journal) {
            sends +=
                u32::from(matches!(record, Record::Delivery { change: DeliveryChange::AttemptBegan, .. }));
            if let Some((endpoint, what, then)) = self.in_words(&record) {
                let at = format!("{} ms", (at - self.started).whole_milliseconds());
                rows.add_row([at, self.name(endpoint).to_owned(), what, then]);
            }
        }
        println!("{rows}");

        let arrived =
            |number| self.dispatcher.delivery(DeliveryId::from_u128(number)).is_some_and(is_delivered);
        let ends = (100_u128..).zip(self.urls.values()).map(|(number, (name, _))| (*name, arrived(number)));
        let as_expected = ends.clone().all(|(name, arrived)| arrived == expected(name));
        let delivered = ends.filter(|(_, arrived)| *arrived).count();
        println!(
            "{} deliveries, {sends} attempts: {delivered} delivered, {} undeliverable, {}\n",
            self.urls.len(),
            self.urls.len() - delivered,
            if as_expected { "as expected" } else { "NOT as expected" }
        );
        as_expected
    }

    /// Where it happened, what, and where that leaves the delivery.
    fn in_words(&self, record: &Record) -> Option<(EndpointId, String, String)> {
        Some(match record {
            Record::Delivery { change, delivery } => {
                let what = match change {
                    DeliveryChange::AttemptBegan => format!("attempt {} is sent", delivery.attempt),
                    DeliveryChange::RetryScheduled { .. } | DeliveryChange::Ended(_) => {
                        let this = |attempt: &AttemptRef| {
                            (attempt.delivery, attempt.send) == (delivery.id, delivery.sends)
                        };
                        let seen = self.outcomes.iter().find(|(attempt, _)| this(attempt));
                        seen.map_or_else(String::new, |(_, outcome)| outcome_in_words(outcome))
                    }
                    other => format!("{other:?}"),
                };
                (delivery.endpoint, what, state_in_words(&delivery.state))
            }
            Record::Endpoint { change: EndpointChange::Added | EndpointChange::TokenTaken, .. } => {
                return None;
            }
            Record::Endpoint { change, endpoint } => {
                (endpoint.id, format!("endpoint: {change:?}"), String::new())
            }
            Record::LateAnswer(late) => {
                (late.attempt.endpoint, format!("late: {:?}", late.reason), String::new())
            }
        })
    }

    fn name(&self, endpoint: EndpointId) -> &'static str {
        self.urls.get(&endpoint).map_or("unknown", |(name, _)| *name)
    }
}

/// One exchange. Redirects are not followed: this client never does.
async fn exchange(
    client: Client<HttpConnector, Full<Bytes>>,
    request: http::Request<Full<Bytes>>,
) -> Outcome {
    match client.request(request).await {
        Ok(response) => {
            let outcome = send::outcome(&response, UtcDateTime::now());
            match response.into_body().collect().await {
                Ok(_) => outcome,
                Err(_) => Outcome::Failure(Fault::Reset),
            }
        }
        Err(error) if error.is_connect() => Outcome::Failure(Fault::Connect),
        Err(_) => Outcome::Failure(Fault::Protocol),
    }
}

async fn sleep_until(wake: Option<UtcDateTime>) {
    match wake {
        Some(at) => {
            let wait = Duration::try_from(at - UtcDateTime::now()).unwrap_or_default();
            tokio::time::sleep(wait).await;
        }
        None => std::future::pending().await,
    }
}

fn keyring() -> Result<Keyring, AnyError> {
    Ok(Keyring::single("main", Secret::new("a secret that both sides know")?)?)
}

fn is_delivered(delivery: &Delivery) -> bool {
    matches!(delivery.state(), DeliveryState::Finished { end: End::Delivered, .. })
}

fn outcome_in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Response { status, retry_after: None } => status.to_string(),
        Outcome::Response { status, retry_after: Some(_) } => format!("{status}, asks to wait"),
        Outcome::Failure(fault) => fault.to_string(),
        Outcome::Internal(fault) => format!("our fault: {fault:?}"),
        Outcome::Crashed => "nobody knows".to_owned(),
        Outcome::Panicked => "this program has a bug".to_owned(),
    }
}

fn state_in_words(state: &DeliveryState) -> String {
    match state {
        DeliveryState::Waiting { .. } => "waits for its turn".to_owned(),
        DeliveryState::InFlight { .. } => "under way".to_owned(),
        DeliveryState::Finished { end: End::Undeliverable(why), .. } => {
            format!("undeliverable: {why:?}").to_lowercase()
        }
        DeliveryState::Finished { end, .. } => format!("{end:?}").to_lowercase(),
    }
}

// ---------------------------------------------------------------- the receivers

struct Receivers {
    receiver: Receiver<gymhook::event::gympoint::Notification>,
    calls: [AtomicU32; CHARACTERS.len()],
}

async fn serve() -> Result<String, AnyError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let receivers =
        Receivers { receiver: Receiver::new(&Provider::gympoint(), keyring()?)?, calls: Default::default() };
    let routes = Router::new().route("/{character}", post(receive)).with_state(Arc::new(receivers));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(format!("http://{address}"))
}

async fn receive(
    State(receivers): State<Arc<Receivers>>,
    Path(character): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(refusal) = receivers.receiver.receive(&headers, body, UtcDateTime::now()) {
        return refusal.status().into_response();
    }
    let position = CHARACTERS.iter().position(|(name, _)| *name == character).unwrap_or_default();
    let call = receivers.calls.get(position).map_or(0, |calls| calls.fetch_add(1, Ordering::Relaxed));
    match (character.as_str(), call) {
        ("fails-twice", 0 | 1) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        ("stalls-once", 0) => {
            tokio::time::sleep(ATTEMPT_TIMEOUT * 2).await;
            StatusCode::OK.into_response()
        }
        ("redirects", 0..=3) => (StatusCode::FOUND, [("location", "/healthy")]).into_response(),
        ("asks-to-wait", 0) => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")]).into_response(),
        ("gone", 0) => StatusCode::GONE.into_response(),
        _ => StatusCode::OK.into_response(),
    }
}
