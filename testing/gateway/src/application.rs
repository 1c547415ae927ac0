//! The application: verifies what it gets, writes it down, and sometimes fails.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use gymhook_crash_tests::random::Random;
use gymhook_crash_tests::wire::digest;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Failure;
use crate::history::{Arrival, Event};
use crate::orders::Recipient;
use crate::recorder::Recorder;
use crate::studios::marked;

/// The application, which listens until it is dropped.
#[derive(Debug)]
pub struct Application {
    port: u16,
    server: JoinHandle<()>,
}

/// What it reads of a CloudEvent.
#[derive(Debug, Deserialize)]
struct CloudEvent {
    specversion: String,
    source: String,
    data: Data,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[serde(rename = "type")]
    event_type: String,
}

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    /// Answers with this status, this much later.
    Status(u16, Duration),
    /// Cuts the connection.
    Cut,
}

/// Nothing fails more often than this.
const MOST_FAILURES: usize = 3;

fn reply(seed: u64, id: &str, before: usize) -> Reply {
    let mut random = Random::new(seed ^ digest(id.as_bytes()) ^ (before as u64));
    if before >= MOST_FAILURES {
        return Reply::Status(200, Duration::ZERO);
    }
    match random.below(24) {
        0 => Reply::Status(500, Duration::ZERO),
        1 => Reply::Status(503, Duration::from_millis(random.below(50))),
        2 => Reply::Cut,
        3 | 4 => Reply::Status(200, Duration::from_millis(100 + random.below(700))),
        _ => Reply::Status(200, Duration::ZERO),
    }
}

impl Application {
    /// Begins to listen.
    ///
    /// # Errors
    /// There is no port left.
    pub async fn start(seed: u64, recorder: &Arc<Recorder>) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let recorder = Arc::clone(recorder);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let recorder = Arc::clone(&recorder);
                let service = service_fn(move |request| answer(seed, Arc::clone(&recorder), request));
                // A connection that was cut is an error here, and meant.
                tokio::spawn(async move {
                    let served = hyper::server::conn::http1::Builder::new();
                    served.serve_connection(TokioIo::new(stream), service).await.ok()
                });
            }
        });
        Ok(Self { port, server })
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    seed: u64,
    recorder: Arc<Recorder>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Failure> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let destination = Recipient::named(head.uri.path().trim_start_matches('/')).ok_or("no such path")?;
    let id = head.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let reply = reply(seed, &id, recorder.arrivals_of(&id));
    let arrival = read(destination, id, &head.headers, &body, reply)?;
    recorder.happened(Event::Arrived(arrival));
    let Reply::Status(status, after) = reply else {
        return Err("cut, as the application's character says".into());
    };
    tokio::time::sleep(after).await;
    let mut response = Response::new(Full::new(Bytes::from_static(b"noted")));
    *response.status_mut() = StatusCode::from_u16(status)?;
    Ok(response)
}

fn read(
    destination: Recipient,
    id: String,
    headers: &HeaderMap,
    body: &Bytes,
    reply: Reply,
) -> Result<Arrival, Failure> {
    // Another implementation than the gateway's.
    let is_signed = Webhook::from_bytes(destination.secret().into_bytes())?.verify(body, headers).is_ok();
    let text = String::from_utf8_lossy(body);
    let (source, event_type) = if destination == Recipient::Subscriber {
        // What was published, byte for byte.
        (String::new(), serde_json::from_str::<Data>(&text).map_or(String::new(), |data| data.event_type))
    } else {
        source_and_type(&text)
    };
    let status = match reply {
        Reply::Status(status, _) => Some(status),
        Reply::Cut => None,
    };
    Ok(Arrival {
        destination,
        id,
        is_signed,
        number: marked(&text),
        event_type,
        source,
        digest: digest(body),
        status,
    })
}

fn source_and_type(text: &str) -> (String, String) {
    match serde_json::from_str::<CloudEvent>(text) {
        Ok(event) if event.specversion == "1.0" => (event.source, event.data.event_type),
        Ok(_) | Err(_) => (format!("no CloudEvent: {text}"), String::new()),
    }
}
