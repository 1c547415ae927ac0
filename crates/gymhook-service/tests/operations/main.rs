//! What whoever operates a service asks, without a key: health, readiness, metrics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::time::Duration;

use axum::Router;
use axum::body::Body;
use gymhook_engine::store::SqliteStore;
use gymhook_service::{Service, Settings};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

async fn get(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn until_unready(router: &Router) -> String {
    let unready = async {
        loop {
            let (status, said) = get(router, "/readyz").await;
            if status == StatusCode::SERVICE_UNAVAILABLE {
                return said;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), unready).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_makes_it_unready_and_not_dead() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
    let service = Service::start(Settings::default(), store.clone()).await.unwrap();
    let router = service.router();
    assert_eq!(get(&router, "/healthz").await.0, StatusCode::OK);
    assert_eq!(get(&router, "/readyz").await.0, StatusCode::OK);
    store.close().await.unwrap();
    let said = until_unready(&router).await;
    assert!(said.contains("incoming: ") && said.contains("outgoing: "), "{said}");
    assert!(!said.contains(folder.path().to_str().unwrap()), "a path is told to whoever asks: {said}");
    assert_eq!(
        get(&router, "/healthz").await.0,
        StatusCode::OK,
        "it would be started again for its database"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_shut_down_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
    let service = Service::start(Settings::default(), store).await.unwrap();
    service.shutdown().await;
    let said = until_unready(&service.router()).await;
    assert!(said.contains("outgoing: the worker has ended"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_not_among_what_the_world_reaches() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
    let service = Service::start(Settings::default(), store).await.unwrap();
    let own = service.metrics_router(|| "gymhook_ready 1\n".to_owned());
    assert_eq!(get(&own, "/metrics").await, (StatusCode::OK, "gymhook_ready 1\n".to_owned()));
    assert_eq!(get(&own, "/readyz").await.0, StatusCode::OK);
    assert_eq!(get(&own, "/v1/deliveries").await.0, StatusCode::NOT_FOUND, "only operations are there");
    assert_eq!(get(&service.router(), "/metrics").await.0, StatusCode::NOT_FOUND);
}
