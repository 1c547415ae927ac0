//! `inbox_route` and `inbox_scope`: routes that verify a request, put it into an inbox, and answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, Route, Scope, web};
use gymhook::event::Notification;
use gymhook_engine::store::Store;
use gymhook_tower::InboxSource;
use http::Request;

use crate::request::{Incoming, head_of, response_to};

/// A route that verifies what comes in, accepts it durably and answers.
///
/// It matches all methods, and answers those that are not allowed.
///
/// ```
/// use actix_web::web;
/// use gymhook_actix::{InboxSource, inbox_route};
/// use gymhook_engine::store::Store;
///
/// fn routes<S: Store>(services: &mut web::ServiceConfig, pg_next: InboxSource<S>) {
///     services.route("/pg-next", inbox_route(pg_next));
/// }
/// ```
pub fn inbox_route<S: Store, N: Notification>(source: InboxSource<S, N>) -> Route {
    web::route().to(move |request: HttpRequest, payload: web::Payload| {
        let source = source.clone();
        async move { answer(&source, &request, payload).await }
    })
}

/// A scope with one route, `{path}/{source}`: each source under its name, and 404 for any other. If two sources have the same
/// name, the last one is used.
///
/// ```
/// use actix_web::web;
/// use gymhook_actix::{InboxSource, inbox_scope};
/// use gymhook_engine::store::Store;
///
/// fn routes<S: Store>(services: &mut web::ServiceConfig, egym: InboxSource<S>, point: InboxSource<S>) {
///     services.service(inbox_scope("/hooks", [("egym", egym), ("point", point)]));
/// }
/// ```
pub fn inbox_scope<I, K, S, N>(path: &str, sources: I) -> Scope
where
    I: IntoIterator<Item = (K, InboxSource<S, N>)>,
    K: Into<String>,
    S: Store,
    N: Notification,
{
    let sources = sources.into_iter().map(|(name, source)| (name.into(), source));
    let sources = Arc::new(sources.collect::<BTreeMap<String, _>>());
    let receive = move |request: HttpRequest, payload: web::Payload| {
        let sources = Arc::clone(&sources);
        async move {
            match request.match_info().get(SOURCE).and_then(|name| sources.get(name)) {
                Some(source) => answer(source, &request, payload).await,
                None => HttpResponse::NotFound().finish(),
            }
        }
    };
    web::scope(path).route("/{gymhook_source}", web::route().to(receive))
}

/// The path's parameter; a name that no other scope is likely to use.
const SOURCE: &str = "gymhook_source";

async fn answer<S: Store, N: Notification>(
    source: &InboxSource<S, N>,
    request: &HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let (method, headers) = match head_of(request) {
        Ok(head) => head,
        Err(refusal) => {
            source.source().note(&refusal);
            return response_to(&refusal.answer());
        }
    };
    let mut received = Request::new(Incoming(payload.into_inner()));
    *received.method_mut() = method;
    *received.headers_mut() = headers;
    response_to(&source.accept(received).await)
}
