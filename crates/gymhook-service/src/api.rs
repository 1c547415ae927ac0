//! The HTTP API, version 1: its router, and the answers for paths and methods that it does not have.

#![allow(unused_qualifications, reason = "the code that utoipa writes for parameters has them")]

mod api_keys;
mod audit;
pub(crate) mod deliveries;
mod delivery;
mod destinations;
mod docs;
mod document;
mod egym;
pub(crate) mod endpoint_actions;
mod events;
pub(crate) mod extract;
pub(crate) mod location;
mod page;
mod redeliveries;
mod sources;
mod stats;
pub(crate) mod subscription;
mod subscription_actions;
mod subscriptions;
pub(crate) mod tail;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, StatusCode, header};
use tracing::Instrument as _;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use self::document::{Document, with_problems};
use self::webhooks::webhooks;
use crate::app::App;
use crate::{Problem, spans};

/// The routes with their documentation.
fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(api_keys::routes())
        .merge(audit::routes())
        .merge(deliveries::routes())
        .merge(destinations::routes())
        .merge(egym::routes())
        .merge(events::routes())
        .merge(redeliveries::routes())
        .merge(sources::routes())
        .merge(stats::routes())
        .merge(subscription_actions::routes())
        .merge(subscriptions::routes())
        .merge(tail::routes())
}

/// Everything that is answered.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, document) = documented().split_for_parts();
    let documentation = docs::routes(&with_problems(document), webhooks());
    router
        .layer(middleware::map_response(private))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), spans::api_request))
        .merge(documentation)
        .merge(crate::page::router())
        .layer(middleware::from_fn(to_its_end))
        .fallback(otherwise)
        .method_not_allowed_fallback(not_allowed)
        .with_state(app)
}

/// What the API answers is for its caller alone, and is what it says it is.
async fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Whoever hangs up in the middle stops no change halfway: it goes on to its end, with its entry in the audit.
async fn to_its_end(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request was not done");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "this failed: the operator finds the reason in the log",
            )
            .into_response()
        }
    }
}

/// A source's path, or nothing.
async fn otherwise(State(app): State<Arc<App>>, request: Request) -> Response {
    match app.sources.receive(&app.activity, request).await {
        Some(response) => response,
        None => Problem::not_found("page").into_response(),
    }
}

async fn not_allowed() -> Problem {
    let detail = "this path does not have this method: `Allow` names those that it has";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
