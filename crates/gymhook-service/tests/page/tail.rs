//! What an open page is told.

use core::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use gymhook_engine::store::ApiKeyRights;
use http::{Request, StatusCode};
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::stage::{Browser, Stage};

/// Long enough for a busy machine; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn ask(browser: &Browser) -> http::Response<Body> {
    let request = Request::get("/tail").header("cookie", browser.cookie()).body(Body::empty()).unwrap();
    browser.router.clone().oneshot(request).await.unwrap()
}

async fn listen(browser: &Browser) -> BodyDataStream {
    let answer = ask(browser).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    answer.into_body().into_data_stream()
}

/// How much happened, as the next event says; `None` at the end of the stream.
async fn next(stream: &mut BodyDataStream) -> Option<u64> {
    loop {
        let chunk = timeout(PATIENCE, stream.next()).await.expect("an event or the end")?.unwrap();
        let text = core::str::from_utf8(&chunk).unwrap();
        if let Some((_, count)) = text.split_once("event: changed\ndata: ") {
            return Some(count.trim().parse().unwrap());
        }
    }
}

/// The source refuses it, which happens at once.
async fn something_happens(stage: &Stage) {
    let request = Request::post("/in/egym").body(Body::from("{}")).unwrap();
    let answer = stage.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_page_is_told_how_much_happened_and_a_gym_s_nothing_of_others() {
    let stage = Stage::new().await;
    stage.subscription("berlin", "app").await;
    stage.subscription("wien", "app").await;
    let operator = stage.signed_in(None, ApiKeyRights::Read).await;
    let berlin = stage.signed_in(Some("berlin"), ApiKeyRights::Read).await;
    let (mut all, mut own) = (listen(&operator).await, listen(&berlin).await);
    something_happens(&stage).await;
    let other = stage.publish("wien", "member.updated", "{}").await;
    stage.attempted(other).await;
    let mut told = 0;
    while told < 2 {
        told += next(&mut all).await.expect("it goes on");
    }
    assert_eq!(told, 2, "what was refused, and the attempt");
    let mine = stage.publish("berlin", "member.updated", "{}").await;
    assert_eq!(next(&mut own).await, Some(1), "its own attempt alone");
    let log = stage.engine.delivery(mine).await.unwrap().unwrap();
    assert_eq!(log.attempts.items.len(), 1, "the page finds it in the log");
}

#[tokio::test]
async fn the_stream_of_a_revoked_key_ends_also_while_others_hear_much() {
    let stage = Stage::new().await;
    let key = stage.key(Some("berlin"), ApiKeyRights::Read).await;
    let mut browser = stage.browser();
    browser.sign_in(key.expose_key()).await;
    let mut stream = listen(&browser).await;
    stage.engine.revoke_api_key(key.key.id).await.unwrap();
    let ended = async {
        while !matches!(timeout(Duration::from_millis(100), stream.next()).await, Ok(None)) {
            something_happens(&stage).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("its end");
}

#[tokio::test]
async fn the_stream_ends_with_the_session() {
    let stage = Stage::new().await;
    let browser = stage.signed_in(None, ApiKeyRights::Read).await;
    let mut stream = listen(&browser).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(12 * 60 * 60 + 1)).await;
    tokio::time::resume();
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn open_pages_count_as_requests_of_their_key() {
    let stage = Stage::new().await;
    let browser = stage.signed_in(None, ApiKeyRights::Read).await;
    let mut streams = Vec::new();
    loop {
        let answer = ask(&browser).await;
        if answer.status() != StatusCode::OK {
            assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
            break;
        }
        streams.push(answer.into_body());
        assert!(streams.len() <= 1_000, "there is no limit");
    }
    streams.pop();
    assert_eq!(ask(&browser).await.status(), StatusCode::OK, "one was closed");
}
