//! `exchange`: sends one request, and reads its answer within one time limit; what went wrong is an `Exchange`, too.

use core::error::Error;
use core::time::Duration;
use std::io;
use std::time::Instant;

use bytes::Bytes;
use gymhook::retry::{Fault, Outcome};
use gymhook::send;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use time::UtcDateTime;

use crate::http_client::{HttpClient, RequestError};

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
    pub(crate) fn word(&self) -> &str {
        match &self.outcome {
            Outcome::Response { status, .. } => status.as_str(),
            Outcome::Failure(fault) => fault.as_str(),
            Outcome::Internal(_) | Outcome::Crashed | Outcome::Panicked => "internal",
        }
    }
}

/// How far a peer's clock is ahead of this one's, by its `Date` header, which counts whole seconds.
pub(crate) fn clock_ahead(date: Option<&HeaderValue>) -> Option<time::Duration> {
    let date = UtcDateTime::from(httpdate::parse_http_date(date?.to_str().ok()?).ok()?);
    Some(date - UtcDateTime::now())
}

/// Sends a request; its answer has to be there within `timeout`, body included.
pub(crate) async fn exchange(client: &HttpClient, request: Request<Bytes>, timeout: Duration) -> Exchange {
    let start = Instant::now();
    let answer = tokio::time::timeout(timeout, client.request(request, MAX_ANSWER)).await;
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
        Ok(Err(error)) => failed(fault_of(&error), innermost(&error)),
        Ok(Ok(response)) => {
            let outcome = send::outcome(&response, UtcDateTime::now());
            let (parts, body) = response.into_parts();
            Exchange { outcome, took, headers: parts.headers, body, problem: None }
        }
    }
}

fn fault_of(error: &RequestError) -> Fault {
    if matches!(error, RequestError::Body(_)) {
        return Fault::Reset;
    }
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
    if matches!(error, RequestError::Connect(_)) { Fault::Connect } else { Fault::Protocol }
}

/// The cause at the bottom says what happened.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
