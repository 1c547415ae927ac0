//! The HTTP API, version 1.

mod deliveries;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Problem;
use crate::app::App;

/// The document around the paths.
#[derive(OpenApi)]
#[openapi(info(title = "gymhook", description = "The gateway for webhooks of fitness platforms."))]
struct Document;

/// The routes with their documentation.
fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi()).routes(routes!(deliveries::list))
}

/// Everything that is answered.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, document) = documented().split_for_parts();
    let _ = document;
    router.merge(crate::page::router()).fallback(otherwise).with_state(app)
}

/// A source's path, or nothing.
async fn otherwise(State(app): State<Arc<App>>, request: Request) -> Response {
    match app.sources.receive(&app.activity, request).await {
        Some(response) => response,
        None => Problem::not_found("page").into_response(),
    }
}
