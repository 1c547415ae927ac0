//! Spans for tracing: `api_request` for each API request, `received` for each request to a source, and `attempt` for
//! each attempt.
//!
//! All have this module's path as their target, the level debug, and OpenTelemetry's names of fields. None has a body, a secret or a
//! whole URL.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use gymhook_engine::store::AttemptOutcome;
use gymhook_engine::{Answer, Sending};
use gymhook_tower::{Fate, Intake};
use http::{HeaderMap, Method, StatusCode, Uri};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::app::App;

/// As [`Settings::continue_trace`](crate::Settings::continue_trace).
pub(crate) type ContinueTrace = Option<fn(&Span, &HeaderMap)>;

/// A request to the API, by its route: what is in the path is the caller's.
pub(crate) async fn api_request(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let span = tracing::debug_span!(
        "api_request",
        otel.name = format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    continue_trace(app.settings.load().continue_trace, &span, request.headers());
    let response = next.run(request).instrument(span.clone()).await;
    record_status(&span, response.status());
    response
}

/// A request to a source.
pub(crate) fn received(source: &str, platform: &'static str) -> Span {
    tracing::debug_span!(
        "webhook_received",
        otel.name = format_args!("receive {source}"),
        otel.kind = "server",
        otel.status_code = Empty,
        gymhook.source = source,
        gymhook.platform = platform,
        gymhook.outcome = Empty,
        http.response.status_code = Empty,
    )
}

/// What came of it: `new`, `duplicate`, …, or why it was refused.
pub(crate) fn record_intake(span: &Span, intake: &Intake) {
    let outcome = match &intake.fate {
        Fate::Taken(taken) => taken.as_str(),
        Fate::Refused { reason, .. } => reason.as_str(),
        Fate::Probed | _ => "probed",
    };
    span.record("gymhook.outcome", outcome);
    record_status(span, intake.answer.status());
}

/// An attempt, which continues the trace of whoever published.
pub(crate) fn attempt(sending: &Sending, continuing: ContinueTrace) -> Span {
    let target = sending.subscription.http();
    // Asked for only while somebody wants the span.
    let url = || target.map(|target| target.url_for(&sending.event_type).to_uri());
    let resends = sending.attempt.number.get() - 1;
    let span = tracing::debug_span!(
        "attempt",
        otel.name = "POST",
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = "POST",
        http.request.resend_count = (resends > 0).then_some(resends),
        http.response.status_code = Empty,
        server.address = url().as_ref().and_then(Uri::host).map(|host| host.trim_matches(['[', ']'])),
        server.port = url().as_ref().and_then(Uri::port_u16),
        gymhook.delivery.id = %sending.attempt.attempt.delivery,
        gymhook.subscription.id = %sending.subscription.id(),
        gymhook.platform = target.map(gymhook_engine::HttpTarget::platform),
        gymhook.outcome = Empty,
    );
    continue_trace(continuing, &span, sending.headers());
    span
}

/// What came of it.
pub(crate) fn record_answer(span: &Span, answer: &Answer) {
    span.record("gymhook.outcome", AttemptOutcome::from(&answer.outcome).as_str());
    let status = answer.outcome.status();
    if let Some(status) = status {
        span.record("http.response.status_code", status.as_u16());
    }
    if !status.is_some_and(|status| status.is_success()) {
        span.record("otel.status_code", "ERROR");
    }
}

fn continue_trace(continuing: ContinueTrace, span: &Span, headers: &HeaderMap) {
    if let Some(continuing) = continuing
        && !span.is_disabled()
    {
        continuing(span, headers);
    }
}

/// A server's span failed only if the server did.
fn record_status(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// One of a few, whatever the caller writes.
const fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
