//! `gymhook-tower`, around services that hyper serves.

use core::convert::Infallible;
use std::collections::BTreeMap;

use bytes::Bytes;
use gymhook::Received;
use gymhook::event::{AnyNotification, Notification};
use gymhook::signature::Verified;
use gymhook_engine::store::Store;
use gymhook_tower::{InboxSource, Strength, WebhookLayer};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower::util::{BoxCloneSyncService, ServiceExt as _};
use tower::{Layer as _, service_fn};

use super::{Server, Stop, give_up, summary};
use crate::Sources;

type Answer = Response<Full<Bytes>>;
type Route = BoxCloneSyncService<Request<Incoming>, Answer, Infallible>;
pub(super) type Routes = BTreeMap<String, Route>;

pub(super) fn routes(sources: &Sources) -> Routes {
    let mut routes = Routes::new();
    for (vendor, source) in &sources.any {
        routes.insert(format!("/any/{vendor}"), any(WebhookLayer::new(source.clone())));
    }
    for (path, source) in [("/slow", &sources.slow), ("/probe", &sources.probe), ("/large", &sources.large)] {
        routes.insert(path.to_owned(), any(WebhookLayer::new(source.clone())));
    }
    let pg_next = WebhookLayer::new(sources.pg_next.clone());
    let panicking = service_fn(|_: Request<Full<Bytes>>| async { give_up() });
    let panicking = WebhookLayer::new(sources.panic.clone()).layer(panicking);
    routes.insert("/panic".to_owned(), Route::new(panicking));
    routes.insert("/typed".to_owned(), any(pg_next.clone()));
    routes.insert("/signed/pg-next".to_owned(), any(pg_next.requiring_signed_body()));
    let point = WebhookLayer::new(sources.point.clone()).requiring_signed_body();
    routes.insert("/signed/point".to_owned(), any(point));
    routes
}

fn any<N: Notification + Clone, P: Strength + Clone>(layer: WebhookLayer<N, P>) -> Route {
    Route::new(layer.layer(service_fn(|request: Request<Full<Bytes>>| async move {
        let hook = request.extensions().get::<Verified<Received<N>, P>>().expect("put there by the layer");
        Ok(Response::new(Full::from(summary(hook))))
    })))
}

pub(super) fn inboxes<S: Store>(sources: BTreeMap<String, InboxSource<S>>) -> Routes {
    let first = sources.values().next().cloned().map(|source| ("/alone".to_owned(), source));
    let named = sources.into_iter().map(|(name, source)| (format!("/inbox/{name}"), source));
    named.chain(first).map(|(path, source)| (path, inbox(source))).collect()
}

fn inbox<S: Store>(source: InboxSource<S, AnyNotification>) -> Route {
    Route::new(service_fn(move |request: Request<Incoming>| {
        let source = source.clone();
        async move { Ok(source.accept(request).await.into_response()) }
    }))
}

pub(super) async fn serve(routes: Routes) -> Server {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = service_fn(move |request: Request<Incoming>| {
        let route = routes.get(request.uri().path()).cloned();
        async move {
            match route {
                Some(route) => route.oneshot(request).await,
                None => {
                    let mut answer = Answer::default();
                    *answer.status_mut() = StatusCode::NOT_FOUND;
                    Ok(answer)
                }
            }
        }
    });
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    Server { address, stop: Stop::Task(serving) }
}
