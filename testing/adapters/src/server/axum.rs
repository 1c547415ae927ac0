//! `gymhook-axum`.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::any;
use gymhook::event::{Notification, pg_next, point};
use gymhook::signature::{AsProved, BodySigned};
use gymhook_axum::{InboxSource, Strength, Webhook, inbox_route, inbox_router};
use gymhook_engine::store::Store;
use tokio::net::TcpListener;

use super::{Server, Stop, give_up, summary};
use crate::Sources;

async fn answer<N: Notification, P: Strength>(hook: Webhook<N, P>) -> Response {
    Response::new(Body::from(summary(&hook)))
}

async fn answer_any(hook: Webhook) -> Response {
    Response::new(Body::from(summary(&hook)))
}

async fn panicking(_: Webhook) {
    give_up()
}

pub(super) fn routes(sources: &Sources) -> Router {
    let mut routes = Router::new();
    for (vendor, source) in &sources.any {
        routes = routes.route(&format!("/any/{vendor}"), any(answer_any).with_state(source.clone()));
    }
    let (pg_next, point) = (&sources.pg_next, &sources.point);
    let signed_pg_next = any(answer::<pg_next::Notification, BodySigned>);
    let signed_point = any(answer::<point::Notification, BodySigned>);
    routes
        .route("/slow", any(answer_any).with_state(sources.slow.clone()))
        .route("/probe", any(answer_any).with_state(sources.probe.clone()))
        .route("/large", any(answer_any).with_state(sources.large.clone()))
        .route("/panic", any(panicking).with_state(sources.panic.clone()))
        .route("/typed", any(answer::<pg_next::Notification, AsProved>).with_state(pg_next.clone()))
        .route("/signed/pg-next", signed_pg_next.with_state(pg_next.clone()))
        .route("/signed/point", signed_point.with_state(point.clone()))
}

pub(super) fn inboxes<S: Store>(sources: BTreeMap<String, InboxSource<S>>) -> Router {
    let first = sources.values().next().cloned().expect("a source");
    Router::new().route("/alone", inbox_route(first)).nest("/inbox", inbox_router(sources))
}

pub(super) async fn serve(routes: Router) -> Server {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("a server") });
    Server { address, stop: Stop::Task(serving) }
}
