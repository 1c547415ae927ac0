//! `inbox_route` and `inbox_router`: routes that verify a request, put it into an inbox, and answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any};
use gymhook::event::Notification;
use gymhook_engine::store::Store;
use gymhook_tower::InboxSource;
use http::StatusCode;

/// A route that verifies what comes in, accepts it durably and answers.
///
/// It matches all methods, and answers those that are not allowed.
///
/// ```
/// use axum::Router;
/// use gymhook::Receiver;
/// use gymhook_axum::{InboxSource, inbox_route};
/// use gymhook_engine::Inbox;
/// use gymhook_engine::store::Store;
///
/// fn routes<S: Store>(receiver: Receiver, inbox: Inbox<S>) -> Router {
///     Router::new().route("/pg-next", inbox_route(InboxSource::new(receiver, inbox)))
/// }
/// ```
pub fn inbox_route<S, N, T>(source: InboxSource<S, N>) -> MethodRouter<T>
where
    S: Store,
    N: Notification,
    T: Clone + Send + Sync + 'static,
{
    any(move |request: Request| {
        let source = source.clone();
        async move { answer(&source, request).await }
    })
}

/// A router with one route, `/{source}`: each source under its name, and 404 for any other. Nest it where you like. If two
/// sources have the same name, the last one is used.
///
/// ```
/// use axum::Router;
/// use gymhook_axum::{InboxSource, inbox_router};
/// use gymhook_engine::store::Store;
///
/// fn routes<S: Store>(egym: InboxSource<S>, point: InboxSource<S>) -> Router {
///     Router::new().nest("/hooks", inbox_router([("egym", egym), ("point", point)]))
/// }
/// ```
pub fn inbox_router<I, K, S, N, T>(sources: I) -> Router<T>
where
    I: IntoIterator<Item = (K, InboxSource<S, N>)>,
    K: Into<String>,
    S: Store,
    N: Notification,
    T: Clone + Send + Sync + 'static,
{
    let sources = sources.into_iter().map(|(name, source)| (name.into(), source));
    let sources = Arc::new(sources.collect::<BTreeMap<String, _>>());
    let receive = move |parameters: RawPathParams, request: Request| {
        let sources = Arc::clone(&sources);
        async move {
            // It may be nested under a path that has parameters.
            let name = parameters.iter().filter(|(name, _)| *name == SOURCE).last();
            match name.and_then(|(_, name)| sources.get(name)) {
                Some(source) => answer(source, request).await,
                None => StatusCode::NOT_FOUND.into_response(),
            }
        }
    };
    Router::new().route("/{gymhook_source}", any(receive))
}

/// The path's parameter; a name that no other router is likely to use.
const SOURCE: &str = "gymhook_source";

async fn answer<S: Store, N: Notification>(source: &InboxSource<S, N>, request: Request) -> Response {
    source.accept(request).await.into_response()
}
