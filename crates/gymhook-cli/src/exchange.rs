//! One request and its answer, within one time limit.

use core::error::Error;
use core::time::Duration;
use std::io;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use gymhook::retry::{Fault, Outcome};
use gymhook::send;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use time::UtcDateTime;

use crate::target::{Body, HttpClient};

/// What came back.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
    pub(crate) headers: HeaderMap,
    /// The beginning of the answer's body.
    pub(crate) body: Bytes,
    /// What went wrong, if there was no answer.
    pub(crate) problem: Option<String>,
}

/// More of an answer is not read.
const MAX_ANSWER: usize = 16 << 10;

impl Exchange {
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self.outcome {
            Outcome::Response { status, .. } => Some(status),
            Outcome::Failure(_) | Outcome::Internal(_) | Outcome::Crashed | Outcome::Panicked => None,
        }
    }

    /// The status, or the kind of fault.
    pub(crate) fn word(&self) -> String {
        match self.outcome {
            Outcome::Response { status, .. } => status.as_u16().to_string(),
            Outcome::Failure(fault) => fault.as_str().to_owned(),
            Outcome::Internal(_) | Outcome::Crashed | Outcome::Panicked => "internal".to_owned(),
        }
    }

    /// How far the peer's clock is ahead of this one's, by its `Date` header, which counts whole seconds.
    pub(crate) fn clock_ahead(&self) -> Option<time::Duration> {
        let date = self.headers.get(header::DATE)?.to_str().ok()?;
        let date = UtcDateTime::from(httpdate::parse_http_date(date).ok()?);
        Some(date - UtcDateTime::now())
    }
}

/// Sends a request; its answer has to be there within `timeout`, body included.
pub(crate) async fn exchange(client: &HttpClient, request: Request<Bytes>, timeout: Duration) -> Exchange {
    let start = Instant::now();
    let answer = tokio::time::timeout(timeout, answer(client, request.map(Body::new))).await;
    let took = start.elapsed();
    let failed = |fault, problem| Exchange {
        outcome: Outcome::Failure(fault),
        took,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        problem: Some(problem),
    };
    match answer {
        Err(_) => failed(Fault::Timeout, format!("no answer within {}", crate::when::span(timeout))),
        Ok(Err((fault, problem))) => failed(fault, problem),
        Ok(Ok(response)) => {
            let outcome = send::outcome(&response, UtcDateTime::now());
            let (parts, body) = response.into_parts();
            Exchange { outcome, took, headers: parts.headers, body, problem: None }
        }
    }
}

async fn answer(client: &HttpClient, request: Request<Body>) -> Result<Response<Bytes>, (Fault, String)> {
    let response = client.request(request).await.map_err(|error| (fault_of(&error), innermost(&error)))?;
    let (parts, body) = response.into_parts();
    let body = beginning(body).await.map_err(|error| (Fault::Reset, innermost(&error)))?;
    Ok(Response::from_parts(parts, body))
}

/// The beginning of a body; the rest is not waited for.
async fn beginning(mut body: Incoming) -> Result<Bytes, hyper::Error> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = MAX_ANSWER.saturating_sub(read.len());
            read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            if data.len() > room {
                break;
            }
        }
    }
    Ok(read.freeze())
}

fn fault_of(error: &hyper_util::client::legacy::Error) -> Fault {
    let mut source: Option<&(dyn Error + 'static)> = error.source();
    while let Some(cause) = source {
        if cause.is::<rustls::Error>() {
            return Fault::Tls;
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
                return Fault::Tls;
            }
            if matches!(io.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) {
                return Fault::Reset;
            }
        }
        source = cause.source();
    }
    if error.is_connect() { Fault::Connect } else { Fault::Protocol }
}

/// The cause at the bottom says what happened.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
