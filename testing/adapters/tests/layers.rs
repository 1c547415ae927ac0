//! The limit holds in every order of layers: what is read is at most a chunk more, and 413 comes before anything is hashed.

use core::convert::Infallible;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use gymhook_adapter_tests::{MAX_BODY, Sources, point_body, sign};
use gymhook_axum::{RefusalReason, Webhook, WebhookLayer, WebhookSource};
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;

const CHUNK: usize = 1_024;

/// A body in chunks that counts what is read of it; endless if there is nothing to send.
struct Counted {
    rest: Bytes,
    endless: bool,
    read: Arc<AtomicU64>,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = if self.endless { CHUNK } else { CHUNK.min(self.rest.len()) };
        if length == 0 {
            return Poll::Ready(None);
        }
        let data = if self.endless { Bytes::from_static(&[b' '; CHUNK]) } else { self.rest.split_to(length) };
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

struct World {
    source: WebhookSource,
    reasons: Arc<Mutex<Vec<RefusalReason>>>,
}

impl World {
    fn new() -> Self {
        let reasons = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&reasons);
        let source = Sources::new().any.remove("point").unwrap();
        let source = source.on_refusal(move |refused| noted.lock().unwrap().push(refused.reason));
        Self { source, reasons }
    }

    /// A route with the extractor.
    fn extractor(&self) -> Router {
        Router::new().route("/", post(|_: Webhook| async {})).with_state(self.source.clone())
    }

    /// A route behind the layer.
    fn layered(&self) -> Router {
        let handler = |body: Bytes| async move { assert!(!body.is_empty(), "it gets the body as it came") };
        Router::new().route("/", post(handler)).layer(WebhookLayer::new(self.source.clone()))
    }

    /// Sends more and more to these routes. Returns how much was read, and why it was refused.
    async fn flood(
        &self,
        routes: Router,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> (u64, Vec<RefusalReason>) {
        let read = Arc::new(AtomicU64::new(0));
        let endless = body.is_none();
        let body = Counted { rest: body.unwrap_or_default(), endless, read: Arc::clone(&read) };
        let status = send(routes, headers, Body::new(body)).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        (read.load(Ordering::Relaxed), core::mem::take(&mut *self.reasons.lock().unwrap()))
    }
}

async fn send(routes: Router, headers: HeaderMap, body: Body) -> StatusCode {
    let mut request = Request::new(body);
    *request.method_mut() = http::Method::POST;
    *request.headers_mut() = headers;
    routes.oneshot(request).await.unwrap().status()
}

/// `routes` takes honest requests, and of endless ones not more than `most` bytes.
async fn holds(world: &World, routes: Router, most: usize) {
    let body = point_body(300);
    let honest = send(routes.clone(), sign(gymhook::event::Vendor::POINT, &body), Body::from(body)).await;
    assert_eq!(honest, StatusCode::OK);
    let (read, reasons) = world.flood(routes, HeaderMap::new(), None).await;
    assert!(read as usize <= most + CHUNK, "{read} bytes of {most} were read");
    assert_eq!(reasons, [RefusalReason::BodyTooLarge]);
}

#[tokio::test]
async fn axum_s_own_limit_does_not_matter() {
    let world = World::new();
    for limit in [DefaultBodyLimit::disable(), DefaultBodyLimit::max(10), DefaultBodyLimit::max(1 << 30)] {
        holds(&world, world.extractor().layer(limit), MAX_BODY).await;
    }
    // Behind the layer, a handler that extracts the bytes is bound by axum's limit, too.
    for limit in [DefaultBodyLimit::disable(), DefaultBodyLimit::max(1 << 30)] {
        holds(&world, world.layered().layer(limit), MAX_BODY).await;
        let inside = Router::new().route("/", post(|_: Bytes| async {})).layer(limit);
        holds(&world, inside.layer(WebhookLayer::new(world.source.clone())), MAX_BODY).await;
    }
}

#[tokio::test]
async fn the_smaller_limit_holds_where_another_layer_has_one() {
    let world = World::new();
    for limit in [300, MAX_BODY, 1 << 30] {
        let smaller = limit.min(MAX_BODY);
        holds(&world, world.extractor().layer(RequestBodyLimitLayer::new(limit)), smaller).await;
        holds(&world, world.layered().layer(RequestBodyLimitLayer::new(limit)), smaller).await;
        let inside =
            Router::new().route("/", post(|_: Bytes| async {})).layer(RequestBodyLimitLayer::new(limit));
        holds(&world, inside.layer(WebhookLayer::new(world.source.clone())), MAX_BODY).await;
    }
}

async fn collects(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    next.run(Request::from_parts(head, Body::from(body))).await
}

#[tokio::test]
async fn a_middleware_that_collects_gets_what_the_layer_around_it_lets_through() {
    let world = World::new();
    let inside = Router::new().route("/", post(|_: Bytes| async {})).layer(from_fn(collects));
    holds(&world, inside.layer(WebhookLayer::new(world.source.clone())), MAX_BODY).await;
    // The other way round it reads all there is before anybody can judge: still 413, and nothing is hashed.
    let long = Bytes::from(vec![b' '; 20 * CHUNK]);
    for routes in [world.extractor(), world.layered()] {
        let (read, reasons) =
            world.flood(routes.layer(from_fn(collects)), HeaderMap::new(), Some(long.clone())).await;
        assert_eq!((read as usize, reasons), (long.len(), vec![RefusalReason::BodyTooLarge]));
    }
}

#[tokio::test]
async fn what_another_layer_unpacks_counts_unpacked() {
    let world = World::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b' '; 64 * 1024 * 1024]).unwrap();
    let bomb = Bytes::from(packed.finish().unwrap());
    let gzip = || HeaderMap::from_iter([(http::header::CONTENT_ENCODING, "gzip".parse().unwrap())]);
    for routes in [world.extractor(), world.layered()] {
        // A chunk of it is a megabyte.
        let routes = routes.layer(RequestDecompressionLayer::new());
        let (read, reasons) = world.flood(routes, gzip(), Some(bomb.clone())).await;
        assert_eq!(reasons, [RefusalReason::BodyTooLarge]);
        assert!(read as usize <= CHUNK, "{read} bytes of {} were read", bomb.len());
    }
    // And by itself nothing is unpacked.
    for routes in [world.extractor(), world.layered()] {
        let status = send(routes, gzip(), Body::from(bomb.slice(..100))).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}
