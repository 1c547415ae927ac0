//! What the operator of a service needs: `/healthz` for liveness, readiness, metrics, and the purging that the service
//! does by itself.

mod housekeeping;
mod metrics;
mod readiness;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

pub(crate) use self::housekeeping::{Housekeeping, Pace};
pub(crate) use self::metrics::metrics_router;
pub(crate) use self::readiness::Readiness;
use crate::app::App;

/// `/healthz` and `/readyz`, without a key: neither tells anything of what is kept.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(app)
}

/// Whether the process answers. It never asks the database: a process is not started again because a database is away.
async fn healthz() -> Response {
    uncached(StatusCode::OK, "ok\n".to_owned())
}

/// Whether work is accepted and done: 503 with the part that is not ready.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.readiness.check(&app).await {
        Ok(()) => uncached(StatusCode::OK, "ready\n".to_owned()),
        Err(parts) => uncached(StatusCode::SERVICE_UNAVAILABLE, parts.to_string()),
    }
}

fn uncached(status: StatusCode, text: String) -> Response {
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
    ];
    (status, headers, text).into_response()
}
